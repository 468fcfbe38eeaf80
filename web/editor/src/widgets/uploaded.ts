/** A file that was just uploaded is in the menus at once, without asking the server for all node types again. */

import type { Defs, InputDef, NodeDef, Upload } from "../model/nodes";

/** All other definitions stay the same objects: only nodes that show such a menu are drawn again. */
export function withChoice(defs: Defs, kind: Upload | undefined, value: string): Defs {
  const wants = (input: InputDef) =>
    input.upload === kind && input.options.image_folder === undefined && !input.choices.includes(value);
  const add = (input: InputDef) => (wants(input) ? { ...input, choices: [...input.choices, value] } : input);
  const changed = [...defs].filter(([, def]) => kind && def.inputs.some(wants));
  if (!changed.length) return defs;
  const made = changed.map(([type, def]): [string, NodeDef] => [type, { ...def, inputs: def.inputs.map(add) }]);
  return new Map([...defs, ...made]);
}
