/** What runs, what waits, and what was. */

import { useEffect, type ReactNode } from "react";
import { Icon } from "../app/icons";
import { IconButton } from "../app/IconButton";
import { toggleRight } from "../app/layout";
import { openJob } from "../app/reading";
import { choose } from "../app/questions";
import { useStore } from "../app/store";
import { toast } from "../app/toasts";
import { duration, jobName, moment } from "../app/words";
import { t } from "../i18n";
import * as queue from "../run/jobs";
import type { Job } from "../run/jobs";
import { run } from "../run/run";
import { viewUrl } from "../run/server";
import { clientId } from "../run/session";
import { openGallery } from "./pictures";
import { Nothing, Panel, Search } from "./Panel";

export function Queue() {
  const state = useStore(queue.jobs, (all) => all);
  useEffect(queue.watch, []);
  return (
    <Panel title={t("app.queue")} side="right" tools={<Tools paused={state.paused} />} onClose={close}>
      {state.failed && <Nothing>{t("app.unreachable")}</Nothing>}
      {state.paused && <p className="notice">{t("panels.paused")}</p>}
      <Part title={t("panels.runs")} count={state.running.length}>
        {state.running.map((job) => (
          <Running key={job.id} job={job} overall={state.overall[job.id] ?? 0} />
        ))}
      </Part>
      <Part title={t("panels.waits")} count={state.pending.length}>
        {state.pending.map((job, i) => (
          <Pending key={job.id} job={job} place={i} />
        ))}
      </Part>
      <History />
    </Panel>
  );
}

const close = () => toggleRight("queue");

function attempt(change: Promise<void>): void {
  change.catch((error: Error) => toast("error", error.message || t("app.unreachable")));
}

function Tools({ paused }: { paused: boolean }) {
  return (
    <IconButton
      icon={paused ? "play" : "pause"}
      label={t(paused ? "panels.resume" : "panels.pause")}
      aria-pressed={paused}
      onClick={() => attempt(queue.pause(!paused))}
    />
  );
}

function Part({ title, count, children }: { title: string; count: number; children: ReactNode }) {
  if (!count) return null;
  return (
    <section aria-label={title}>
      <h3>
        {title} <span className="dim">{count}</span>
      </h3>
      <ul className="jobs">{children}</ul>
    </section>
  );
}

function Running({ job, overall }: { job: Job; overall: number }) {
  const own = useStore(run, (state) => (state.job === job.id ? (state.overall ?? 0) : undefined));
  const percent = Math.floor((own ?? overall) * 100);
  return (
    <li className="job job-running">
      <span className="job-thumb">
        <Icon name="play" />
      </span>
      <span className="job-text">
        <span className="job-name">{whose(job)}</span>
        <span
          className="run-bar"
          role="progressbar"
          aria-label={t("app.progress")}
          aria-valuenow={percent}
          aria-valuemin={0}
          aria-valuemax={100}
        >
          <span style={{ width: `${percent}%` }} />
        </span>
        <span className="dim">{percent} %</span>
      </span>
      <IconButton icon="stop" label={t("app.interrupt")} onClick={() => attempt(queue.cancel(job.id))} />
    </li>
  );
}

function Pending({ job, place }: { job: Job; place: number }) {
  return (
    <li className="job">
      <span className="job-thumb job-place">{place + 1}</span>
      <span className="job-text">
        <span className="job-name">{whose(job)}</span>
        <span className="dim">{moment(job.create_time ?? 0)}</span>
      </span>
      {place > 1 && (
        <IconButton icon="top" label={t("panels.toFront")} onClick={() => attempt(queue.move(job.id, 0))} />
      )}
      {place > 0 && (
        <IconButton icon="up" label={t("panels.up")} onClick={() => attempt(queue.move(job.id, place - 1))} />
      )}
      <IconButton icon="close" label={t("panels.remove")} onClick={() => attempt(queue.remove([job.id]))} />
    </li>
  );
}

/** Its name, and whether it came from this window. */
function whose(job: Job): string {
  const name = jobName(job);
  return job.client_id === clientId() ? name : t("panels.elsewhere", { name });
}

function History() {
  const { history, more, search } = useStore(queue.jobs, (all) => all);
  return (
    <section aria-label={t("panels.history")}>
      <div className="section-head">
        <h3>{t("panels.history")}</h3>
        <IconButton
          icon="trash"
          label={t("panels.clearHistory")}
          disabled={!history.length}
          onClick={() => void clear()}
        />
      </div>
      <Search value={search} label={t("panels.searchHistory")} onChange={queue.search} />
      {!history.length && <Nothing>{t(search ? "panels.noMatch" : "panels.noHistory")}</Nothing>}
      <ul className="jobs">
        {history.map((job) => (
          <Finished key={job.id} job={job} />
        ))}
      </ul>
      {more && (
        <button type="button" className="button wide" onClick={queue.showMore}>
          {t("panels.more")}
        </button>
      )}
    </section>
  );
}

function Finished({ job }: { job: Job }) {
  const { execution_start_time: began, execution_end_time: ended, execution_error: error } = job;
  const took = began && ended ? duration((ended - began) / 1000) : "";
  const label = t("panels.showPictures", { name: jobName(job) });
  const state = t(`panels.${job.status}` as const);
  const when = moment(ended ?? job.create_time ?? 0);
  const facts = job.status === "completed" ? [when, took] : [state, when];
  return (
    <li className={`job job-${job.status}`}>
      {job.preview_output ? (
        <button type="button" className="job-thumb" onClick={() => void openGallery(job.id)}>
          <img src={viewUrl(job.preview_output, true)} alt={label} loading="lazy" />
          {job.outputs_count > 1 && <span className="count">{job.outputs_count}</span>}
        </button>
      ) : (
        <span className="job-thumb">
          <Icon name={({ completed: "check", cancelled: "close" } as const)[job.status as string] ?? "alert"} />
        </span>
      )}
      <span className="job-text">
        <span className="job-name">{jobName(job)}</span>
        <span className="dim" title={[state, when, took].filter(Boolean).join(" · ")}>
          {facts.filter(Boolean).join(" · ")}
        </span>
        {error && <span className="job-error">{error.exception_message}</span>}
      </span>
      <IconButton icon="open" label={t("panels.openGraph")} onClick={() => void openJob(job.id)} />
      <IconButton icon="trash" label={t("panels.forget")} onClick={() => attempt(queue.forget([job.id]))} />
    </li>
  );
}

async function clear(): Promise<void> {
  const answer = await choose(t("panels.clearHistory"), t("panels.clearText"), [
    { id: "no", label: t("app.cancel") },
    { id: "yes", label: t("panels.clearHistory"), kind: "danger" },
  ]);
  if (answer === "yes") attempt(queue.clearHistory());
}
