// Drives a server with the npm package @stable-canvas/comfyui-client, as its users do.
// stable_canvas.cjs picture|cancel URL GRAPH FOLDER: what happened, as one line of JSON; pictures go into FOLDER.

const fs = require("fs");
const path = require("path");
const { Client, Workflow } = require("@stable-canvas/comfyui-client");
const WebSocket = require("ws");

const [what, url, file, folder] = process.argv.slice(2);

function workflow(change = {}) {
  const made = new Workflow();
  for (const node of Object.values(JSON.parse(fs.readFileSync(file)))) {
    const inputs = node.class_type === "KSampler" ? { ...node.inputs, ...change } : node.inputs;
    made.node(node.class_type, inputs);
  }
  return made;
}

async function picture(client) {
  const progress = [];
  const seen = [];
  client.on("message", (event) => seen.push(JSON.parse(event.data).type));
  const result = await workflow().invoke(client, { progress: (p) => progress.push([p.node, p.value, p.max]) });
  for (const [i, image] of result.images.entries()) {
    const answer = await fetch(image.data);
    fs.writeFileSync(path.join(folder, `${i}.png`), Buffer.from(await answer.arrayBuffer()));
  }
  const polled = await workflow({ seed: 8 }).invoke_polling(client, { polling_ms: 50 });
  await client.storeSetting("Test.Setting", { any: "value" });
  return {
    job: result.prompt_id,
    images: result.images,
    polled: polled.images,
    progress,
    seen,
    setting: await client.getSetting("Test.Setting"),
    samplers: await client.getSamplers(),
  };
}

async function cancel(client) {
  const running = workflow({ steps: 10000 }).instance(client);
  const waiting = workflow({ steps: 9999 }).instance(client);
  await running.enqueue();
  await waiting.enqueue();
  const sampling = new Promise((resolve) => running.once("progress", resolve));
  const ended = running.wait().then(() => "done", (error) => error.message);
  await sampling;
  await waiting.interrupt(); // pending: it is taken out of the queue
  await running.interrupt();
  return { job: running.task_id, never: waiting.task_id, ended: await ended };
}

async function main() {
  const client = new Client({ api_host: new URL(url).host, WebSocket, fetch });
  await client.connect();
  console.log(JSON.stringify(await { picture, cancel }[what](client)));
  client.close();
}

main().then(
  () => process.exit(0),
  (error) => (console.error(error), process.exit(1)),
);
