/** The menu of an input. */

import { isMissing } from "./choices";
import { folderOf } from "./files";
import { newGesture } from "./keys";
import { MenuField } from "./MenuField";
import type { ControlProps } from "./types";
import { useChoices } from "./useChoices";

export function Combo({ def, id, name, value, onChange, nodeId, disabled, describedBy, label, problem }: ControlProps) {
  const { choices, refresh } = useChoices(def);
  return (
    <MenuField
      id={id}
      label={label}
      describedBy={describedBy}
      disabled={disabled}
      wrong={Boolean(problem)}
      choices={choices}
      value={value}
      missing={!def.upload && choices.length > 0 && isMissing(value, choices)}
      pictures={def.upload === "image" ? folderOf(def) : undefined}
      onOpen={refresh}
      onChange={(choice) => onChange(choice, newGesture(nodeId, name))}
    />
  );
}
