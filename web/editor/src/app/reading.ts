/** Files, pictures and text from anywhere become documents in tabs. */

import { pointerOrMiddle, toFlow } from "../canvas/viewport";
import { addNode } from "../edit/nodes";
import { t } from "../i18n";
import { present } from "../model/history";
import { isObject, list, object, objects, text } from "../model/json";
import type { Defs } from "../model/nodes";
import { isWorkflow, read } from "../model/read";
import type { Document, Json, JsonObject } from "../model/types";
import { parseJson as parse, printJson as print } from "../model/jsontext";
import { missingOf } from "../panels/missing";
import { look } from "../run/follow";
import { address, ask, getJson, Refused } from "../run/server";
import { jobName } from "./words";
import { uploadFile } from "../widgets/upload";
import { closeTab, editor, make, openDocument, tabOf, type Tab } from "./editor";
import { makeRoom, showRight } from "./layout";
import { toast } from "./toasts";

/** The node types are needed to read values; they come soon after the page. */
export function defsKnown(): Promise<Defs> {
  return new Promise((resolve) => {
    const look = () => {
      const { defs } = editor.get();
      if (!defs.size) return;
      stop();
      resolve(defs);
    };
    const stop = editor.subscribe(look);
    look();
  });
}

/** What a JSON value says: an editor workflow is read here, a graph of the API is laid out by the server. */
export async function documentOf(value: Json): Promise<Document> {
  const defs = await defsKnown();
  if (isWorkflow(value)) return read(value, defs);
  return read(await converted(print(value), "application/json"), defs);
}

/** The workflow of a picture, or of anything that only the server can read. */
export async function converted(body: BodyInit, type: string): Promise<JsonObject> {
  const answer = await ask("convert?to=workflow", { method: "POST", headers: { "Content-Type": type }, body });
  const told = object(parse(await answer.text()));
  for (const note of list(told.notes)) toast("info", String(note));
  return object(told.result);
}

/** Whether a text is a workflow or a graph, and no other JSON. */
export function asGraph(words: string): JsonObject | undefined {
  if (!words.trimStart().startsWith("{")) return undefined;
  try {
    const value = parse(words);
    if (!isObject(value)) return undefined;
    const inner = isObject(value.workflow) ? value.workflow : isObject(value.prompt) ? value.prompt : value;
    return isWorkflow(inner) || isApi(inner) ? inner : undefined;
  } catch {
    return undefined;
  }
}

function isApi(value: JsonObject): boolean {
  const nodes = objects(Object.values(value) as Json[]);
  return nodes.length > 0 && nodes.some((node) => text(node.class_type) !== undefined);
}

export async function openText(words: string, name: string, path?: string): Promise<boolean> {
  const found = asGraph(words);
  if (!found) return fail(t("app.notWorkflow", { name }));
  return openAs(name, () => documentOf(found), path);
}

export async function openFile(file: File): Promise<boolean> {
  const name = file.name.replace(/\.[^.]+$/, "");
  if (/\.svg$/i.test(file.name)) return openText(insideSvg(await file.text()), name);
  const picture = /^image\//.test(file.type) || /\.(png|webp|jpe?g)$/i.test(file.name);
  if (!picture) return openText(await file.text(), name);
  try {
    const workflow = await converted(file, file.type || "image/png");
    return await openAs(name, async () => read(workflow, await defsKnown()));
  } catch (error) {
    if (error instanceof Refused && error.status === 400 && editor.get().defs.has(LOADER)) return addPicture(file);
    return fail(error instanceof Refused ? t("app.cannotOpen", { name, why: error.message }) : t("app.unreachable"));
  }
}

/** What our export put into a drawing; nothing in other ones. */
function insideSvg(svg: string): string {
  const drawing = new DOMParser().parseFromString(svg, "image/svg+xml");
  return drawing.querySelector("metadata#workflow")?.textContent ?? "";
}

const LOADER = "LoadImage";

/** A picture that carries nothing is an input of the graph that is shown. */
async function addPicture(file: File): Promise<boolean> {
  try {
    const { filename, subfolder } = await uploadFile(file);
    const image = subfolder ? `${subfolder}/${filename}` : filename;
    make((at) => addNode(at, LOADER, toFlow(pointerOrMiddle()), { image }));
    toast("info", t("app.noWorkflowInside", { name: file.name }));
    makeRoom();
    return true;
  } catch (error) {
    return fail(error instanceof Refused ? error.message : t("app.unreachable"));
  }
}

async function openAs(name: string, make: () => Promise<Document>, path?: string): Promise<boolean> {
  try {
    const doc = await make();
    const before = tabOf(editor.get());
    openDocument(doc, name, path);
    if (before && isUnused(before)) closeTab(before.id);
    sayWhatIsMissing(doc, name);
    makeRoom();
    return true;
  } catch (error) {
    return fail(error instanceof Refused ? t("app.cannotOpen", { name, why: error.message }) : t("app.unreachable"));
  }
}

function sayWhatIsMissing(doc: Document, name: string): void {
  const { types, choices } = missingOf(doc, editor.get().defs);
  const count = types.length + choices.length;
  if (!count) return;
  const show = { label: t("app.show"), run: () => showRight("problems") };
  toast("info", t(count === 1 ? "app.lacksOne" : "app.lacks", { name, count }), show);
}

/** A new tab in which nothing was done makes room for what is opened. */
function isUnused(tab: Tab): boolean {
  const { root } = present(tab.history);
  return tab.path === undefined && !root.nodes.size && !root.groups.length && !tab.history.past;
}

function fail(words: string): false {
  toast("error", words);
  return false;
}

/** A file of this server: `workflows/a.json` of the library, or an address on it. */
export async function openAddress(where: string): Promise<boolean> {
  const url = new URL(where, address(""));
  if (url.origin !== location.origin) return fail(t("app.otherServer"));
  const stored = /^\/?(workflows\/.+)/.exec(where)?.[1];
  const path = stored ? `userdata/${encodeURIComponent(stored)}` : url.href;
  const name = decodeURIComponent((stored ?? url.pathname).split("/").at(-1) ?? "").replace(/\.[^.]+$/, "");
  try {
    const answer = await ask(path);
    const type = answer.headers.get("Content-Type") ?? "";
    if (type.startsWith("image/")) return await openFile(new File([await answer.blob()], `${name}.png`, { type }));
    return await openText(await answer.text(), name, stored);
  } catch (error) {
    return fail(error instanceof Refused ? t("app.cannotOpen", { name, why: error.message }) : t("app.unreachable"));
  }
}

/** The graph of a job, exactly as it was queued; without one, the server draws what ran. */
export async function openJob(id: string): Promise<boolean> {
  const detail = object(await getJson(`jobs/${encodeURIComponent(id)}`).catch(() => null));
  const { prompt, extra_data } = object(detail.workflow);
  const workflow = object(object(extra_data).extra_pnginfo).workflow;
  const graph = isWorkflow(workflow) ? workflow : prompt;
  if (!isObject(graph)) return fail(t("app.noGraph"));
  const opened = await openAs(jobName({ id, name: text(detail.name) }), () => documentOf(graph));
  if (opened) void look(id, editor.get().active); // with what its nodes showed
  return opened;
}

export function pickFiles(): void {
  const input = window.document.createElement("input");
  input.type = "file";
  input.multiple = true;
  input.accept = ".json,application/json,image/png,image/webp,image/jpeg,image/svg+xml";
  input.onchange = () => void openAll([...(input.files ?? [])]);
  input.click();
}

export async function openAll(files: readonly File[]): Promise<void> {
  for (const file of files) await openFile(file);
}
