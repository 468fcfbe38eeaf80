import { CANVAS_COMMANDS, type CanvasCommand } from "../canvas/commands";
import { t } from "../i18n";
import { editor, isRedoable, isUndoable } from "./editor";
import { Icon } from "./icons";
import { Menu, type MenuLine, type MenuLines } from "./Menu";
import { line, RunControls } from "./RunControls";
import { shownKeys } from "./shortcuts";
import { useStore } from "./store";
import { TabBar } from "./TabBar";

const EDITS = CANVAS_COMMANDS.filter(({ id }) => id === "undo" || id === "redo");

function edit({ id, label, keys, when, run }: CanvasCommand): MenuLine {
  return { id, label: t(label), keys: shownKeys(keys[0]!), disabled: when?.() === false, run };
}

export function TopBar() {
  useStore(editor, isUndoable);
  useStore(editor, isRedoable);
  const lines: MenuLines = [
    ...["new", "open", "save", "saveAs", "rename", "close"].map(line),
    "line",
    ...["download04", "download1", "downloadApi", "exportPng", "exportSvg"].map(line),
    "line",
    ...EDITS.map(edit),
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
