/** The tools over the picture: brush, eraser, size, undo, clear, invert, zoom, and the two ways out. */

import type { ReactNode } from "react";
import { t } from "../i18n";
import { Brush as BrushIcon, Close, Eraser, Fit, Invert, Minus, Plus, Trash, Undo } from "./icons";
import type { Brush } from "./MaskPainter";
import { undone, type MaskStep } from "./mask";

interface Props {
  readonly brush: Brush;
  readonly onBrush: (brush: Brush) => void;
  readonly steps: readonly MaskStep[];
  readonly onSteps: (change: (steps: readonly MaskStep[]) => readonly MaskStep[]) => void;
  /** Undefined: the whole picture fits. */
  readonly zoom: number | undefined;
  readonly onZoom: (zoom: number | undefined) => void;
  readonly onClose: () => void;
  readonly onSave: (() => void) | undefined;
}

export function MaskTools({ brush, onBrush, steps, onSteps, zoom, onZoom, onClose, onSave }: Props) {
  const add = (step: MaskStep) => onSteps((now) => [...now, step]);
  return (
    <div className="w-tools" role="toolbar" aria-label={t("widgets.mask.tools")}>
      <Tool say={t("widgets.mask.brush")} pressed={!brush.erase} onClick={() => onBrush({ ...brush, erase: false })}>
        <BrushIcon />
      </Tool>
      <Tool say={t("widgets.mask.erase")} pressed={brush.erase} onClick={() => onBrush({ ...brush, erase: true })}>
        <Eraser />
      </Tool>
      <label className="w-tool-size">
        {t("widgets.mask.size")}
        <input
          type="range"
          min="0"
          max="100"
          value={Math.round((100 * Math.log(brush.size)) / Math.log(1000))}
          aria-valuetext={t("widgets.mask.pixels", { count: brush.size })}
          onChange={(event) => onBrush({ ...brush, size: Math.round(1000 ** (Number(event.target.value) / 100)) })}
        />
        <output>{brush.size}</output>
      </label>
      <span className="w-tool-gap" />
      <Tool say={t("widgets.mask.undo")} disabled={!steps.length} onClick={() => onSteps(undone)}>
        <Undo />
      </Tool>
      <Tool say={t("widgets.mask.invert")} onClick={() => add({ kind: "invert" })}>
        <Invert />
      </Tool>
      <Tool say={t("widgets.mask.clear")} onClick={() => add({ kind: "clear" })}>
        <Trash />
      </Tool>
      <span className="w-tool-gap" />
      <Tool say={t("widgets.mask.smaller")} onClick={() => onZoom((zoom ?? 1) / 1.25)}>
        <Minus />
      </Tool>
      <Tool say={t("widgets.mask.larger")} onClick={() => onZoom((zoom ?? 1) * 1.25)}>
        <Plus />
      </Tool>
      <Tool say={t("widgets.mask.fit")} onClick={() => onZoom(undefined)}>
        <Fit />
      </Tool>
      <span className="w-tool-space" />
      <button type="button" className="w-button" onClick={onClose}>
        <Close />
        {t("widgets.cancel")}
      </button>
      <button type="button" className="w-button w-primary" disabled={!onSave} onClick={onSave}>
        {t("widgets.mask.save")}
      </button>
    </div>
  );
}

interface ToolProps {
  readonly say: string;
  readonly pressed?: boolean;
  readonly disabled?: boolean;
  readonly onClick: () => void;
  readonly children: ReactNode;
}

function Tool({ say, pressed, disabled, onClick, children }: ToolProps) {
  return (
    <button
      type="button"
      className="w-button w-square"
      aria-label={say}
      title={say}
      aria-pressed={pressed}
      disabled={disabled}
      onClick={onClick}
    >
      {children}
    </button>
  );
}
