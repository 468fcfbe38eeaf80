/** The entries of a menu: of the definition, or asked of the server where it says so (`remote`). */

import { useCallback, useState } from "react";
import { list, object, text } from "../model/json";
import type { InputDef } from "../model/nodes";
import type { Json } from "../model/types";
import { getJson } from "../run/server";

interface Choices {
  readonly choices: readonly Json[];
  /** Asks again; does nothing for a list that the definition has. */
  readonly refresh: () => void;
}

export function useChoices(def: InputDef): Choices {
  const [asked, setAsked] = useState<readonly Json[]>();
  const remote = object(def.options.remote);
  const route = text(remote.route);
  const key = text(remote.response_key);
  const refresh = useCallback(() => {
    if (!route) return;
    getJson(route)
      .then((body) => setAsked(list(key ? object(body)[key] : body)))
      .catch(() => setAsked([])); // an empty list says so; the next opening asks again
  }, [route, key]);
  return { choices: asked ?? def.choices, refresh };
}
