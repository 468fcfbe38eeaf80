/** A finger or pen that stays asks for the menu, as the right button does, also where the browser makes nothing of it. */

const LONG = 550; // milliseconds
const STILL = 10; // pixels

export function beginLongPress(event: PointerEvent): void {
  const { target, pointerType, clientX, clientY } = event;
  if (pointerType === "mouse" || !event.isPrimary || !(target instanceof Element)) return;
  const ask = () => {
    end();
    skipPress();
    target.dispatchEvent(new MouseEvent("contextmenu", { bubbles: true, cancelable: true, clientX, clientY }));
  };
  const timer = window.setTimeout(ask, LONG);
  const moved = (now: PointerEvent) => {
    if (!now.isPrimary || Math.hypot(now.clientX - clientX, now.clientY - clientY) > STILL) end();
  };
  const end = () => {
    window.clearTimeout(timer);
    for (const [type, listener] of listeners) window.removeEventListener(type, listener as EventListener, true);
  };
  const listeners = [
    ["pointermove", moved],
    ["pointerdown", end], // a second finger
    ["pointerup", end],
    ["pointercancel", end],
    ["contextmenu", end], // the browser asked for it
  ] as const;
  for (const [type, listener] of listeners) window.addEventListener(type, listener as EventListener, true);
}

/** The finger that is lifted presses nothing of the menu that came under it. */
function skipPress(): void {
  const skip = (event: Event) => {
    event.preventDefault();
    event.stopPropagation();
  };
  const lifted = (event: Event) => {
    if (event.cancelable) event.preventDefault(); // else mouse events would follow
    window.setTimeout(() => window.removeEventListener("click", skip, true), 50);
  };
  window.addEventListener("click", skip, true);
  window.addEventListener("touchend", lifted, { capture: true, once: true, passive: false });
  window.addEventListener("pointerup", lifted, { capture: true, once: true });
}
