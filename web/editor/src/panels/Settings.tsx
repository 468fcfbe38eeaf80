/** What people choose: how it looks, in which language, how previews are made. */

import { useEffect, useState, type ReactNode } from "react";
import { Dialog } from "../app/Dialog";
import { showDialog } from "../app/layout";
import { choose, PREVIEWS, settings, THEMES, type Settings as Choices } from "../app/settings";
import { useStore } from "../app/store";
import { setSettings, settings as canvas } from "../canvas/ui";
import { useMapShown } from "../canvas/useMapShown";
import { LANGUAGES, t } from "../i18n";
import { object, text } from "../model/json";
import { getJson } from "../run/server";

export function Settings() {
  const chosen = useStore(settings, (state) => state);
  const snap = useStore(canvas, (state) => state.snap);
  const minimap = useMapShown();
  const languages = [["system", t("panels.system")], ...Object.entries(LANGUAGES)] as const;
  const set = (change: Partial<Choices>) => choose(change);
  return (
    <Dialog title={t("app.settings")} onClose={() => showDialog(null)}>
      <Row label={t("panels.theme")}>
        <Select
          label={t("panels.theme")}
          value={chosen.theme}
          options={THEMES.map((name) => [name, t(`panels.theme.${name}`)])}
          onChange={(theme) => set({ theme: theme as Choices["theme"] })}
        />
      </Row>
      <Row label={t("panels.language")}>
        <Select
          label={t("panels.language")}
          value={chosen.language}
          options={languages}
          onChange={(language) => set({ language: language as Choices["language"] })}
        />
      </Row>
      <Row label={t("panels.preview")}>
        <Select
          label={t("panels.preview")}
          value={chosen.preview}
          options={PREVIEWS.map((name) => [name, t(`panels.preview.${name}`)])}
          onChange={(preview) => set({ preview: preview as Choices["preview"] })}
        />
      </Row>
      <Check label={t("panels.snap")} value={snap} onChange={(on) => setSettings({ snap: on })} />
      <Check label={t("panels.minimap")} value={minimap} onChange={(on) => setSettings({ minimap: on })} />
      <About />
    </Dialog>
  );
}

function Row({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className="setting">
      <span aria-hidden="true">{label}</span>
      {children}
    </div>
  );
}

interface SelectProps {
  readonly label: string;
  readonly value: string;
  readonly options: readonly (readonly [string, string])[];
  readonly onChange: (value: string) => void;
}

function Select({ label, value, options, onChange }: SelectProps) {
  return (
    <select className="field" aria-label={label} value={value} onChange={(event) => onChange(event.target.value)}>
      {options.map(([id, name]) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </select>
  );
}

function Check({ label, value, onChange }: { label: string; value: boolean; onChange: (on: boolean) => void }) {
  return (
    <label className="setting">
      {label}
      <input type="checkbox" checked={value} onChange={(event) => onChange(event.target.checked)} />
    </label>
  );
}

function About() {
  const [about, setAbout] = useState("");
  useEffect(() => void tell().then(setAbout), []);
  return (
    <p className="about">
      <strong>Mezzotint</strong> {about}
    </p>
  );
}

async function tell(): Promise<string> {
  const answer = object(await getJson("system_stats").catch(() => null));
  const system = object(answer.system);
  const device = Array.isArray(answer.devices) ? object(answer.devices[0]) : {};
  return [
    text(system.mezzotint_version),
    text(system.pytorch_version) && `PyTorch ${text(system.pytorch_version)}`,
    text(device.name),
  ]
    .filter(Boolean)
    .join(" · ");
}
