/** The dialog in which a mask is painted over a picture. What is painted becomes transparent in the file. */

import { useEffect, useRef, useState, type KeyboardEvent } from "react";
import { createPortal } from "react-dom";
import { t } from "../i18n";
import type { FileRef } from "./files";
import { MaskStage } from "./MaskStage";
import { MaskTools } from "./MaskTools";
import { firstSize, resized, undone, type MaskStep } from "./mask";
import { loadPicture, maskPng, type Picture } from "./maskfile";
import { uploadMask } from "./upload";

interface Props {
  readonly file: FileRef;
  readonly onDone: (made: FileRef) => void;
  readonly onClose: () => void;
}

export interface Brush {
  readonly size: number;
  readonly erase: boolean;
}

export default function MaskPainter({ file, onDone, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const { picture, failed, setFailed } = usePicture(file);
  const [steps, setSteps] = useState<readonly MaskStep[]>([]);
  const [brush, setBrush] = useState<Brush>({ size: 24, erase: false });
  const [zoom, setZoom] = useState<number>();
  const [busy, setBusy] = useState(false);
  useEffect(() => dialog.current?.showModal(), []);
  useEffect(() => {
    if (picture) setBrush((now) => ({ ...now, size: firstSize(picture.width, picture.height) }));
  }, [picture]);

  const save = async (loaded: Picture) => {
    setBusy(true);
    try {
      onDone(await uploadMask(await maskPng(loaded, steps), file));
      onClose();
    } catch (error) {
      setFailed((error as Error).message);
      setBusy(false);
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    event.stopPropagation();
    if (event.key === "[" || event.key === "]")
      setBrush({ ...brush, size: resized(brush.size, event.key === "]" ? 1 : -1) });
    else if (event.key === "e") setBrush({ ...brush, erase: !brush.erase });
    else if (event.key === "z" && (event.ctrlKey || event.metaKey)) setSteps(undone);
  };

  return createPortal(
    <dialog
      ref={dialog}
      className="w-dialog w-mask"
      aria-label={t("widgets.mask.title", { name: file.filename })}
      onKeyDown={onKeyDown}
      onPaste={(event) => event.stopPropagation()}
      onClose={onClose}
    >
      <MaskTools
        brush={brush}
        onBrush={setBrush}
        steps={steps}
        onSteps={setSteps}
        zoom={zoom}
        onZoom={setZoom}
        onClose={() => dialog.current?.close()}
        onSave={picture && !busy ? () => void save(picture) : undefined}
      />
      {failed && <p className="w-problem">{failed}</p>}
      {picture ? (
        <MaskStage picture={picture} steps={steps} onSteps={setSteps} brush={brush} zoom={zoom} onZoom={setZoom} />
      ) : (
        <p className="w-note">{failed ? "" : t("widgets.mask.loading")}</p>
      )}
    </dialog>,
    document.body,
  );
}

function usePicture(file: FileRef) {
  const [picture, setPicture] = useState<Picture>();
  const [failed, setFailed] = useState<string>();
  useEffect(() => {
    let wanted = true;
    loadPicture(file)
      .then((loaded) => wanted && setPicture(loaded))
      .catch((error: Error) => wanted && setFailed(error.message));
    return () => void (wanted = false);
  }, [file]);
  return { picture, failed, setFailed };
}
