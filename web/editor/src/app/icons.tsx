/** Icons as strokes in a square of 24; they take the colour of the text, and the button that has one has the name. */

const PATHS = {
  menu: "M4 6h16M4 12h16M4 18h16",
  plus: "M12 5v14M5 12h14",
  close: "M6 6l12 12M18 6L6 18",
  play: "M7 4.5v15l12-7.5z",
  stop: "M6 6h12v12H6z",
  queue: "M4 6h10M4 12h10M4 18h16M18 4v8m-3-3 3 3 3-3",
  folder: "M3 6.5h6l2 2.5h10v10H3z",
  template: "M4 4h16v6H4zM4 14h7v6H4zM15 14h5v6h-5z",
  gallery: "M4 4h16v16H4zM4 16l5-5 4 4 3-3 4 4M15 8.5h.01",
  alert: "M12 4 2.5 20h19zM12 10v4M12 17h.01",
  help: "M9 9a3 3 0 1 1 4.2 2.8c-.8.4-1.2 1-1.2 2.2M12 17.5h.01M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z",
  settings: "M4 7h10M18 7h2M4 17h2M10 17h10M16 4.5v5M8 14.5v5",
  up: "M12 19V5M6 11l6-6 6 6",
  top: "M5 4h14M12 20V9M7 13l5-5 5 5",
  down: "M6 9l6 6 6-6",
  left: "M15 5l-7 7 7 7",
  right: "M9 5l7 7-7 7",
  trash: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13",
  pause: "M8 5v14M16 5v14",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM20 20l-4-4",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  compare: "M12 3v18M4 6h5v12H4M15 6h5v12h-5",
  changes: "M8 4v16M5 7l3-3 3 3M16 20V4M13 17l3 3 3-3",
  open: "M5 5h7M5 5v14h14v-7M14 4h6v6M20 4l-9 9",
  edit: "M4 20l1-5L16 4l4 4L9 19z",
  minus: "M5 12h14",
  refresh: "M20 11a8 8 0 1 0-2.3 6.3M20 4v7h-7",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  check: "M5 12.5l4.5 4.5L19 7",
  node: "M4 7h16v10H4zM4 10.5h16",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  const filled = name === "play" || name === "stop";
  return (
    <svg
      className="icon"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill={filled ? "currentColor" : "none"}
      stroke="currentColor"
      strokeWidth={1.8}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
