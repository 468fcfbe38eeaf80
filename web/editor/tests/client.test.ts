import { afterEach, describe, expect, expectTypeOf, it, vi } from "vitest";
import { call, filled, type Answer, type Schemas } from "../src/api/client";

describe("the typed client", () => {
  afterEach(() => vi.unstubAllGlobals());

  it("fills in the names of a route, one segment each", () => {
    expect(filled("/jobs/{id}", { id: "a b/c" })).toBe("/jobs/a%20b%2Fc");
    expect(filled("/jobs", {}, { limit: 5, status: undefined })).toBe("/jobs?limit=5");
  });

  it("sends and reads whole numbers of any size", async () => {
    const sent: RequestInit[] = [];
    vi.stubGlobal("window", { document: { baseURI: "http://host/path/" } });
    vi.stubGlobal("fetch", (_: string, init: RequestInit) => {
      sent.push(init);
      return Promise.resolve(
        new Response('{"seed":18446744073709551615}', { headers: { "Content-Type": "application/json" } }),
      );
    });
    const body = { prompt: { "1": { class_type: "A", inputs: { seed: 2n ** 63n } } } } as never;
    expect(await call("post", "/prompt", { body })).toEqual({ seed: 18446744073709551615n });
    expect(sent[0]!.body).toContain("9223372036854775808");
  });

  it("knows what each route answers", () => {
    expectTypeOf<Answer<"/queue", "get">>().not.toBeAny();
    expectTypeOf<Answer<"/queue", "get">>().not.toBeNever();
    expectTypeOf<Answer<"/jobs/{id}", "get">>().toHaveProperty("id");
    expectTypeOf<Schemas>().toHaveProperty("Job");
  });
});
