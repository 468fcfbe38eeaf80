/** From a picture of the server to a canvas, and from what was painted to a file. */

import { t } from "../i18n";
import { viewUrl, type FileRef } from "./files";
import { paint, visible, type MaskStep } from "./mask";

export interface Picture {
  readonly url: string;
  readonly width: number;
  readonly height: number;
  /** What was masked before: opaque where the picture is transparent; undefined where nothing was. */
  readonly before: HTMLCanvasElement | undefined;
}

export async function loadPicture(file: FileRef): Promise<Picture> {
  const version = Date.now();
  const url = viewUrl(file, { channel: "rgb", version });
  const [shown, alpha] = await Promise.all([load(url), load(viewUrl(file, { channel: "a", version }))]);
  const { naturalWidth: width, naturalHeight: height } = shown;
  return { url, width, height, before: inverted(alpha, width, height) };
}

function load(url: string): Promise<HTMLImageElement> {
  const image = new Image();
  return new Promise((resolve, reject) => {
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Error(t("widgets.mask.unreadable")));
    image.src = url;
  });
}

function inverted(alpha: HTMLImageElement, width: number, height: number): HTMLCanvasElement | undefined {
  const context = newCanvas(width, height);
  context.fillRect(0, 0, width, height);
  context.globalCompositeOperation = "destination-out";
  context.drawImage(alpha, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  for (let i = 3; i < data.length; i += 4) if (data[i]! > 0) return context.canvas;
  return undefined;
}

export function newCanvas(width: number, height: number): CanvasRenderingContext2D {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  return canvas.getContext("2d", { willReadFrequently: true })!;
}

/** Everything that was done, from what was there before. */
export function replay(context: CanvasRenderingContext2D, picture: Picture, steps: readonly MaskStep[], color: string) {
  const { width, height } = context.canvas;
  context.clearRect(0, 0, width, height);
  if (picture.before) {
    context.drawImage(picture.before, 0, 0);
    context.globalCompositeOperation = "source-in";
    context.fillStyle = color;
    context.fillRect(0, 0, width, height);
  }
  for (const step of visible(steps)) paint(context, step, color);
}

/** A PNG whose alpha is 0 where the mask is. */
export async function maskPng(picture: Picture, steps: readonly MaskStep[]): Promise<Blob> {
  const { width, height } = picture;
  const mask = newCanvas(width, height);
  replay(mask, picture, steps, "#000");
  const made = newCanvas(width, height);
  made.fillRect(0, 0, width, height);
  made.globalCompositeOperation = "destination-out";
  made.drawImage(mask.canvas, 0, 0);
  const blob = await new Promise<Blob | null>((resolve) => made.canvas.toBlob(resolve, "image/png"));
  if (!blob) throw new Error(t("widgets.mask.unreadable"));
  return blob;
}
