/** Widgets: one table from the kind of an input to the component with which it is filled in. */

import { memo, useId, type ComponentType } from "react";
import { t } from "../i18n";
import { text } from "../model/json";
import type { InputDef, WidgetKind } from "../model/nodes";
import { Combo } from "./Combo";
import { FileField } from "./FileField";
import { NumberField } from "./NumberField";
import { RecordField } from "./RecordField";
import { SeedField } from "./SeedField";
import { ColorField, SeedMode, Slider, TextLine, Toggle } from "./SmallFields";
import { TextArea } from "./TextArea";
import type { ControlProps, WidgetProps } from "./types";
import "./widgets.css";

export type { WidgetProps } from "./types";
export { Tooltips } from "./Tooltips";
export { MarkdownNote } from "./MarkdownNote";

type Control = ComponentType<ControlProps>;

const CONTROLS: Readonly<Record<WidgetKind, Control>> = {
  int: NumberField,
  float: NumberField,
  text: TextLine,
  longtext: TextArea,
  toggle: Toggle,
  combo: Combo,
  dynamic: Combo,
  color: ColorField,
  record: RecordField,
};

/** What a definition may wish for instead (`display`). */
const DISPLAYS: Readonly<Record<string, Control>> = {
  slider: Slider,
  knob: Slider,
  gradientslider: Slider,
  color: ColorField,
};

function controlOf(def: InputDef, role: WidgetProps["role"]): Control | undefined {
  if (role === "control") return SeedMode;
  if (role === "filter") return TextLine;
  if (role === "upload" || !def.widget) return undefined;
  if (def.upload && def.widget === "combo") return FileField;
  const isNumber = def.widget === "int" || def.widget === "float";
  const wished = isNumber ? DISPLAYS[text(def.options.display) ?? ""] : undefined;
  return wished ?? (def.widget === "int" && def.controlled ? SeedField : CONTROLS[def.widget]);
}

export function labelOf({ def, name, role, label }: Pick<WidgetProps, "def" | "name" | "role" | "label">): string {
  if (role === "control") return t("widgets.control");
  if (role === "filter") return t("widgets.control.filter");
  return label ?? text(def.options.display_name) ?? name.slice(name.indexOf(".") + 1);
}

export const Widget = memo(function Widget(props: WidgetProps) {
  const id = useId();
  const { def, role, problem } = props;
  const Control = controlOf(def, role);
  if (!Control) return null;
  const label = labelOf(props);
  const tip = role === "control" ? t("widgets.control.tip") : role === "filter" ? undefined : def.tooltip;
  const kind = role === "control" ? "mode" : role === "filter" ? "text" : def.upload ? "file" : def.widget;
  const described = [tip && `${id}-tip`, problem && `${id}-problem`].filter(Boolean).join(" ");
  return (
    <div
      className="widget"
      data-kind={kind}
      data-problem={problem ? "" : undefined}
      data-disabled={props.disabled ? "" : undefined}
    >
      <label className="w-label" htmlFor={id} data-tip={tip}>
        {label}
      </label>
      <div className="w-control">
        <Control {...props} id={id} label={label} {...(described ? { describedBy: described } : {})} />
        {problem && (
          <p className="w-problem" id={`${id}-problem`}>
            {problem}
          </p>
        )}
      </div>
      {tip && (
        <span hidden id={`${id}-tip`}>
          {tip}
        </span>
      )}
    </div>
  );
});
