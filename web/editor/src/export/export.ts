/** The graph that is shown, as a picture to keep: SVG, or PNG with the whole workflow inside. */

import { activeTab, document as openDocument, editor, runId, type Tab } from "../app/editor";
import { download, written } from "../app/saving";
import { picturesOf } from "../canvas/shown";
import { sizes } from "../canvas/viewport";
import { t } from "../i18n";
import { printJson } from "../model/jsontext";
import { level, type NodeId } from "../model/types";
import { run } from "../run/run";
import { ask } from "../run/server";
import { draw } from "./boxes";
import { withText } from "./png";
import { svgOf } from "./svg";

const SCALE = 2;
const LONGEST = 16_000; // pixels of a side that a canvas can have
const MOST = 100_000_000; // pixels

async function picture(tab: Tab): Promise<string> {
  const style = getComputedStyle(document.documentElement);
  const scene = { doc: openDocument(), at: tab.at, defs: editor.get().defs, sizes: sizes() };
  const drawing = draw({ ...scene, pictures: await pictures(tab) });
  return svgOf(drawing, (token) => style.getPropertyValue(`--${token}`).trim());
}

/** What the nodes of the shown level made last, small. One that cannot be had is left out. */
async function pictures(tab: Tab): Promise<Map<NodeId, string>> {
  const found = new Map<NodeId, string>();
  const wanted = [...level(openDocument(), tab.at).nodes.keys()].map(async (id) => {
    const [first] = picturesOf(run.get().nodes.get(runId(tab, id))?.shown);
    const url = first && (await ask(`${first}&preview=webp;80`).then(dataUrl, () => undefined));
    if (url) found.set(id, url);
  });
  await Promise.all(wanted);
  return found;
}

async function dataUrl(answer: Response): Promise<string> {
  const blob = await answer.blob();
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

/** The workflow travels in it too, where SVG has a place for such things. */
export async function exportSvg(): Promise<void> {
  const tab = activeTab();
  const workflow = printJson(written(tab)).replaceAll("]]>", "]]\\u003e");
  const metadata = `<metadata id="workflow"><![CDATA[${workflow}]]></metadata>\n</svg>`;
  const svg = (await picture(tab)).replace("</svg>", () => metadata);
  download(new Blob([svg], { type: "image/svg+xml" }), `${tab.name}.svg`);
}

/** Dropped on the editor, it opens the graph again. */
export async function exportPng(): Promise<void> {
  const tab = activeTab();
  const blob = await rasterized(await picture(tab));
  const file = withText(new Uint8Array(await blob.arrayBuffer()), "workflow", printJson(written(tab)));
  download(new Blob([file], { type: "image/png" }), `${tab.name}.png`);
}

async function rasterized(svg: string): Promise<Blob> {
  const url = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const { width, height } = image;
    const scale = Math.min(SCALE, LONGEST / width, LONGEST / height, Math.sqrt(MOST / (width * height)));
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
    canvas.getContext("2d")!.drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
    if (!blob) throw new Error(t("widgets.export.failed"));
    return blob;
  } finally {
    URL.revokeObjectURL(url);
  }
}
