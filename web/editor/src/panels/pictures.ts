/** The pictures that jobs made, the newest first, and which of them is looked at. */

import { call, type Schemas } from "../api/client";
import { createStore } from "../app/store";
import { toast } from "../app/toasts";
import { t } from "../i18n";
import { number, objects } from "../model/json";
import { detailOf } from "../run/follow";
import { viewUrl, type FileName } from "../run/server";

export interface Picture {
  readonly id: string;
  readonly job: string;
  readonly name: string;
  readonly url: string;
  readonly small: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export interface Gallery {
  readonly pictures: readonly Picture[];
  readonly more: boolean;
  readonly state: "unknown" | "known" | "failed";
  /** At most two, by id. */
  readonly marked: readonly string[];
  /** What is looked at in full size, and among which. */
  readonly viewer?: { readonly among: readonly Picture[]; readonly at: number };
  readonly compared?: readonly [Picture, Picture];
  readonly changes?: readonly [Picture, Picture];
}

const PAGE = 48;
export const gallery = createStore<Gallery>({ pictures: [], more: false, state: "unknown", marked: [] });

export async function loadGallery(further = false): Promise<void> {
  const before = further ? gallery.get().pictures : [];
  try {
    const known = further ? new Set(before.map((one) => one.job)).size : 0;
    const query = { status: "completed", limit: PAGE, offset: known };
    const page = await call("get", "/jobs", { query });
    const found = await Promise.all(page.jobs.map(ofJob));
    const { has_more: more } = page.pagination;
    gallery.set((state) => ({ ...state, pictures: [...before, ...found.flat()], more, state: "known" }));
  } catch {
    gallery.set((state) => ({ ...state, state: "failed" }));
  }
}

/** A list of jobs names one picture of each; the others are asked for. */
async function ofJob(job: Schemas["JobItem"]): Promise<Picture[]> {
  const { id, preview_output: first, execution_end_time: at } = job;
  return job.outputs_count > 1 ? allOf(id) : first ? pictures([first], id, at ?? 0) : [];
}

async function allOf(id: string): Promise<Picture[]> {
  const detail = await detailOf(id);
  return detail ? pictures(objects(detail.files), id, number(detail.execution_end_time)) : [];
}

function pictures(files: readonly FileName[], job: string, at: number): Picture[] {
  const shown = files.filter((file) => /\.(png|jpe?g|webp|gif|avif)$/i.test(String(file.filename)));
  const kept = shown.some((file) => file.type === "output") ? shown.filter((file) => file.type === "output") : shown;
  return kept.map((file) => {
    const url = viewUrl(file);
    return { id: `${job} ${url}`, job, name: String(file.filename), url, small: viewUrl(file, true), at };
  });
}

/** All pictures of one job, in full size. */
export async function openGallery(job: string): Promise<void> {
  const among = await allOf(job);
  if (among.length) view(among, 0);
  else toast("info", t("panels.noPictures"));
}

export function view(among: readonly Picture[], at: number): void {
  gallery.set((state) => ({ ...state, viewer: { among, at } }));
}

export function step(by: number): void {
  gallery.set((state) => {
    if (!state.viewer) return state;
    const { among, at } = state.viewer;
    return { ...state, viewer: { among, at: Math.min(Math.max(at + by, 0), among.length - 1) } };
  });
}

export function mark(id: string): void {
  gallery.set((state) => {
    const others = state.marked.filter((one) => one !== id);
    return { ...state, marked: others.length < state.marked.length ? others : [...others.slice(-1), id] };
  });
}

export function markedPictures(state: Gallery): Picture[] {
  return state.marked.flatMap((id) => state.pictures.find((one) => one.id === id) ?? []);
}

type Shown = "viewer" | "compared" | "changes";

export function show(what: "compared" | "changes", pair: readonly [Picture, Picture]): void {
  const [older, newer] = pair[0].at <= pair[1].at ? pair : [pair[1], pair[0]];
  gallery.set((state) => ({ ...state, [what]: [older, newer] }));
}

export function hide(what: Shown): void {
  gallery.set((state) => {
    const { [what]: _, ...rest } = state;
    return rest;
  });
}
