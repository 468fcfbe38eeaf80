/** A button that is only an icon: its label is its name, and shown when the pointer rests on it. */

import type { ButtonHTMLAttributes } from "react";
import { Icon, type IconName } from "./icons";

interface Props extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, "aria-label" | "title"> {
  readonly icon: IconName;
  readonly label: string;
  readonly keys?: string;
}

export function IconButton({ icon, label, keys, className, ...rest }: Props) {
  return (
    <button
      type="button"
      className={["icon-button", className].filter(Boolean).join(" ")}
      aria-label={label}
      title={keys ? `${label} (${keys})` : label}
      {...rest}
    >
      <Icon name={icon} />
    </button>
  );
}
