/** Texts in PNG files: a workflow travels in the picture of its graph as `tEXt` chunks, as in pictures that were made. */

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const HEADER_END = 8 + 25; // the signature and IHDR

/** The file with one more text; `text` is put into ASCII, as JSON can be. Throws for what is no PNG. */
export function withText(png: Uint8Array, key: string, text: string): Uint8Array<ArrayBuffer> {
  if (!isPng(png)) throw new Error("not a PNG file");
  const chunk = textChunk(key, text);
  const made = new Uint8Array(png.length + chunk.length);
  made.set(png.subarray(0, HEADER_END));
  made.set(chunk, HEADER_END);
  made.set(png.subarray(HEADER_END), HEADER_END + chunk.length);
  return made;
}

/** All texts of a file by their keys. */
export function textsOf(png: Uint8Array): Map<string, string> {
  const found = new Map<string, string>();
  if (!isPng(png)) return found;
  for (const { type, data } of chunks(png)) {
    if (type !== "tEXt") continue;
    const end = data.indexOf(0);
    found.set(latin(data.subarray(0, end)), latin(data.subarray(end + 1)));
  }
  return found;
}

function isPng(data: Uint8Array): boolean {
  return data.length > HEADER_END && SIGNATURE.every((byte, i) => data[i] === byte);
}

interface Chunk {
  readonly type: string;
  readonly data: Uint8Array;
}

function* chunks(png: Uint8Array): Generator<Chunk> {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  for (let at = 8; at + 12 <= png.length;) {
    const length = view.getUint32(at);
    if (at + 12 + length > png.length) return;
    yield { type: latin(png.subarray(at + 4, at + 8)), data: png.subarray(at + 8, at + 8 + length) };
    at += 12 + length;
  }
}

function textChunk(key: string, text: string): Uint8Array {
  const body = bytes(`tEXt${key}\0${ascii(text)}`);
  const chunk = new Uint8Array(body.length + 8);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, body.length - 4);
  chunk.set(body, 4);
  view.setUint32(body.length + 4, crc32(body));
  return chunk;
}

/** JSON says the same with escapes, and every reader of tEXt understands those. */
function ascii(text: string): string {
  return text.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

function latin(data: Uint8Array): string {
  return new TextDecoder("latin1").decode(data);
}

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value >>> 0;
});

export function crc32(data: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of data) value = TABLE[(value ^ byte) & 255]! ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}
