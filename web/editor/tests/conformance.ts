/** The recorded workflows that the Python tests use too, unpacked once for the whole run. */

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readDefs, type Defs } from "../src/model/nodes";
import type { JsonObject } from "../src/model/types";

const ARCHIVE = fileURLToPath(new URL("../../../tests/data/conformance.tar.xz", import.meta.url));

/** CONFORMANCE: another folder of the same layout. */
function folder(): string {
  if (process.env.CONFORMANCE) return process.env.CONFORMANCE;
  const target = join(tmpdir(), `mezzotint-conformance-${statSync(ARCHIVE).size}`);
  if (!existsSync(target)) {
    const made = mkdtempSync(join(tmpdir(), "mezzotint-unpacking-"));
    execFileSync(process.env.PYTHON ?? "python3", ["-m", "tarfile", "-e", ARCHIVE, made], { stdio: "pipe" });
    try {
      renameSync(made, target); // whole, or not at all: several test files unpack at once
    } catch {
      rmSync(made, { recursive: true });
    }
  }
  return target;
}

const FOLDER = folder();
const SUFFIX = ".workflow.json";

export const names = readdirSync(join(FOLDER, "workflows"))
  .filter((name) => name.endsWith(SUFFIX))
  .map((name) => name.slice(0, -SUFFIX.length));

export function workflow(name: string): JsonObject {
  return parse(join(FOLDER, "workflows", name + SUFFIX));
}

export const info = parse(join(FOLDER, "object_info.json"));
export const defs: Defs = readDefs(info);

function parse(path: string): JsonObject {
  return JSON.parse(readFileSync(path, "utf8")) as JsonObject;
}
