/** Times and jobs as people read them. */

import { language, t } from "../i18n";

export function duration(seconds: number): string {
  if (seconds < 10) return t("app.seconds", { count: seconds < 1 ? seconds.toFixed(2) : Number(seconds.toFixed(1)) });
  if (seconds < 60) return t("app.seconds", { count: Math.round(seconds) });
  const [minutes, rest] = [Math.floor(seconds / 60), Math.round(seconds % 60)];
  if (minutes < 60) return t("app.minutes", { minutes, seconds: rest });
  return t("app.hours", { hours: Math.floor(minutes / 60), minutes: minutes % 60 });
}

/** milliseconds: since 1970. Today only the time is told. */
export function moment(milliseconds: number): string {
  const when = new Date(milliseconds);
  const today = when.toDateString() === new Date().toDateString();
  const form: Intl.DateTimeFormatOptions = today
    ? { hour: "2-digit", minute: "2-digit" }
    : { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" };
  return new Intl.DateTimeFormat(language(), form).format(when);
}

/** What its workflow was called; for one that was not sent by an editor, the beginning of its id. */
export function jobName({ id, name }: { readonly id: string; readonly name?: string | null | undefined }): string {
  return name || t("app.jobName", { id: id.slice(0, 8) });
}
