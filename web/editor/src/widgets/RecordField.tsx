/** A sound from the microphone, kept on the server. */

import { useRef, useState } from "react";
import { t } from "../i18n";
import { fileOf, fileValue, viewUrl } from "./files";
import { Microphone, Stop } from "./icons";
import { newGesture } from "./keys";
import type { ControlProps } from "./types";
import { uploadFile } from "./upload";

export function RecordField({ id, name, value, onChange, nodeId, disabled, describedBy }: ControlProps) {
  const recorder = useRef<MediaRecorder | undefined>(undefined);
  const [running, setRunning] = useState(false);
  const [failed, setFailed] = useState(false);
  const file = fileOf(value);

  const keep = (sound: Blob) =>
    uploadFile(new File([sound], `recording-${Date.now()}.webm`, { type: sound.type })).then((ref) =>
      onChange(fileValue(ref), newGesture(nodeId, name)),
    );
  const start = async () => {
    setFailed(false);
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    const made = new MediaRecorder(stream);
    made.ondataavailable = ({ data }) => void keep(data).catch(() => setFailed(true));
    made.onstop = () => (stream.getTracks().forEach((track) => track.stop()), setRunning(false));
    made.start();
    recorder.current = made;
    setRunning(true);
  };
  const toggle = () => (running ? recorder.current?.stop() : void start().catch(() => setFailed(true)));

  return (
    <div className="w-file">
      <div className="w-buttons">
        <button
          id={id}
          type="button"
          className="w-button nodrag"
          disabled={disabled}
          aria-describedby={describedBy}
          onClick={toggle}
        >
          {running ? <Stop /> : <Microphone />}
          {t(running ? "widgets.record.stop" : "widgets.record.start")}
        </button>
      </div>
      {failed && <p className="w-problem">{t("widgets.record.failed")}</p>}
      {file && <audio className="w-media nodrag" src={viewUrl(file)} controls />}
    </div>
  );
}
