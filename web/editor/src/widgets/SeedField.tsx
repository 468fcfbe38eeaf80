/** A seed: a number of up to 64 bits, and a die that throws a new one, of as many as all programs read exactly. */

import { t } from "../i18n";
import { drawn } from "../model/seeds";
import { Dice } from "./icons";
import { newGesture } from "./keys";
import { NumberField } from "./NumberField";
import type { ControlProps } from "./types";

export function SeedField(props: ControlProps) {
  const { def, name, nodeId, onChange, disabled } = props;
  return (
    <div className="w-with-button">
      <NumberField {...props} />
      <button
        type="button"
        className="w-button w-square nodrag"
        aria-label={t("widgets.seed.random")}
        data-tip={t("widgets.seed.random")}
        disabled={disabled}
        onClick={() => onChange(drawn(def), newGesture(nodeId, name))}
      >
        <Dice />
      </button>
    </div>
  );
}
