/** A seed: a number of up to 64 bits, and a die that throws a new one. */

import { t } from "../i18n";
import { Dice } from "./icons";
import { newGesture } from "./keys";
import { NumberField } from "./NumberField";
import { rulesOf } from "./number";
import { randomSeed } from "./seed";
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
        onClick={() => onChange(randomSeed(rulesOf(def)), newGesture(nodeId, name))}
      >
        <Dice />
      </button>
    </div>
  );
}
