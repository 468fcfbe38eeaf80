/** A file of the server: chosen from a menu, uploaded, dropped on it; a picture is shown, and its mask painted. */

import { lazy, Suspense, useRef, useState, type DragEvent } from "react";
import { editor, setDefs } from "../app/editor";
import { t } from "../i18n";
import type { Upload as Kind } from "../model/nodes";
import { Combo } from "./Combo";
import { fileOf, folderOf, fileValue, maskValue, mediaKind, viewUrl, type FileRef } from "./files";
import { Brush, Upload } from "./icons";
import { newGesture } from "./keys";
import type { ControlProps } from "./types";
import { uploadFile } from "./upload";
import { withChoice } from "./uploaded";

const MaskPainter = lazy(() => import("./MaskPainter"));

const ACCEPTED: Readonly<Record<Kind, string>> = { image: "image/*", video: "video/*", audio: "audio/*", file: "" };

export function FileField(props: ControlProps) {
  const { def, name, value, onChange, nodeId, disabled } = props;
  const folder = folderOf(def);
  const file = fileOf(value, folder);
  const input = useRef<HTMLInputElement>(null);
  const [painting, setPainting] = useState(false);
  const choose = (ref: FileRef) => {
    const made = fileValue(ref, folder);
    setDefs(withChoice(editor.get().defs, def.upload, made));
    onChange(made, newGesture(nodeId, name));
  };
  const { busy, failed, send, over, drop } = useUploads(choose, disabled);

  return (
    <div className="w-file" data-over={over || undefined} {...drop}>
      <Combo {...props} />
      <div className="w-buttons">
        <button
          type="button"
          className="w-button nodrag"
          disabled={disabled || busy}
          onClick={() => input.current?.click()}
        >
          <Upload />
          {t(busy ? "widgets.file.busy" : "widgets.file.choose")}
        </button>
        {def.upload === "image" && (
          <button
            type="button"
            className="w-button nodrag"
            disabled={disabled || !file}
            onClick={() => setPainting(true)}
          >
            <Brush />
            {t("widgets.mask.paint")}
          </button>
        )}
        <input
          ref={input}
          type="file"
          hidden
          accept={ACCEPTED[def.upload ?? "image"]}
          onChange={(event) => (send(event.target.files), (event.target.value = ""))}
        />
      </div>
      {failed && <p className="w-problem">{failed}</p>}
      {file && <Thumbnail file={file} />}
      {painting && file && (
        <Suspense>
          <MaskPainter
            file={file}
            onDone={(made) => onChange(maskValue(made), newGesture(nodeId, name))}
            onClose={() => setPainting(false)}
          />
        </Suspense>
      )}
    </div>
  );
}

function useUploads(choose: (ref: FileRef) => void, disabled: boolean | undefined) {
  const [busy, setBusy] = useState(false);
  const [over, setOver] = useState(false);
  const [failed, setFailed] = useState<string>();
  const send = (files: FileList | null) => {
    const file = files?.[0];
    if (!file || disabled) return;
    setBusy(true);
    setFailed(undefined);
    uploadFile(file)
      .then(choose)
      .catch((error: Error) => setFailed(error.message))
      .finally(() => setBusy(false));
  };
  const withFiles = (event: DragEvent, then: () => void) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    event.stopPropagation();
    then();
  };
  const drop = {
    onDragOver: (event: DragEvent) => withFiles(event, () => setOver(true)),
    onDragLeave: () => setOver(false),
    onDrop: (event: DragEvent) => withFiles(event, () => (setOver(false), send(event.dataTransfer.files))),
  };
  return { busy, failed, send, over, drop };
}

function Thumbnail({ file }: { readonly file: FileRef }) {
  const [size, setSize] = useState<string>();
  const [gone, setGone] = useState<string>();
  const kind = mediaKind(file.filename);
  const url = viewUrl(file, kind === "image" ? { preview: 80 } : {});
  if (gone === url) return <p className="w-note">{t("widgets.file.gone", { name: file.filename })}</p>;
  if (kind === "video")
    return <video className="w-media nodrag" src={url} controls muted onError={() => setGone(url)} />;
  if (kind === "audio") return <audio className="w-media nodrag" src={url} controls onError={() => setGone(url)} />;
  return (
    <figure className="w-thumbnail">
      <img
        src={url}
        alt={file.filename}
        draggable={false}
        onLoad={({ currentTarget: image }) => setSize(`${image.naturalWidth} × ${image.naturalHeight}`)}
        onError={() => setGone(url)}
      />
      <figcaption>{size}</figcaption>
    </figure>
  );
}
