/** The inside of a note: plain text that is written in place, or Markdown. */

import { useState } from "react";
import { change } from "../app/editor";
import { setValue } from "../edit/values";
import { t } from "../i18n";
import { MARKDOWN } from "../model/nodes";
import type { Node } from "../model/types";
import { MarkdownNote } from "../widgets";

let gestures = 0;

export function NoteBody({ node }: { readonly node: Node }) {
  const text = String(node.values.text ?? "");
  const write = (value: string, gesture?: string) => change((at) => setValue(at, node.id, "text", value), gesture);
  if (node.type === MARKDOWN) return <MarkdownNote nodeId={node.id} value={text} onChange={write} />;
  return <NoteField text={text} write={write} />;
}

interface FieldProps {
  readonly text: string;
  readonly write: (value: string, gesture: string) => void;
}

/** What is written without leaving the note is undone together. */
function NoteField({ text, write }: FieldProps) {
  const [gesture, begin] = useState("");
  return (
    <textarea
      className="note-field nodrag nopan nowheel"
      aria-label={t("canvas.noteText")}
      value={text}
      onFocus={() => begin(`note${++gestures}`)}
      onChange={(event) => write(event.target.value, gesture)}
    />
  );
}
