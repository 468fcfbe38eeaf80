/** The widgets that take a few lines each: switch, single line, slider, mode of a seed, colour. */

import { useRef } from "react";
import { t } from "../i18n";
import { text } from "../model/json";
import { colorText, colorValue } from "./color";
import { keepKeys, newGesture } from "./keys";
import { MenuField } from "./MenuField";
import { NumberField } from "./NumberField";
import { allowed, amount, rulesOf } from "./number";
import type { ControlProps } from "./types";

export function Toggle({ def, id, name, value, onChange, nodeId, disabled, describedBy }: ControlProps) {
  const on = value === true;
  const said = text(on ? def.options.label_on : def.options.label_off) ?? t(on ? "widgets.on" : "widgets.off");
  return (
    <button
      id={id}
      type="button"
      role="switch"
      className="w-toggle nodrag"
      aria-checked={on}
      aria-describedby={describedBy}
      disabled={disabled}
      onClick={() => onChange(!on, newGesture(nodeId, name))}
    >
      <span className="w-toggle-said">{said}</span>
      <span className="w-toggle-track" aria-hidden="true" />
    </button>
  );
}

/** What is typed between two pauses of the focus is one undo entry. */
export function useFocusGesture(nodeId: string, name: string) {
  const gesture = useRef<string | undefined>(undefined);
  return {
    current: () => (gesture.current ??= newGesture(nodeId, name)),
    end: () => (gesture.current = undefined),
  };
}

export function TextLine({ def, id, name, value, onChange, nodeId, disabled, describedBy }: ControlProps) {
  const gesture = useFocusGesture(nodeId, name);
  return (
    <input
      id={id}
      type="text"
      className="w-field nodrag"
      value={typeof value === "string" ? value : String(value ?? "")}
      placeholder={text(def.options.placeholder)}
      spellCheck={false}
      autoComplete="off"
      aria-describedby={describedBy}
      disabled={disabled}
      onChange={(event) => onChange(event.target.value, gesture.current())}
      onKeyDown={keepKeys}
      onBlur={gesture.end}
    />
  );
}

export function Slider(props: ControlProps) {
  const { def, name, value, onChange, nodeId, disabled, label } = props;
  const rules = rulesOf(def);
  const gesture = useFocusGesture(nodeId, name);
  if (!Number.isFinite(Number(rules.min)) || !Number.isFinite(Number(rules.max))) return <NumberField {...props} />;
  return (
    <div className="w-slider">
      <input
        type="range"
        className="nodrag"
        aria-label={label}
        min={String(rules.min)}
        max={String(rules.max)}
        step={rules.step}
        value={String(amount(value) ?? 0)}
        disabled={disabled}
        onChange={(event) => onChange(allowed(Number(event.target.value), rules), gesture.current())}
        onKeyDown={keepKeys}
        onPointerUp={gesture.end}
        onKeyUp={gesture.end}
      />
      <NumberField {...props} />
    </div>
  );
}

export const SEED_MODES = ["fixed", "increment", "decrement", "randomize"] as const;

export function SeedMode({ id, def, name, value, onChange, nodeId, disabled, describedBy, label }: ControlProps) {
  const known: readonly string[] = def.type === "COMBO" ? [...SEED_MODES, "increment-wrap"] : SEED_MODES;
  const now = String(value ?? "fixed");
  const modes = known.includes(now) ? known : [now, ...known];
  const said = (mode: string) => (known.includes(mode) ? t(`widgets.mode.${mode}` as "widgets.mode.fixed") : mode);
  return (
    <MenuField
      id={id}
      label={label}
      describedBy={describedBy}
      disabled={disabled}
      choices={modes.map(said)}
      value={said(now)}
      onChange={(chosen) => onChange(modes.find((mode) => said(mode) === chosen) ?? now, newGesture(nodeId, name))}
    />
  );
}

export function ColorField({ id, def, name, value, onChange, nodeId, disabled, describedBy, label }: ControlProps) {
  const gesture = useFocusGesture(nodeId, name);
  const color = colorText(value);
  const change = (typed: string) => {
    const meant = colorValue(typed, def.widget === "int");
    if (meant !== undefined && meant !== value) onChange(meant, gesture.current());
  };
  return (
    <div className="w-color nodrag">
      <input
        type="color"
        aria-label={t("widgets.color.pick", { name: label })}
        value={color}
        disabled={disabled}
        onChange={(event) => change(event.target.value)}
        onBlur={gesture.end}
      />
      <input
        key={color}
        id={id}
        type="text"
        className="w-field"
        defaultValue={color}
        spellCheck={false}
        aria-describedby={describedBy}
        disabled={disabled}
        onBlur={(event) => (change(event.target.value), gesture.end())}
        onKeyDown={(event) => {
          keepKeys(event);
          if (event.key === "Enter") change(event.currentTarget.value);
        }}
      />
    </div>
  );
}
