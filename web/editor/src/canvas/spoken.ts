/** What kind of thing screen readers call what is on the canvas, in the language of the page. */

import { t, type Key } from "../i18n";

export interface Spoken {
  readonly "aria-roledescription": string;
}

const known = new Map<string, Spoken>();

/** The same object for the same words, so that nothing is drawn anew for it. */
export function spoken(key: Key): Spoken {
  const words = t(key);
  const found = known.get(words) ?? { "aria-roledescription": words };
  known.set(words, found);
  return found;
}
