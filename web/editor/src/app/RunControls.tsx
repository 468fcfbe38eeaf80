/** Run, how often, how far it is, and cancel. */

import { t } from "../i18n";
import { auto } from "../run/auto";
import { run } from "../run/run";
import { action } from "./actions";
import { IconButton } from "./IconButton";
import { Icon } from "./icons";
import { layout, toggleRight } from "./layout";
import { Menu, type MenuLines } from "./Menu";
import { batch } from "./settings";
import { shownKeys } from "./shortcuts";
import { useStore } from "./store";
import { duration } from "./words";

export function RunControls() {
  const job = useStore(run, (state) => state.job);
  return (
    <div className="run" role="group" aria-label={t("app.running")}>
      <Progress />
      <IconButton
        icon="stop"
        className="run-stop"
        label={t("app.interrupt")}
        keys={shownKeys(action("interrupt").keys!)}
        disabled={job === undefined}
        onClick={action("interrupt").run}
      />
      <Count />
      <div className="run-split">
        <button
          type="button"
          className="button primary run-button"
          title={`${t("app.run")} (${shownKeys("Mod+Enter")})`}
          onClick={action("run").run}
        >
          <Icon name="play" size={14} />
          {t("app.run")}
        </button>
        <Modes />
      </div>
      <Waiting />
    </div>
  );
}

function Count() {
  const count = useStore(batch, (state) => state);
  return (
    <label className="run-count" title={t("app.count")}>
      <span aria-hidden="true">×</span>
      <input
        type="number"
        min={1}
        max={100}
        aria-label={t("app.count")}
        value={count}
        onChange={(event) => batch.set(() => Math.min(Math.max(Math.round(Number(event.target.value)) || 1, 1), 100))}
      />
    </label>
  );
}

function Modes() {
  const onChange = useStore(auto, (state) => state);
  const lines: MenuLines = [
    ...["run", "runFront", "runTo", "interrupt"].map(line),
    "line",
    { id: "auto", label: t("app.runOnChange"), checked: onChange, run: () => auto.set((on) => !on) },
  ];
  return (
    <Menu label={t("app.runModes")} lines={lines} className="button primary run-more" side="right">
      <Icon name="down" size={14} />
      {onChange && <span className="run-auto" title={t("app.runOnChange")} />}
    </Menu>
  );
}

/** A line of a menu that does what the action does. */
export function line(id: string) {
  const { label, keys, run: start } = action(id);
  return { id, label: t(label), run: start, ...(keys ? { keys: shownKeys(keys) } : {}) };
}

function Progress() {
  const job = useStore(run, (state) => state.job);
  const percent = useStore(run, (state) => Math.floor((state.overall ?? 0) * 100));
  const left = useStore(run, (state) => state.secondsLeft && Math.ceil(state.secondsLeft));
  if (job === undefined) return null;
  return (
    <div className="run-progress">
      <div
        className="run-bar"
        role="progressbar"
        aria-label={t("app.progress")}
        aria-valuenow={percent}
        aria-valuemin={0}
        aria-valuemax={100}
      >
        <span style={{ width: `${percent}%` }} />
      </div>
      <span className="run-left">
        {percent} %{left ? ` · ${t("app.left", { time: duration(left) })}` : ""}
      </span>
    </div>
  );
}

function Waiting() {
  const remaining = useStore(run, (state) => state.remaining);
  const shown = useStore(layout, (state) => state.right === "queue");
  return (
    <button
      type="button"
      className="button queue-button"
      aria-pressed={shown}
      aria-label={t("app.queueCount", { count: remaining })}
      title={t("app.queueCount", { count: remaining })}
      onClick={() => toggleRight("queue")}
    >
      <Icon name="queue" />
      <span className={remaining ? "count" : "count count-none"}>{remaining}</span>
    </button>
  );
}
