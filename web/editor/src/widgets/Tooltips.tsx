/**
 * The explanations of everything with `data-tip`, in Markdown of which every line stays a line: one listener for the
 * whole page instead of one a widget. Screen readers get the same text through `aria-describedby`, so the bubble itself
 * is hidden from them.
 */

import { useEffect, useRef, useState } from "react";
import { createPortal } from "react-dom";
import { Markdown } from "./Markdown";

interface Tip {
  readonly text: string;
  readonly left: number;
  readonly top: number;
  readonly above: boolean;
}

const WAIT = 450;
const WIDEST = 320;

export function Tooltips() {
  const [tip, setTip] = useState<Tip>();
  const timer = useRef(0);
  useEffect(() => {
    const hide = () => (clearTimeout(timer.current), setTip(undefined));
    const show = (event: Event) => {
      const from = (event.target as Element | null)?.closest?.("[data-tip]");
      hide();
      if (from) timer.current = window.setTimeout(() => from.isConnected && setTip(tipOf(from)), WAIT);
    };
    const hiding = ["pointerdown", "wheel", "keydown"] as const;
    window.addEventListener("pointerover", show);
    for (const event of hiding) window.addEventListener(event, hide, { capture: true, passive: true });
    return () => {
      hide();
      window.removeEventListener("pointerover", show);
      for (const event of hiding) window.removeEventListener(event, hide, { capture: true });
    };
  }, []);
  if (!tip) return null;
  const { left, top, above, text } = tip;
  return createPortal(
    <div className="w-tip" aria-hidden="true" data-above={above || undefined} style={{ left, top, maxWidth: WIDEST }}>
      <Markdown source={text} />
    </div>,
    document.body,
  );
}

function tipOf(from: Element): Tip | undefined {
  const text = from.getAttribute("data-tip");
  if (!text) return undefined;
  const box = from.getBoundingClientRect();
  const above = box.bottom + 120 > window.innerHeight;
  const left = Math.max(8, Math.min(box.left, window.innerWidth - WIDEST - 8));
  return { text: text.replace(/\n(?=.)/g, "  \n"), left, top: above ? box.top - 6 : box.bottom + 6, above };
}
