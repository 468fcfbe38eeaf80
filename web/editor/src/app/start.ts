/** What happens when the page opens, in its order. */

import { openFirst } from "../first/first";
import { onLanguage, t } from "../i18n";
import { isObject, object } from "../model/json";
import { readDefs } from "../model/nodes";
import { watchChanges } from "../run/auto";
import { follow, whenCrashed, whenEnded } from "../run/follow";
import { pause } from "../run/jobs";
import { forgetSolved, queue, run, whenTold } from "../run/run";
import { settled } from "../panels/settled";
import { openGallery } from "../panels/pictures";
import { getJson } from "../run/server";
import { newTab } from "./actions";
import { editor, isChanged, renameDefs, setDefs } from "./editor";
import { isPhone, restoreLayout, showRight } from "./layout";
import { openAddress } from "./reading";
import { keepTabs, recover } from "./recovery";
import { apply } from "./settings";
import { listen } from "./shortcuts";
import { clearErrors, toast } from "./toasts";

const AGAIN = 2_000; // milliseconds

let connectNow: () => void = () => undefined;

export function reconnect(): void {
  connectNow();
}

export async function start(): Promise<void> {
  onLanguage(renameDefs);
  apply();
  restoreLayout();
  listen();
  tellPeople();
  window.addEventListener("beforeunload", warnOfLoss);
  await loadDefs();
  await openWhatIsThere();
  keepTabs();
  watchChanges();
  settled.subscribe(forgetSolved);
  connectNow = follow();
}

/** Asked until it comes: the server may still be starting. */
export async function loadDefs(): Promise<void> {
  for (;;) {
    const info = await getJson("object_info").catch(() => undefined);
    if (isObject(info)) return setDefs(readDefs(info));
    await new Promise((resolve) => setTimeout(resolve, AGAIN));
  }
}

/** What was open, then what the address asks for; for who comes for the first time, the first graph. */
async function openWhatIsThere(): Promise<void> {
  const { tabs, crashed } = await recover();
  if (crashed) toast("info", t("app.recovered"));
  const wanted = new URLSearchParams(location.search).get("workflow");
  if (wanted && (await openAddress(wanted))) history.replaceState(null, "", location.pathname);
  if (!editor.get().tabs.length && (tabs || !(await openFirst()))) newTab();
  editor.subscribe(() => !editor.get().tabs.length && newTab());
}

function tellPeople(): void {
  whenTold((what, detail) => {
    if (what === "unreachable") toast("error", t("app.unreachable"));
    if (what === "queued") {
      clearErrors();
      void sayIfPaused();
    }
    if (what !== "refused") return;
    const { problems } = run.get();
    const words = !detail ? t("app.partly") : problems.some((one) => one.node) ? t("app.refused") : detail;
    toast("error", words, { label: t("app.show"), run: () => showRight("problems") });
  });
  whenCrashed(() => toast("error", t("app.crashed")));
  whenEnded((job) => {
    if (job.phase === "success" && isPhone()) {
      toast("ok", t("app.done"), { label: t("app.show"), run: () => void openGallery(job.id) });
    }
    if (job.phase !== "error") return;
    clearErrors();
    const again = { label: t("app.again"), run: () => void queue() };
    toast("error", t("app.failed", { why: job.error ?? "" }), again);
  });
}

async function sayIfPaused(): Promise<void> {
  const { paused } = object(await getJson("jobs?limit=1").catch(() => null));
  const resume = { label: t("panels.resume"), run: () => void pause(false) };
  if (paused === true) toast("info", t("panels.paused"), resume);
}

/** Everything is kept in this browser; only who has none of it kept is asked. */
function warnOfLoss(event: BeforeUnloadEvent): void {
  if (!("indexedDB" in window) && editor.get().tabs.some(isChanged)) event.preventDefault();
}
