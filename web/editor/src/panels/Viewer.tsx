/** A picture in full size: zoom with the wheel or + and -, move by dragging, arrows for the next, Esc to end. */

import { useEffect, useRef, useState, type KeyboardEvent, type PointerEvent } from "react";
import { Icon } from "../app/icons";
import { IconButton } from "../app/IconButton";
import { openJob } from "../app/reading";
import { useStore } from "../app/store";
import { t } from "../i18n";
import { gallery, hide, show, step, type Picture } from "./pictures";

interface View {
  readonly zoom: number;
  readonly x: number;
  readonly y: number;
}
const FIT: View = { zoom: 1, x: 0, y: 0 };
const LARGEST = 16;

export function Viewer() {
  const shown = useStore(gallery, (state) => state.viewer);
  return shown ? <Full among={shown.among} at={shown.at} /> : null;
}

function Full({ among, at }: { among: readonly Picture[]; at: number }) {
  const box = useRef<HTMLDialogElement>(null);
  const [view, setView] = useState(FIT);
  const [fitted, setFitted] = useState<number>();
  const picture = among[at]!;
  useEffect(() => box.current?.showModal(), []);
  useEffect(() => setView(FIT), [picture.id]);
  const zoom = (factor: number) => setView((old) => scaled(old, factor));
  return (
    <dialog
      ref={box}
      className="viewer"
      aria-label={picture.name}
      onCancel={() => hide("viewer")}
      onKeyDown={(event) => keys(event, zoom, () => setView(FIT))}
    >
      <header className="viewer-head">
        <span className="viewer-name">{picture.name}</span>
        <span className="dim">{t("panels.of", { at: at + 1, count: among.length })}</span>
        <Tools
          picture={picture}
          other={among[at + 1] ?? among[at - 1]}
          zoom={zoom}
          scale={fitted && view.zoom * fitted}
        />
      </header>
      <Stage picture={picture} view={view} setView={setView} onFitted={setFitted} />
      <IconButton
        icon="left"
        className="viewer-left"
        label={t("panels.previous")}
        disabled={at === 0}
        onClick={() => step(-1)}
      />
      <IconButton
        icon="right"
        className="viewer-right"
        label={t("panels.next")}
        disabled={at === among.length - 1}
        onClick={() => step(1)}
      />
    </dialog>
  );
}

interface ToolsProps {
  readonly picture: Picture;
  readonly other: Picture | undefined;
  readonly zoom: (factor: number) => void;
  /** Pixels of the page for one of the picture; unknown until it is loaded. */
  readonly scale: number | undefined;
}

function Tools({ picture, other, zoom, scale }: ToolsProps) {
  const open = () => {
    hide("viewer");
    void openJob(picture.job);
  };
  return (
    <div className="viewer-tools">
      <IconButton icon="minus" label={t("panels.zoomOut")} keys="-" onClick={() => zoom(1 / 1.25)} />
      <span className="viewer-zoom">{scale === undefined ? "" : `${Math.round(scale * 100)} %`}</span>
      <IconButton icon="plus" label={t("panels.zoomIn")} keys="+" onClick={() => zoom(1.25)} />
      {other && (
        <>
          <IconButton
            icon="compare"
            label={t("panels.compareNext")}
            onClick={() => show("compared", [picture, other])}
          />
          <IconButton
            icon="changes"
            label={t("panels.changesNext")}
            onClick={() => show("changes", [picture, other])}
          />
        </>
      )}
      <IconButton icon="open" label={t("panels.openGraph")} onClick={open} />
      <a className="icon-button" href={picture.url} download={picture.name} aria-label={t("panels.download")}>
        <Icon name="download" />
      </a>
      <IconButton icon="close" label={t("app.close")} keys="Esc" onClick={() => hide("viewer")} />
    </div>
  );
}

function scaled(view: View, factor: number, x = 0, y = 0): View {
  const zoom = Math.min(Math.max(view.zoom * factor, 1), LARGEST);
  const by = zoom / view.zoom;
  return zoom === 1 ? FIT : { zoom, x: x - (x - view.x) * by, y: y - (y - view.y) * by };
}

function keys(event: KeyboardEvent, zoom: (factor: number) => void, fit: () => void): void {
  event.stopPropagation();
  const acts: Record<string, () => void> = {
    ArrowLeft: () => step(-1),
    ArrowRight: () => step(1),
    Home: () => step(-Infinity),
    End: () => step(Infinity),
    "+": () => zoom(1.25),
    "=": () => zoom(1.25),
    "-": () => zoom(1 / 1.25),
    "0": fit,
  };
  const act = acts[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

interface StageProps {
  readonly picture: Picture;
  readonly view: View;
  readonly setView: (change: (old: View) => View) => void;
  readonly onFitted: (scale: number) => void;
}

function Stage({ picture, view, setView, onFitted }: StageProps) {
  const stage = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const box = stage.current!;
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      const { left, top, width, height } = box.getBoundingClientRect();
      const [x, y] = [event.clientX - left - width / 2, event.clientY - top - height / 2];
      setView((old) => scaled(old, Math.exp(-event.deltaY / 400), x, y));
    };
    box.addEventListener("wheel", wheel, { passive: false });
    return () => box.removeEventListener("wheel", wheel);
  }, [setView]);
  const drag = (event: PointerEvent) => {
    if (event.buttons !== 1) return;
    setView((old) => (old.zoom > 1 ? { ...old, x: old.x + event.movementX, y: old.y + event.movementY } : old));
  };
  return (
    <div
      ref={stage}
      className="viewer-stage"
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={drag}
      onDoubleClick={() => setView((old) => (old.zoom > 1 ? FIT : scaled(old, 3)))}
    >
      <img
        src={picture.url}
        alt={picture.name}
        draggable={false}
        onLoad={({ currentTarget: { clientWidth, clientHeight, naturalWidth, naturalHeight } }) =>
          onFitted(Math.min(clientWidth / naturalWidth, clientHeight / naturalHeight))
        }
        className={view.zoom > 3 ? "pixels" : ""}
        style={{ transform: `translate(${view.x}px, ${view.y}px) scale(${view.zoom})` }}
      />
    </div>
  );
}
