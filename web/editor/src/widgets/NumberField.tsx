/** A number: dragged sideways, stepped with buttons and arrow keys, or typed, also as arithmetic. */

import { useRef, useState, type CSSProperties, type KeyboardEvent } from "react";
import type { Amount } from "./arithmetic";
import { useNumberDrag } from "./drag";
import { ArrowLeft, ArrowRight } from "./icons";
import { keepKeys, newGesture } from "./keys";
import { allowed, amount, fraction, parse, rulesOf, shown, stepped } from "./number";
import type { ControlProps } from "./types";

const KEY_STEPS: Readonly<Record<string, number>> = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 };

export function NumberField(props: ControlProps) {
  const { def, name, value, onChange, nodeId, disabled } = props;
  const rules = rulesOf(def);
  const field = useRef<HTMLInputElement>(null);
  const held = useRef<string | undefined>(undefined);
  const [typed, setTyped] = useState<string>();
  const [focused, setFocused] = useState(false);
  const now = amount(value) ?? allowed(amount(def.default) ?? 0, rules);

  const step = (steps: number, gesture = newGesture(nodeId, name)) => onChange(stepped(now, steps, rules), gesture);
  const commit = () => {
    const meant = typed === undefined ? undefined : parse(typed, rules);
    if (meant !== undefined && meant !== value) onChange(meant, newGesture(nodeId, name));
    setTyped(undefined);
  };
  const drag = useNumberDrag({
    rules,
    value: now,
    key: [nodeId, name],
    onChange: (next: Amount, gesture) => onChange(next, gesture),
    onClick: () => (field.current?.focus(), field.current?.select()),
  });
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    keepKeys(event);
    const steps = KEY_STEPS[event.key];
    if (steps !== undefined && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      held.current ??= newGesture(nodeId, name);
      setTyped(undefined);
      step(steps * (event.shiftKey ? 10 : 1), held.current);
    } else if (event.key === "Enter") commit();
    else if (event.key === "Escape" && typed === undefined) event.currentTarget.blur();
    else if (event.key === "Escape") setTyped(undefined);
  };

  const part = typed === undefined ? fraction(value, rules) : undefined;
  const wrong = typed !== undefined && parse(typed, rules) === undefined;
  return (
    <div
      className="w-number nodrag"
      data-typing={focused || undefined}
      data-long={shown(value, rules).length > 15 || undefined}
      style={{ "--part": part ?? 0 } as CSSProperties}
    >
      <StepButton steps={-1} step={step} disabled={disabled || now <= rules.min} />
      <input
        ref={field}
        {...inputAttributes(props, rules)}
        value={typed ?? shown(value, rules)}
        aria-invalid={wrong || Boolean(props.problem) || undefined}
        onChange={(event) => setTyped(event.target.value)}
        onFocus={() => setFocused(true)}
        onBlur={() => (commit(), setFocused(false))}
        onKeyDown={onKeyDown}
        onKeyUp={() => (held.current = undefined)}
        {...(focused || disabled ? {} : drag)}
      />
      <StepButton steps={1} step={step} disabled={disabled || now >= rules.max} />
    </div>
  );
}

function inputAttributes({ id, value, disabled, describedBy, def }: ControlProps, rules: ReturnType<typeof rulesOf>) {
  const bounded = (bound: Amount) => (Number.isFinite(Number(bound)) ? Number(bound) : undefined);
  return {
    id,
    type: "text",
    role: "spinbutton",
    inputMode: rules.whole ? "numeric" : "decimal",
    autoComplete: "off",
    spellCheck: false,
    disabled,
    "aria-valuenow": Number(amount(value) ?? NaN) || 0,
    "aria-valuemin": bounded(rules.min),
    "aria-valuemax": bounded(rules.max),
    "aria-valuetext": shown(value, rules),
    "aria-describedby": describedBy,
    "data-name": def.name,
  } as const;
}

interface StepButtonProps {
  readonly steps: number;
  readonly step: (steps: number) => void;
  readonly disabled: boolean | undefined;
}

/** For the pointer only: the keyboard has the arrow keys, and a screen reader the spin button itself. */
function StepButton({ steps, step, disabled }: StepButtonProps) {
  return (
    <button
      type="button"
      className="w-step"
      tabIndex={-1}
      aria-hidden="true"
      disabled={disabled}
      onClick={(event) => step(steps * (event.shiftKey ? 10 : 1))}
    >
      {steps < 0 ? <ArrowLeft /> : <ArrowRight />}
    </button>
  );
}
