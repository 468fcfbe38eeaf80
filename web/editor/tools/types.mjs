/**
 * Types of the server's API, from its own description: `npm run types`. With `--check` nothing is written, and the
 * exit status says whether the committed file is what the server says now.
 */

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import openapiTS, { astToString } from "openapi-typescript";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const target = new URL("../src/api/schema.gen.ts", import.meta.url);
const script = "import json; from web.openapi.document import document; print(json.dumps(document()))";

const description = execFileSync(process.env.PYTHON ?? "python3", ["-c", script], { cwd: root, maxBuffer: 2 ** 26 });
const types = astToString(await openapiTS(JSON.parse(description.toString())));
const text = `/* Made by \`npm run types\` from the server's OpenAPI document. Do not edit. */\n\n${types}`;

if (!process.argv.includes("--check")) writeFileSync(target, text);
else if (readFileSync(target, "utf8") !== text) {
  console.error("src/api/schema.gen.ts is not what the server says: run `npm run types`");
  process.exit(1);
}
