/** Giving files to the server. */

import { object, text } from "../model/json";
import type { Json } from "../model/types";
import { ask } from "../run/server";
import type { FileRef } from "./files";

export async function uploadFile(file: File, folder = "input"): Promise<FileRef> {
  const form = new FormData();
  form.set("image", file, file.name);
  form.set("type", folder);
  return send("upload/image", form);
}

/** A picture whose transparent parts are the mask of another; the server keeps both as one. */
export async function uploadMask(mask: Blob, original: FileRef): Promise<FileRef> {
  const form = new FormData();
  form.set("image", mask, maskName(original));
  form.set("original_ref", JSON.stringify(original));
  form.set("type", "input");
  form.set("subfolder", "clipspace");
  return send("upload/mask", form);
}

/** Another name each time: a file that a graph of yesterday names stays what it was. */
function maskName({ filename }: FileRef): string {
  const stem = filename.replace(/\.\w+$/, "").replace(/-mask-\d+$/, "");
  return `${stem}-mask-${Date.now()}.png`;
}

async function send(path: string, form: FormData): Promise<FileRef> {
  const answer = object((await (await ask(path, { method: "POST", body: form })).json()) as Json);
  return {
    filename: text(answer.name) ?? "",
    subfolder: text(answer.subfolder) ?? "",
    type: text(answer.type) ?? "input",
  };
}
