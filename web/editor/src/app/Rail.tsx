/** The panels, one button each: at the left edge, on a phone at the bottom. */

import { t } from "../i18n";
import { useProblemCount } from "../panels/Problems";
import { action } from "./actions";
import { Icon, type IconName } from "./icons";
import { layout } from "./layout";
import { shownKeys } from "./shortcuts";
import { useStore } from "./store";

const ICONS: readonly (readonly [string, IconName])[] = [
  ["library", "folder"],
  ["templates", "template"],
  ["gallery", "gallery"],
  ["queue", "queue"],
  ["problems", "alert"],
];

export function Rail() {
  const { left, right, dialog } = useStore(layout, (state) => state);
  const { count, announce } = useProblemCount();
  return (
    <nav className="rail" aria-label={t("app.panels")}>
      {ICONS.map(([id, icon]) => (
        <RailButton
          key={id}
          id={id}
          icon={icon}
          pressed={left === id || right === id}
          count={id === "problems" ? count : 0}
        />
      ))}
      <span className="rail-space" />
      <RailButton id="settings" icon="settings" pressed={dialog === "settings"} />
      <RailButton id="help" icon="help" pressed={dialog === "help"} />
      <span className="visually-hidden" role="status">
        {announce}
      </span>
    </nav>
  );
}

interface Props {
  readonly id: string;
  readonly icon: IconName;
  readonly pressed: boolean;
  readonly count?: number;
}

function RailButton({ id, icon, pressed, count = 0 }: Props) {
  const { label, keys, run } = action(id);
  const name = t(id === "help" ? "app.helpShort" : label);
  return (
    <button
      type="button"
      className="rail-button"
      aria-pressed={pressed}
      title={keys ? `${name} (${shownKeys(keys)})` : name}
      onClick={run}
    >
      <Icon name={icon} size={20} />
      <span className="rail-name">{name}</span>
      {count > 0 && <span className="count count-warn">{count}</span>}
    </button>
  );
}
