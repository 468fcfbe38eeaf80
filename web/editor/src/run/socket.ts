/** The WebSocket, which comes back when it was lost. */

import { preview } from "./binary";
import { address } from "./server";
import { clientId } from "./session";
import type { Message } from "./types";

export interface Listener {
  opened(): void;
  lost(): void;
  heard(message: Message): void;
  pictured(data: Message["data"], image: Blob): void;
}

const FIRST_WAIT = 500; // milliseconds, doubled after each failure
const LONGEST_WAIT = 8_000;

/** Connects for as long as the page lives. Returns what connects at once, without waiting any longer. */
export function connect(listener: Listener): () => void {
  let wait = FIRST_WAIT;
  let timer = 0;
  let socket: WebSocket | undefined;

  function open(): void {
    clearTimeout(timer);
    const url = address(`ws?clientId=${clientId()}`).replace(/^http/, "ws");
    const current = (socket = new WebSocket(url));
    current.binaryType = "arraybuffer";
    current.onopen = () => {
      wait = FIRST_WAIT;
      current.send(JSON.stringify({ type: "feature_flags", data: { supports_preview_metadata: true } }));
      listener.opened();
    };
    current.onmessage = (event: MessageEvent<string | ArrayBuffer>) => hear(event.data, listener);
    current.onclose = () => {
      if (current !== socket) return;
      listener.lost();
      timer = window.setTimeout(open, wait);
      wait = Math.min(wait * 2, LONGEST_WAIT);
    };
  }

  open();
  const now = () => {
    if (socket?.readyState === WebSocket.CLOSED) open();
  };
  window.addEventListener("online", now);
  return now;
}

function hear(frame: string | ArrayBuffer, listener: Listener): void {
  if (typeof frame === "string") return listener.heard(JSON.parse(frame) as Message);
  const found = preview(frame);
  if (found) listener.pictured(found.data, found.image);
}
