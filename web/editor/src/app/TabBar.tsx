/** The open documents. */

import { useEffect, useRef, type KeyboardEvent } from "react";
import { t } from "../i18n";
import { newTab, rename } from "./actions";
import { editor, isChanged, showTab, type Tab } from "./editor";
import { IconButton } from "./IconButton";
import { Icon } from "./icons";
import { close } from "./saving";
import { useStore } from "./store";

export function TabBar() {
  const tabs = useStore(editor, (state) => state.tabs);
  const active = useStore(editor, (state) => state.active);
  return (
    <div className="tabs">
      <div className="tab-list" role="tablist" aria-label={t("app.tabs")} onKeyDown={walk}>
        {tabs.map((tab) => (
          <TabView key={tab.id} tab={tab} shown={tab.id === active} />
        ))}
      </div>
      <IconButton icon="plus" label={t("app.newTab")} onClick={newTab} />
    </div>
  );
}

function TabView({ tab, shown }: { tab: Tab; shown: boolean }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (shown) box.current?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [shown]);
  const changed = isChanged(tab);
  return (
    <div ref={box} className={shown ? "tab tab-shown" : "tab"} onAuxClick={(e) => e.button === 1 && void close(tab)}>
      <button
        type="button"
        role="tab"
        id={`tab-${tab.id}`}
        aria-selected={shown}
        aria-controls="canvas"
        tabIndex={shown ? 0 : -1}
        className="tab-name"
        title={tab.path ?? tab.name}
        onClick={() => showTab(tab.id)}
        onDoubleClick={() => void rename(tab)}
        onKeyDown={(event) => event.key === "Delete" && void close(tab)}
      >
        <span className="tab-text">{tab.name}</span>
        {changed && (
          <span className="tab-mark" title={t("app.unsaved")}>
            <span className="visually-hidden">{t("app.unsaved")}</span>
          </span>
        )}
      </button>
      <button
        type="button"
        className="icon-button"
        aria-hidden="true"
        tabIndex={-1}
        title={t("app.closeTab", { name: tab.name })}
        onClick={() => void close(tab)}
      >
        <Icon name="close" />
      </button>
    </div>
  );
}

/** The arrows go from tab to tab, as in every list of tabs. */
function walk(event: KeyboardEvent): void {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (step === undefined) return;
  event.preventDefault();
  const { tabs, active } = editor.get();
  const next = tabs[(tabs.findIndex((tab) => tab.id === active) + step + tabs.length) % tabs.length];
  if (!next) return;
  showTab(next.id);
  requestAnimationFrame(() => document.getElementById(`tab-${next.id}`)?.focus());
}
