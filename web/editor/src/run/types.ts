/** What is known of what runs. */

import type { NodeId } from "../model/types";

export interface NodeRun {
  /** `waiting`: of a job that runs, but not this node yet; it may still show what it made before. */
  readonly state: "waiting" | "running" | "finished" | "error";
  readonly value: number;
  readonly max: number;
  readonly seconds?: number;
  readonly cached?: boolean;
  /** A blob URL of the picture so far. */
  readonly preview?: string;
  /** What the node has to show: pictures, text. */
  readonly shown?: Readonly<Record<string, unknown>>;
  readonly message?: string;
}

export type NodeRuns = ReadonlyMap<NodeId, NodeRun>;

export interface NodeProblem {
  /** Empty: of the graph as a whole. */
  readonly node: NodeId;
  readonly input?: string;
  readonly message: string;
  readonly severity: "error" | "warning";
}

export interface RunState {
  readonly connection: "connecting" | "open" | "lost";
  /** Jobs that wait or run, of everybody. */
  readonly remaining: number;
  /** The job of this window that runs. */
  readonly job?: string;
  /** Of the tab that is shown. */
  readonly nodes: NodeRuns;
  readonly problems: readonly NodeProblem[];
  /** 0..1, of `job`. */
  readonly overall?: number;
  readonly secondsLeft?: number;
}

export type JobPhase = "pending" | "running" | "success" | "error" | "cancelled";

/** One job of this window. */
export interface JobRun {
  readonly id: string;
  readonly phase: JobPhase;
  readonly nodes: NodeRuns;
  /** When each running node started, in milliseconds. */
  readonly since: ReadonlyMap<NodeId, number>;
  /** The types of the nodes that its outputs need, as far as they are known. */
  readonly plan: ReadonlyMap<NodeId, string>;
  /** The fraction done that was shown last: progress never goes back. */
  readonly shown: number;
  /** The time left that the server told, and when. */
  readonly told?: { readonly seconds: number; readonly at: number };
  readonly error?: string;
}

/** A message of the server's WebSocket, or a preview that came as a binary one. */
export interface Message {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}
