import { expect, test } from "vitest";
import { fromDetail, withPictures } from "../src/run/sync";

const picture = { images: [{ filename: "a.png" }] };

test("a running job shows its nodes, what they made, and how long they have run", () => {
  const detail = {
    id: "j",
    status: "in_progress",
    outputs: { "9.1": picture },
    execution_meta: { "9.1": { display_node: "9" } },
    progress: {
      overall: 0.4,
      rate: 2,
      remaining: 6,
      nodes: {
        "1": { state: "finished", value: 1, max: 1, seconds: 3, cached: false },
        "3": { state: "running", value: 8, max: 20, seconds: null, cached: false },
      },
    },
  };
  const job = fromDetail(detail, new Map([["3", "Sample"]]), 10_000);
  expect([job.phase, job.shown, job.told]).toEqual(["running", 0.4, { seconds: 6, at: 10_000 }]);
  expect(job.since).toEqual(new Map([["3", 6_000]]));
  expect(job.nodes.get("1")).toEqual({ state: "finished", value: 1, max: 1, seconds: 3, cached: false });
  expect(job.nodes.get("3")).toEqual({ state: "running", value: 8, max: 20, cached: false });
  expect(job.nodes.get("9")?.shown).toEqual(picture);
});

test("a failed job says where and why", () => {
  const execution_error = { node_id: "3", exception_message: "no memory" };
  const job = fromDetail({ id: "j", status: "failed", error: "no memory", execution_error }, new Map(), 0);
  expect([job.phase, job.error, job.nodes.get("3")?.message]).toEqual(["error", "no memory", "no memory"]);
});

test("anything else waits", () => {
  expect(fromDetail({}, new Map(), 0).phase).toBe("pending");
});

test("a job that runs shows what was made before until it makes its own; one that is over does not", () => {
  const detail = (status: string) => ({ id: "j", status, outputs: { "1": picture } });
  const older = { images: [{ filename: "older.png" }] };
  const node = { state: "finished", value: 1, max: 1, shown: older } as const;
  const before = new Map([
    ["1", node],
    ["2", node],
  ]);
  const running = withPictures(fromDetail(detail("in_progress"), new Map(), 0), before);
  expect([...running.nodes].map(([id, { shown }]) => [id, shown])).toEqual([
    ["1", picture],
    ["2", older],
  ]);
  expect(running.nodes.get("2")!.state).toBe("waiting");
  const over = fromDetail(detail("completed"), new Map(), 0);
  expect(withPictures(over, before)).toBe(over);
});
