/** How wide texts are, roughly: there is no browser to ask where this is tested. */

const NARROW = /[\u0000-\u02ff]/;
const SLIM = /[iljtfr.,:;'|!()[\] ]/;

/** In pixels, at 12 pixels. */
export function widthOf(text: string): number {
  let width = 0;
  for (const letter of text) width += NARROW.test(letter) ? (SLIM.test(letter) ? 4.2 : 7.2) : 12.5;
  return width;
}

export function cut(text: string, width: number): string {
  const line = text.replace(/\s+/g, " ");
  if (widthOf(line) <= width) return line;
  let kept = "";
  for (const letter of line) {
    if (widthOf(`${kept}${letter}…`) > width) break;
    kept += letter;
  }
  return `${kept}…`;
}

const MOST = 40;

/** Lines that fit; a word that is longer than a line is broken. At most 40 lines. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split("\n")) {
    let line = "";
    for (const part of paragraph.match(/\s+|[^\s\u2e80-\uffff]+|[\u2e80-\uffff]/g) ?? [""]) {
      if (!line || widthOf(line + part) <= width) line += part;
      else {
        lines.push(line.trimEnd());
        line = part.trimStart();
      }
      while (widthOf(line) > width && line.length > 1) {
        const head = cut(line, width + 8).replace(/…$/, "") || line[0]!;
        lines.push(head);
        line = line.slice(head.length);
      }
    }
    lines.push(line.trimEnd());
  }
  return lines.length > MOST ? [...lines.slice(0, MOST - 1), "…"] : lines;
}
