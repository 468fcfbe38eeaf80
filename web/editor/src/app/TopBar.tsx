import { CANVAS_COMMANDS } from "../canvas/commands";
import { t } from "../i18n";
import { Icon } from "./icons";
import { Menu, type MenuLines } from "./Menu";
import { line, RunControls } from "./RunControls";
import { shownKeys } from "./shortcuts";
import { TabBar } from "./TabBar";

const EDITS = CANVAS_COMMANDS.filter(({ id }) => id === "undo" || id === "redo");

export function TopBar() {
  const lines: MenuLines = [
    ...["new", "open", "save", "saveAs", "rename", "close"].map(line),
    "line",
    ...["download04", "download1", "downloadApi", "exportPng", "exportSvg"].map(line),
    "line",
    ...EDITS.map(({ id, label, keys, run }) => ({ id, label: t(label), keys: shownKeys(keys[0]!), run })),
    "line",
    ...["settings", "help", "tour"].map(line),
  ];
  return (
    <header className="topbar">
      <h1 className="visually-hidden">Mezzotint</h1>
      <Menu label={t("app.menu")} lines={lines} className="icon-button brand">
        <Icon name="menu" />
      </Menu>
      <TabBar />
      <RunControls />
    </header>
  );
}
