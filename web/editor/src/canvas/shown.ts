/** Reading what the server says a node shows: any node may say anything. */

type Shown = Readonly<Record<string, unknown>> | undefined;

interface FileRef {
  readonly filename: string;
  readonly subfolder: string;
  readonly type: string;
}

export function picturesOf(shown: Shown): string[] {
  return items(shown, "images").flatMap((item) => {
    const file = fileOf(item);
    return file ? [`view?${new URLSearchParams({ ...file })}`] : [];
  });
}

/** The file's name in the address of a picture. */
export function nameIn(url: string): string {
  return new URLSearchParams(url.slice(url.indexOf("?"))).get("filename") ?? "";
}

function fileOf(item: unknown): FileRef | undefined {
  if (typeof item !== "object" || item === null) return undefined;
  const { filename, subfolder = "", type = "output" } = item as Record<string, unknown>;
  if (typeof filename !== "string" || typeof subfolder !== "string" || typeof type !== "string") return undefined;
  return { filename, subfolder, type };
}

export function textsOf(shown: Shown): string[] {
  return [...items(shown, "text"), ...items(shown, "string")].map((item) =>
    typeof item === "string" ? item : JSON.stringify(item),
  );
}

function items(shown: Shown, name: string): readonly unknown[] {
  const found = shown?.[name];
  if (Array.isArray(found)) return found;
  return typeof found === "string" ? [found] : [];
}
