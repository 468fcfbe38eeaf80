/** What is wrong with the graph, and what of an opened workflow is not here. One click goes there. */

import { useEffect, useMemo, useRef } from "react";
import { edit, editor, goTo } from "../app/editor";
import { Icon } from "../app/icons";
import { makeRoom, toggleRight } from "../app/layout";
import { useStore } from "../app/store";
import { fitView } from "../canvas/viewport";
import { socketName, t } from "../i18n";
import type { MissingChoice, MissingType } from "../model/missing";
import type { Document } from "../model/types";
import { run } from "../run/run";
import type { NodeProblem } from "../run/types";
import { settled } from "./settled";
import { isMissing, missingOf, nodeName, setType, setValue, spotId } from "./missing";
import { Nothing, Panel } from "./Panel";

export function Problems() {
  const { doc, gone, problems } = useProblems();
  const none = !problems.length && !gone?.types.length && !gone?.choices.length;
  return (
    <Panel title={t("app.problems")} side="right" onClose={() => toggleRight("problems")}>
      {none && <Nothing>{t("panels.noProblems")}</Nothing>}
      <ul className="issues">
        {problems.map((problem, i) => (
          <Problem key={i} problem={problem} doc={doc} />
        ))}
      </ul>
      {doc && !!gone?.types.length && (
        <section aria-label={t("panels.missingNodes")}>
          <h3>{t("panels.missingNodes")}</h3>
          <ul className="issues">
            {gone.types.map((type) => (
              <Type key={type.type} missing={type} doc={doc} />
            ))}
          </ul>
        </section>
      )}
      {doc && !!gone?.choices.length && (
        <section aria-label={t("panels.missingModels")}>
          <h3>{t("panels.missingModels")}</h3>
          <ul className="issues">
            {gone.choices.map((choice) => (
              <Choice key={`${choice.level} ${choice.node} ${choice.input}`} missing={choice} doc={doc} />
            ))}
          </ul>
        </section>
      )}
    </Panel>
  );
}

/** What the server says of the graph, without what the lists of missing things say better. */
function useProblems() {
  const all = useStore(run, (state) => state.problems);
  const doc = useStore(settled, (state) => state);
  const defs = useStore(editor, (state) => state.defs);
  return useMemo(() => {
    const gone = doc && missingOf(doc, defs);
    const problems = doc && gone ? all.filter((problem) => !isMissing(problem, doc, gone)) : all;
    return { doc, gone, problems };
  }, [all, doc, defs]);
}

/** Selects a node and brings it to the middle; a canvas of another level has to be drawn first. */
export function visit(id: string): void {
  makeRoom();
  goTo(id);
  requestAnimationFrame(() => requestAnimationFrame(() => fitView([id.split(":").at(-1)!])));
}

function Problem({ problem, doc }: { problem: NodeProblem; doc: Document | undefined }) {
  const { node, input, message, severity } = problem;
  const text = (
    <>
      <Icon name="alert" size={16} />
      <span className="issue-text">
        {node && doc && (
          <span className="issue-place">
            {nodeName(doc, node)} {input && <span className="dim">› {socketName(input)}</span>}
          </span>
        )}
        <span>{message}</span>
      </span>
    </>
  );
  return (
    <li className={`issue ${severity}`}>
      {node ? (
        <button type="button" title={t("panels.goThere")} onClick={() => visit(node)}>
          {text}
        </button>
      ) : (
        <div className="issue-whole">{text}</div>
      )}
    </li>
  );
}

function Type({ missing, doc }: { missing: MissingType; doc: Document }) {
  const { type, pack, nodes, nearest } = missing;
  return (
    <li className="issue error">
      <button type="button" title={t("panels.goThere")} onClick={() => visit(spotId(doc, nodes[0]!))}>
        <Icon name="node" size={16} />
        <span className="issue-text">
          <span className="issue-place">{type}</span>
          <span className="dim">
            {[
              pack && t("panels.fromPack", { pack }),
              t(nodes.length === 1 ? "panels.oneNode" : "panels.nodes", { count: nodes.length }),
            ]
              .filter(Boolean)
              .join(" · ")}
          </span>
        </span>
      </button>
      <Nearest names={nearest} pick={(name) => edit((now) => setType(now, nodes, name))} />
    </li>
  );
}

function Choice({ missing, doc }: { missing: MissingChoice; doc: Document }) {
  const { input, value, nearest, url } = missing;
  const id = spotId(doc, missing);
  return (
    <li className="issue warning">
      <button type="button" title={t("panels.goThere")} onClick={() => visit(id)}>
        <Icon name="alert" size={16} />
        <span className="issue-text">
          <span className="issue-place">
            {nodeName(doc, id)} <span className="dim">› {socketName(input)}</span>
          </span>
          <span className="file">{value}</span>
        </span>
      </button>
      {url && /^https:/.test(url) && (
        <a className="issue-url" href={url} target="_blank" rel="noreferrer noopener">
          {t("panels.whereToGet")}
        </a>
      )}
      <Nearest names={nearest} pick={(name) => edit((now) => setValue(now, missing, name))} />
    </li>
  );
}

function Nearest({ names, pick }: { names: readonly string[]; pick: (name: string) => void }) {
  if (!names.length) return null;
  return (
    <div className="nearest">
      <span className="dim">{t("panels.use")}</span>
      {names.map((name) => (
        <button key={name} type="button" className="chip" onClick={() => pick(name)}>
          {name}
        </button>
      ))}
    </div>
  );
}

/** Says how many problems there are where the panel is closed. */
export function useProblemCount(): { count: number; announce: string } {
  const { gone, problems } = useProblems();
  const before = useRef(0);
  const count = problems.length + (gone?.types.length ?? 0) + (gone?.choices.length ?? 0);
  useEffect(() => void (before.current = count), [count]);
  return { count, announce: count > before.current ? t("panels.problemCount", { count }) : "" };
}
