/** Questions to people: for a name, or which of some things to do. Each is a dialog, and a promise of the answer. */

import { createStore } from "./store";

export interface Choice {
  readonly id: string;
  readonly label: string;
  readonly kind?: "primary" | "danger";
}

export interface Question {
  readonly title: string;
  readonly text?: string;
  /** Ask for a text that begins as this. */
  readonly value?: string;
  readonly choices: readonly Choice[];
  readonly answer: (choice: string | undefined, value: string) => void;
}

export const question = createStore<Question | undefined>(undefined);

/** The id of the choice; undefined if the dialog was closed. */
export function choose(title: string, text: string, choices: readonly Choice[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    question.set(() => ({ title, text, choices, answer: done(resolve) }));
  });
}

/** A text; undefined if the dialog was closed. */
export function askText(title: string, value: string, label: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const choices: Choice[] = [{ id: "ok", label, kind: "primary" }];
    const answer = done((choice: string | undefined, text: string) => resolve(choice ? text.trim() : undefined));
    question.set(() => ({ title, value, choices, answer }));
  });
}

function done(call: (choice: string | undefined, value: string) => void): Question["answer"] {
  return (choice, value) => {
    question.set(() => undefined);
    call(choice, value);
  };
}
