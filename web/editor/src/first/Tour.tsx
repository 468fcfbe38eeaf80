/** One card at a time beside a ring around what it explains. Esc or Skip ends it; nothing is locked meanwhile. */

import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { createPortal } from "react-dom";
import { useStore } from "../app/store";
import { fitView } from "../canvas/viewport";
import { t } from "../i18n";
import "./first.css";
import { tourSeen } from "./first";
import { endTour, nextStep, placeCard, previousStep, STEPS, tour, type TourStep } from "./tour";

export function Tour() {
  const at = useStore(tour, (now) => now);
  const shown = useRef(false);
  useEffect(() => {
    if (at === undefined && shown.current) tourSeen();
    shown.current = at !== undefined;
  }, [at]);
  return at === undefined ? null : createPortal(<Card at={at} step={STEPS[at]!} />, document.body);
}

function Card({ at, step }: { readonly at: number; readonly step: TourStep }) {
  const card = useRef<HTMLDivElement>(null);
  const box = useTarget(step);
  const [place, setPlace] = useState({ left: 0, top: 0 });
  useLayoutEffect(() => {
    const { offsetWidth: width, offsetHeight: height } = card.current!;
    setPlace(placeCard(box, { width, height }, { width: window.innerWidth, height: window.innerHeight }));
  }, [box, at]);
  useEffect(() => approach(step), [step]);
  useEffect(() => card.current?.querySelector<HTMLElement>(".tour-next")?.focus({ preventScroll: true }), [at]);
  const last = at === STEPS.length - 1;
  return (
    <>
      {box && <Ring box={box} />}
      <div
        ref={card}
        className="tour"
        role="dialog"
        aria-labelledby="tour-title"
        aria-describedby="tour-text"
        style={place}
        onKeyDown={(event) => {
          event.stopPropagation();
          if (event.key === "Escape") endTour();
        }}
      >
        <p className="tour-count">{t("widgets.tour.count", { at: at + 1, all: STEPS.length })}</p>
        <h2 id="tour-title">{t(step.title)}</h2>
        <p id="tour-text">{t(step.text)}</p>
        <div className="tour-buttons">
          <button type="button" className="tour-skip" onClick={endTour}>
            {t("widgets.tour.skip")}
          </button>
          {at > 0 && (
            <button type="button" className="w-button" onClick={previousStep}>
              {t("widgets.tour.back")}
            </button>
          )}
          <button type="button" className="w-button w-primary tour-next" onClick={nextStep}>
            {t(last ? "widgets.tour.done" : "widgets.tour.next")}
          </button>
        </div>
      </div>
    </>
  );
}

function Ring({ box }: { readonly box: DOMRect }) {
  const style = { left: box.left - 4, top: box.top - 4, width: box.width + 8, height: box.height + 8 };
  return <div className="tour-ring" style={style} aria-hidden="true" />;
}

/** Where the target is now: the canvas may be moved, and a node may come later. */
function useTarget(step: TourStep): DOMRect | undefined {
  const [box, setBox] = useState<DOMRect>();
  useEffect(() => {
    let frame = 0;
    const look = () => {
      const found = find(step)?.getBoundingClientRect();
      setBox((before) => (before && found && same(before, found) ? before : found));
      frame = requestAnimationFrame(look);
    };
    const pressed = (event: Event) => {
      if (step.press && find(step)?.contains(event.target as Element)) nextStep();
    };
    look();
    window.addEventListener("click", pressed, true);
    return () => {
      cancelAnimationFrame(frame);
      window.removeEventListener("click", pressed, true);
    };
  }, [step]);
  return box;
}

/** A node that is too small to be read, or out of sight, is moved near. */
function approach(step: TourStep): void {
  const node = find(step)?.closest<HTMLElement>(".react-flow__node");
  const id = node?.dataset.id;
  if (!node || !id) return;
  const { x, y, width, height } = node.getBoundingClientRect();
  const middle = { x: x + width / 2, y: y + height / 2 };
  const inSight = middle.x > 0 && middle.x < window.innerWidth && middle.y > 0 && middle.y < window.innerHeight;
  if (!inSight || width < READABLE * node.offsetWidth) fitView([id]);
}

const READABLE = 0.6;

function find(step: TourStep): Element | undefined {
  for (const at of step.at) {
    const selector = typeof at === "string" ? at : at();
    const found = selector && document.querySelector(selector);
    if (found) return found;
  }
  return undefined;
}

function same(a: DOMRect, b: DOMRect): boolean {
  return a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height;
}
