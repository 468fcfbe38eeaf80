/** Exports come when they are asked for: most visits need none. */

import { toast } from "../app/toasts";

export function exportAs(kind: "png" | "svg"): void {
  import("./export")
    .then(({ exportPng, exportSvg }) => (kind === "png" ? exportPng() : exportSvg()))
    .catch((error: Error) => toast("error", error.message));
}
