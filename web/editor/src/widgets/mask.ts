/** A mask as a list of what was done, so that any of it can be taken back; painting is replaying the list. */

export type Spot = readonly [x: number, y: number, size: number];

export interface Stroke {
  readonly kind: "stroke";
  readonly erase: boolean;
  readonly spots: readonly Spot[];
}

export type MaskStep = Stroke | { readonly kind: "clear" } | { readonly kind: "invert" };

/** The last step taken back. */
export function undone(steps: readonly MaskStep[]): readonly MaskStep[] {
  return steps.slice(0, -1);
}

/** What of a list still shows: nothing before a clear does. */
export function visible(steps: readonly MaskStep[]): readonly MaskStep[] {
  const cleared = steps.findLastIndex((step) => step.kind === "clear");
  return steps.slice(Math.max(0, cleared));
}

export function continued(stroke: Stroke, spot: Spot): Stroke {
  return { ...stroke, spots: [...stroke.spots, spot] };
}

const SMALLEST = 1;
const LARGEST = 1000;

/** Each step of the brush is a seventh larger: small ones are finely set, and large ones quickly reached. */
export function resized(size: number, steps: number): number {
  return Math.min(LARGEST, Math.max(SMALLEST, Math.round(size * 1.15 ** steps + Math.sign(steps) * 0.5)));
}

/** A size that suits a picture. */
export function firstSize(width: number, height: number): number {
  return Math.max(4, Math.round(Math.min(width, height) / 12));
}

/** The drawing of one step on a canvas whose paint is the mask. */
export function paint(context: CanvasRenderingContext2D, step: MaskStep, color: string): void {
  const { width, height } = context.canvas;
  context.globalCompositeOperation = "source-over";
  if (step.kind === "clear") context.clearRect(0, 0, width, height);
  else if (step.kind === "invert") {
    context.globalCompositeOperation = "xor";
    context.fillStyle = color;
    context.fillRect(0, 0, width, height);
  } else paintStroke(context, step, color);
  context.globalCompositeOperation = "source-over";
}

/** From one spot on, so that a stroke can be drawn while it is made. */
export function paintStroke(context: CanvasRenderingContext2D, stroke: Stroke, color: string, from = 0): void {
  context.globalCompositeOperation = stroke.erase ? "destination-out" : "source-over";
  context.strokeStyle = context.fillStyle = color;
  context.lineCap = "round";
  stroke.spots.slice(from).forEach(([x, y, size], i) => {
    const before = stroke.spots[from + i - 1];
    context.beginPath();
    if (before) {
      context.lineWidth = size;
      context.moveTo(before[0], before[1]);
      context.lineTo(x, y);
      context.stroke();
    } else {
      context.arc(x, y, size / 2, 0, 2 * Math.PI);
      context.fill();
    }
  });
  context.globalCompositeOperation = "source-over";
}
