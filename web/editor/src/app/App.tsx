/** The whole page: the bar above, the canvas in the middle, panels at its sides. */

import { lazy, Suspense, useSyncExternalStore } from "react";
import { Canvas } from "../canvas/Canvas";
import { Tour } from "../first/Tour";
import { onLanguage, t, wording } from "../i18n";
import { Compare } from "../panels/Compare";
import { Changes } from "../panels/Changes";
import { Gallery } from "../panels/Gallery";
import { Library } from "../panels/Library";
import { Problems } from "../panels/Problems";
import { Queue } from "../panels/Queue";
import { Templates } from "../panels/Templates";
import { Viewer } from "../panels/Viewer";
import { Tooltips } from "../widgets";
import { Banner } from "./Banner";
import { DropZone } from "./DropZone";
import { layout } from "./layout";
import { Questions } from "./Questions";
import { Rail } from "./Rail";
import { useStore } from "./store";
import { Toasts } from "./Toasts";
import { TopBar } from "./TopBar";

const Help = lazy(() => import("../panels/Help").then(({ Help }) => ({ default: Help })));
const Settings = lazy(() => import("../panels/Settings").then(({ Settings }) => ({ default: Settings })));

const LEFT = { library: Library, templates: Templates, gallery: Gallery };
const RIGHT = { queue: Queue, problems: Problems };

/** Drawn anew from the ground up when the language changes: every text is another one then. */
export function App() {
  const tongue = useSyncExternalStore(onLanguage, wording);
  return (
    <div className="app" key={tongue}>
      <TopBar />
      <Banner />
      <div className="app-middle">
        <Rail />
        <Left />
        <main id="canvas" className="app-canvas" aria-label={t("app.canvas")}>
          <Canvas />
        </main>
        <Right />
      </div>
      <DropZone />
      <Dialogs />
      <Toasts />
      <Tour />
      <Tooltips />
    </div>
  );
}

function Left() {
  const shown = useStore(layout, (state) => state.left);
  const Shown = shown && LEFT[shown];
  return Shown && <Shown />;
}

function Right() {
  const shown = useStore(layout, (state) => state.right);
  const Shown = shown && RIGHT[shown];
  return Shown && <Shown />;
}

function Dialogs() {
  const shown = useStore(layout, (state) => state.dialog);
  return (
    <>
      <Suspense>
        {shown === "help" && <Help />}
        {shown === "settings" && <Settings />}
      </Suspense>
      <Viewer />
      <Compare />
      <Changes />
      <Questions />
    </>
  );
}
