/** A note: shown as it is meant, and as text while it is written. */

import { useRef, useState } from "react";
import { t } from "../i18n";
import { Markdown } from "./Markdown";
import { keepKeys } from "./keys";
import { Pencil } from "./icons";
import { useFocusGesture } from "./SmallFields";

export interface NoteProps {
  readonly nodeId: string;
  readonly name?: string;
  readonly value: string;
  readonly onChange: (value: string, gesture?: string) => void;
}

export function MarkdownNote({ nodeId, name = "text", value, onChange }: NoteProps) {
  const [writing, setWriting] = useState(false);
  const area = useRef<HTMLTextAreaElement>(null);
  const gesture = useFocusGesture(nodeId, name);
  if (!writing) {
    return (
      <div className="w-note-shown nowheel" onDoubleClick={() => setWriting(true)}>
        <Markdown source={value || t("widgets.note.empty")} />
        <button
          type="button"
          className="w-button w-square w-note-edit nodrag"
          aria-label={t("widgets.note.edit")}
          title={t("widgets.note.edit")}
          onClick={() => setWriting(true)}
        >
          <Pencil />
        </button>
      </div>
    );
  }
  return (
    <textarea
      ref={area}
      className="w-field w-area w-note-area nodrag nowheel nopan"
      aria-label={t("widgets.note.edit")}
      autoFocus
      value={value}
      onChange={(event) => onChange(event.target.value, gesture.current())}
      onKeyDown={(event) => {
        keepKeys(event);
        if (event.key === "Escape") setWriting(false);
      }}
      onBlur={() => (gesture.end(), setWriting(false))}
    />
  );
}
