/** Whether somebody is writing: then keys are text. */
export function isTyping(target: EventTarget | null): boolean {
  const element = target instanceof Element ? target : null;
  return element?.closest("input, textarea, select, [contenteditable=true]") != null;
}
