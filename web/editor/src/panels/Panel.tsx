/** The frame of a panel beside the canvas: its name, what can be done, and the list. */

import type { ReactNode } from "react";
import { IconButton } from "../app/IconButton";
import { Icon } from "../app/icons";
import { t } from "../i18n";

interface Props {
  readonly title: string;
  readonly side: "left" | "right";
  readonly tools?: ReactNode;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

export function Panel({ title, side, tools, onClose, children }: Props) {
  return (
    <section className={`panel panel-${side}`} aria-label={title} onKeyDown={(event) => keys(event, onClose)}>
      <header className="panel-head">
        <h2>{title}</h2>
        <div className="panel-tools">
          {tools}
          <IconButton icon="close" label={t("app.closePanel")} onClick={onClose} />
        </div>
      </header>
      <div className="panel-body">{children}</div>
    </section>
  );
}

/** Escape closes; keys alone are not for the canvas. */
function keys(event: React.KeyboardEvent, close: () => void): void {
  if (event.key === "Escape" && !event.defaultPrevented) close();
  if (!event.ctrlKey && !event.metaKey) event.stopPropagation();
}

export function Search({
  value,
  label,
  onChange,
}: {
  value: string;
  label: string;
  onChange: (words: string) => void;
}) {
  return (
    <div className="search">
      <Icon name="search" size={15} />
      <input
        type="search"
        className="field"
        placeholder={label}
        aria-label={label}
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
    </div>
  );
}

export function Nothing({ children }: { children: ReactNode }) {
  return <p className="nothing">{children}</p>;
}
