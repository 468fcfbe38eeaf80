/** The small signs of the widgets, drawn in the colour of the text around them. */

import type { ReactNode } from "react";

function icon(path: ReactNode, size = 16) {
  return function Icon() {
    return (
      <svg className="w-icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
        {path}
      </svg>
    );
  };
}

const line = (d: string) => (
  <path d={d} fill="none" stroke="currentColor" strokeWidth="1.6" strokeLinecap="round" strokeLinejoin="round" />
);

export const ArrowLeft = icon(line("M9.5 4 5.5 8l4 4"), 14);
export const ArrowRight = icon(line("M6.5 4l4 4-4 4"), 14);
export const ArrowDown = icon(line("M4 6.5l4 4 4-4"), 14);
export const Close = icon(line("M4 4l8 8M12 4l-8 8"));
export const Check = icon(line("M3.5 8.5l3 3 6-7"));
export const Dice = icon(
  <>
    <rect x="2.5" y="2.5" width="11" height="11" rx="2.5" fill="none" stroke="currentColor" strokeWidth="1.5" />
    {[5.5, 8, 10.5].map((at) => (
      <circle key={at} cx={at} cy={at} r="1.1" fill="currentColor" />
    ))}
  </>,
);
export const Upload = icon(line("M8 10.5V3M5 5.5 8 2.5l3 3M3 10.5v2.5h10v-2.5"));
export const Brush = icon(
  line("M13.5 2.5 7 9M6.5 9.2c-2-.4-3 .9-3 2.3 0 .9-.5 1.5-1.3 1.8 2.6.9 5.4.2 5.4-2.2 0-.8-.4-1.5-1.1-1.9z"),
);
export const Eraser = icon(line("M6.5 13 2.8 9.3 9 3l4.3 4.3L7.6 13zM5.8 6.2l4.3 4.3M6.5 13H13"));
export const Undo = icon(line("M5.5 3 2.5 6l3 3M2.8 6H10a3.5 3.5 0 0 1 0 7H6"));
export const Invert = icon(
  <>
    <circle cx="8" cy="8" r="5.5" fill="none" stroke="currentColor" strokeWidth="1.5" />
    <path d="M8 2.5a5.5 5.5 0 0 1 0 11z" fill="currentColor" />
  </>,
);
export const Trash = icon(line("M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5M7 7v3.5M9 7v3.5"));
export const Plus = icon(line("M8 3v10M3 8h10"));
export const Minus = icon(line("M3 8h10"));
export const Fit = icon(line("M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10"));
export const Pencil = icon(line("M3 13l.7-3L10.5 3.2l2.3 2.3L6 12.3z"));
export const Microphone = icon(line("M6 4.5a2 2 0 0 1 4 0V8a2 2 0 0 1-4 0zM3.8 7.5a4.2 4.2 0 0 0 8.4 0M8 11.7V14"));
export const Stop = icon(<rect x="4" y="4" width="8" height="8" rx="1" fill="currentColor" />);
