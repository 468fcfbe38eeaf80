/** What people choose: kept in this browser. */

import { loadNames, preferred, setLanguage, type Language } from "../i18n";
import { choosePreview } from "../run/run";
import { keep, kept } from "../run/session";
import { createStore, type Store } from "./store";

export type Theme = "system" | "dark" | "light" | "contrast";
export const THEMES: readonly Theme[] = ["system", "dark", "light", "contrast"];
export const PREVIEWS = ["server", "auto", "latent2rgb", "taesd", "none"] as const;

export interface Settings {
  readonly theme: Theme;
  readonly language: Language | "system";
  readonly preview: (typeof PREVIEWS)[number];
}

const DEFAULTS: Settings = { theme: "dark", language: "system", preview: "auto" };
export const settings: Store<Settings> = createStore<Settings>({ ...DEFAULTS, ...kept("settings", {}) });

/** How often Run runs. */
export const batch = createStore(1);

export function choose(change: Partial<Settings>): void {
  settings.set((before) => ({ ...before, ...change }));
  keep("settings", settings.get());
  apply();
}

/** Puts the choices into effect. */
export function apply(): void {
  const { theme, language, preview } = settings.get();
  const root = window.document.documentElement;
  root.dataset.theme = theme === "system" ? systemTheme() : theme;
  setLanguage(language === "system" ? preferred(navigator.languages) : language);
  root.lang = language === "system" ? preferred(navigator.languages) : language;
  void loadNames();
  choosePreview(preview === "server" ? undefined : preview);
}

function systemTheme(): Theme {
  if (window.matchMedia("(prefers-contrast: more)").matches) return "contrast";
  return window.matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
}
