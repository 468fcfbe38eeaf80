import { describe, expect, test } from "vitest";
import { preview } from "../src/run/binary";
import { estimate, learn, plan } from "../src/run/estimate";
import { fold, queued } from "../src/run/fold";
import type { JobRun, Message } from "../src/run/types";

const message = (type: string, data: Record<string, unknown> = {}): Message => ({
  type,
  data: { prompt_id: "j", ...data },
});

/** One message a second. */
const play = (messages: Message[], job: JobRun = queued("j")): JobRun =>
  messages.reduce((so, next, i) => fold(so, next, i * 1000), job);

const start = message("execution_start");
const running = (node: string) => message("executing", { node, display_node: node });
const over = message("executing", { node: null });
const picture = { images: [{ filename: "a.png" }] };

describe("a job", () => {
  test("runs its nodes one after the other", () => {
    const job = play([
      start,
      message("execution_cached", { nodes: ["4"] }),
      running("3"),
      message("progress", { node: "3", value: 2, max: 8 }),
      running("9"),
      message("executed", { node: "9", display_node: "9", output: picture }),
      message("execution_success"),
      over,
    ]);
    expect(job.phase).toBe("success");
    expect(job.nodes).toEqual(
      new Map([
        ["4", { state: "finished", value: 1, max: 1, seconds: 0, cached: true }],
        ["3", { state: "finished", value: 8, max: 8, seconds: 2, cached: false }],
        ["9", { state: "finished", value: 1, max: 1, seconds: 2, cached: false, shown: picture }],
      ]),
    );
  });

  test("knows no messages of other jobs", () => {
    const job = play([start, running("3")]);
    expect(fold(job, { type: "progress", data: { prompt_id: "k", node: "3", value: 1, max: 2 } }, 0)).toBe(job);
    expect(fold(job, message("something_new"), 0)).toBe(job);
  });

  test("shows the pictures of the one before until it makes its own", () => {
    const before = play([start, message("executed", { node: "9", output: picture }), over]);
    const job = play([start], queued("j", before.nodes));
    expect(job.nodes).toEqual(new Map([["9", { state: "waiting", value: 0, max: 1, shown: picture }]]));
  });

  test("says where it failed, and where else", () => {
    const job = play([
      start,
      running("3"),
      message("execution_error", {
        node_id: "3",
        exception_message: "no",
        also_failed: [{ node_id: "5", exception_message: "neither" }],
      }),
      over,
    ]);
    expect([job.phase, job.error]).toEqual(["error", "no"]);
    expect([job.nodes.get("3")?.state, job.nodes.get("3")?.message]).toEqual(["error", "no"]);
    expect(job.nodes.get("5")?.message).toBe("neither");
  });

  test("leaves nothing glowing when it is cancelled", () => {
    const job = play([start, running("3"), message("execution_interrupted", { node_id: "3" }), over]);
    expect([job.phase, job.nodes.get("3")?.state]).toEqual(["cancelled", "waiting"]);
  });

  test("shows previews of nodes that run, and no longer", () => {
    const shown = message("preview", { node_id: "3", url: "blob:1" });
    const job = play([start, running("3"), shown]);
    expect(job.nodes.get("3")?.preview).toBe("blob:1");
    expect(play([running("4"), shown], job).nodes.get("3")?.preview).toBeUndefined();
  });

  test("takes states of all nodes at once; nodes of returned graphs show as the one that returned them", () => {
    const state = (id: string, state: string, display = id) => ({
      [id]: { node_id: id, display_node_id: display, state, value: 1, max: 4 },
    });
    const nodes = { ...state("3", "finished"), ...state("5", "running"), ...state("5.1", "finished", "5") };
    const job = play([start, running("3"), message("progress_state", { nodes })]);
    expect(job.nodes.get("3")?.state).toBe("finished");
    expect(job.nodes.get("5")).toMatchObject({ state: "running", value: 1, max: 4 });
  });

  test("is not slow with thousands of cached nodes", () => {
    const nodes = Array.from({ length: 20_000 }, (_, i) => String(i));
    expect(play([start, message("execution_cached", { nodes })]).nodes.size).toBe(20_000);
  });
});

describe("the estimate", () => {
  const graph = {
    "1": { class_type: "Load", inputs: {} },
    "2": { class_type: "Sample", inputs: { model: ["1", 0], seed: 5 } },
    "3": { class_type: "Save", inputs: { image: ["2", 0] } },
    "4": { class_type: "Other", inputs: { model: ["1", 0] } },
  };
  const planned = { ...play([start]), plan: plan(graph, ["3"]) };

  test("counts what the outputs need", () => {
    expect([...planned.plan.keys()].sort()).toEqual(["1", "2", "3"]);
  });

  test("weighs nodes by what they took before", () => {
    const paces = { Load: 1, Sample: 8, Save: 1 };
    const job = play([running("1"), running("2"), message("progress", { node: "2", value: 2, max: 8 })], planned);
    expect(estimate(job, paces, 3000)).toEqual({ overall: 0.3, secondsLeft: 7 });
  });

  test("says no time while it knows none", () => {
    expect(estimate(planned, { Load: 1 }, 0)).toEqual({ overall: 0 });
  });

  test("learns from what was computed, not from what was cached", () => {
    const job = play([message("execution_cached", { nodes: ["1"] }), running("2"), running("3"), over], planned);
    expect(learn({ Sample: 11 }, job)).toEqual({ Sample: 8, Save: 1 });
  });
});

describe("a binary message", () => {
  const bytes = (...parts: (number | string)[]) =>
    new Uint8Array(
      parts.flatMap((part) =>
        typeof part === "string" ? [...new TextEncoder().encode(part)] : [0, 0, part >> 8, part & 255],
      ),
    ).buffer;

  test("is a picture, with or without its node", async () => {
    const plain = preview(bytes(1, 2, "png"));
    expect([plain?.image.type, await plain?.image.text()]).toEqual(["image/png", "png"]);
    const told = '{"node_id":"3","image_type":"image/jpeg"}';
    const full = preview(bytes(4, told.length, told, "jpeg"));
    expect([full?.data.node_id, full?.image.type, await full?.image.text()]).toEqual(["3", "image/jpeg", "jpeg"]);
  });

  test("of another kind is none", () => {
    expect(preview(bytes(3, 1, "text"))).toBeUndefined();
    expect(preview(new ArrayBuffer(3))).toBeUndefined();
  });
});
