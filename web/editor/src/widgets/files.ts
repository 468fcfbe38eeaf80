/** Files of the server as values of inputs: `folder/name.png [input]`. */

import { text } from "../model/json";
import type { InputDef } from "../model/nodes";
import type { Json } from "../model/types";
import { address } from "../run/server";

export interface FileRef {
  readonly filename: string;
  readonly subfolder: string;
  readonly type: string;
}

/** The folder that an input reads. */
export function folderOf(def: InputDef): string {
  return text(def.options.image_folder) ?? "input";
}

const ANNOTATED = /^(.*?)(?: \[(input|output|temp)\])?$/s;

/** Which file a value names; undefined if it names none. */
export function fileOf(value: Json | undefined, folder = "input"): FileRef | undefined {
  if (typeof value !== "string" || !value) return undefined;
  const [, path = "", type = folder] = ANNOTATED.exec(value) ?? [];
  const slash = path.lastIndexOf("/");
  return { filename: path.slice(slash + 1), subfolder: slash < 0 ? "" : path.slice(0, slash), type };
}

/** The value that names a file; one of the folder that the input reads needs no annotation. */
export function fileValue({ filename, subfolder, type }: FileRef, folder = "input"): string {
  const path = subfolder ? `${subfolder}/${filename}` : filename;
  return type === folder ? path : `${path} [${type}]`;
}

/** A mask is always named with where it is, since it is in no menu. */
export function maskValue(ref: FileRef): string {
  return `${ref.subfolder ? `${ref.subfolder}/` : ""}${ref.filename} [${ref.type}]`;
}

export interface ViewOptions {
  readonly channel?: "rgb" | "a";
  /** A small WebP of this quality instead of the file. */
  readonly preview?: number;
  /** Another text for another content: files may be written anew under one name. */
  readonly version?: string | number;
}

export function viewUrl(ref: FileRef, { channel, preview, version }: ViewOptions = {}): string {
  const query = new URLSearchParams({ filename: ref.filename, subfolder: ref.subfolder, type: ref.type });
  if (channel) query.set("channel", channel);
  if (preview) query.set("preview", `webp;${preview}`);
  if (version !== undefined) query.set("v", String(version));
  return address(`view?${query}`);
}

const KINDS: readonly (readonly [kind: "video" | "audio", names: RegExp])[] = [
  ["video", /\.(mp4|webm|mkv|mov|m4v|avi)$/i],
  ["audio", /\.(mp3|wav|flac|ogg|opus|m4a|aac)$/i],
];

export function mediaKind(name: string): "image" | "video" | "audio" {
  return KINDS.find(([, names]) => names.test(name))?.[0] ?? "image";
}
