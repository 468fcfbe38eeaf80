/** Binary messages of the server: pictures of work in progress. */

import { isObject } from "../model/json";

export interface Preview {
  readonly data: Readonly<Record<string, unknown>>;
  readonly image: Blob;
}

const PREVIEW = 1;
const PREVIEW_WITH_METADATA = 4;
const TYPES: Readonly<Record<number, string>> = { 1: "image/jpeg", 2: "image/png" };

/** `event, format, image`, or `event, length, JSON, image`; numbers are 32 bits, the highest byte first. */
export function preview(frame: ArrayBuffer): Preview | undefined {
  if (frame.byteLength < 8) return undefined;
  const view = new DataView(frame);
  const [event, second] = [view.getUint32(0), view.getUint32(4)];
  if (event === PREVIEW) {
    return { data: {}, image: new Blob([frame.slice(8)], { type: TYPES[second] ?? "image/jpeg" }) };
  }
  if (event !== PREVIEW_WITH_METADATA || 8 + second > frame.byteLength) return undefined;
  const data: unknown = JSON.parse(new TextDecoder().decode(new Uint8Array(frame, 8, second)));
  if (!isObject(data)) return undefined;
  const type = typeof data.image_type === "string" ? data.image_type : "image/jpeg";
  return { data, image: new Blob([frame.slice(8 + second)], { type }) };
}
