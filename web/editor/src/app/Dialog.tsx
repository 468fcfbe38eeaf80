/** A dialog over everything: the browser keeps the focus inside and Esc closes it. */

import { useEffect, useRef, type ReactNode } from "react";
import { t } from "../i18n";
import { IconButton } from "./IconButton";

interface Props {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
  readonly wide?: boolean;
}

export function Dialog({ title, onClose, children, wide }: Props) {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const shown = box.current!;
    shown.showModal();
    shown.querySelector<HTMLElement>(".dialog-body :is(input, select, button)")?.focus();
    return () => shown.close();
  }, []);
  return (
    <dialog
      ref={box}
      className={wide ? "dialog dialog-wide" : "dialog"}
      aria-label={title}
      onCancel={onClose}
      onMouseDown={(event) => event.target === box.current && onClose()}
      onKeyDown={(event) => event.stopPropagation()}
    >
      <div className="dialog-inside">
        <header className="dialog-head">
          <h2>{title}</h2>
          <IconButton icon="close" label={t("app.close")} onClick={onClose} />
        </header>
        <div className="dialog-body">{children}</div>
      </div>
    </dialog>
  );
}
