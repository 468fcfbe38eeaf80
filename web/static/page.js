// The page of a server without an editor: its state, its newest pictures, and a place to drop workflows.

const NEWEST = 30;
const OFTEN = 1000, SELDOM = 5000; // milliseconds between looks: while something runs, and otherwise
const $ = (id) => document.getElementById(id);
let running = null; // the id of the job at work
let shown = ""; // what the gallery shows
let timer;

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

async function ask(path, options) {
  const answer = await fetch(path, options);
  const text = await answer.text();
  let value = {};
  try { value = text ? JSON.parse(text) : {}; } catch { /* no JSON: the status says enough */ }
  if (!answer.ok) throw Object.assign(new Error(value.error?.message || `The server answered ${answer.status}.`), { value });
  return value;
}

// --- the state -----------------------------------------------------------------------------------

function say(kind, text) {
  const place = $("state");
  place.className = `state ${kind}`;
  if (place.textContent !== text) place.textContent = text;
}

async function look() {
  clearTimeout(timer);
  let busy = false;
  try {
    const [waiting, newest, worker] = await Promise.all([
      ask("jobs?status=in_progress,pending&sort_order=asc&limit=20"), ask(`jobs?limit=${NEWEST}`), ready(),
    ]);
    const total = waiting.pagination.total;
    busy = total > 0;
    const queue = total ? `${total} ${total > 1 ? "jobs" : "job"} in the queue` : "Ready";
    say(worker ? "ready" : "waiting", worker ? queue : total ? `${queue}; the worker is starting` : "The worker is starting");
    await showWork(waiting.jobs.find((job) => job.status === "in_progress"));
    showGallery(newest.jobs.filter((job) => job.status === "completed" || job.status === "failed"));
  } catch (error) {
    say("lost", error.value ? error.message : "The server does not answer");
  }
  clearTimeout(timer); // another look may have begun meanwhile
  timer = setTimeout(() => document.hidden || look(), busy ? OFTEN : SELDOM);
}

async function ready() {
  return (await fetch("readyz")).ok;
}

async function showWork(job) {
  running = job?.id ?? null;
  $("work").hidden = !job;
  if (!job) return;
  const { progress } = await ask(`jobs/${encodeURIComponent(job.id)}`);
  const done = progress?.overall;
  if (done == null) $("progress").removeAttribute("value");
  else $("progress").value = done;
  $("what").textContent = done == null ? "Beginning" : `${Math.round(done * 100)} %`;
}

// --- the pictures --------------------------------------------------------------------------------

function view(file, preview) {
  const { filename, subfolder = "", type = "output" } = file;
  return `view?${new URLSearchParams({ filename, subfolder, type, ...(preview ? { preview } : {}) })}`;
}

function card(job) {
  const file = job.preview_output;
  if (job.status === "failed") {
    const { node_type: node, exception_message: message } = job.execution_error ?? {};
    return element("div", { className: "failed" }, element("strong", {}, node || "Failed"), message || "");
  }
  if (!file || file.mediaType !== "images") return element("div", { className: "plain" }, file?.filename ?? "Done, without a picture");
  const image = element("img", { src: view(file, "webp;80"), alt: file.filename, loading: "lazy" });
  return element("a", { href: view(file), target: "_blank", rel: "noopener", title: file.filename }, image);
}

function showGallery(jobs) {
  const state = jobs.map((job) => job.id).join();
  if (state === shown) return;
  shown = state;
  $("empty").hidden = jobs.length > 0;
  $("gallery").replaceChildren(...jobs.map((job) => element("li", {}, card(job))));
}

// --- running -------------------------------------------------------------------------------------

// Messages are [wrong, text, lines below it]; they take the place of the ones before.
function tell(...messages) {
  $("told").replaceChildren(...messages.map(([wrong, text, list = []]) => {
    const items = list.map((line) => element("li", {}, line));
    return element("div", { className: wrong ? "told wrong" : "told" }, element("p", {}, text), element("ul", {}, ...items));
  }));
}

function faults(value) {
  const nodes = Object.entries(value.node_errors ?? {});
  return nodes.flatMap(([id, node]) => node.errors.map((e) => `${node.class_type} ${id}: ${e.message}${e.details ? ` (${e.details})` : ""}`));
}

async function submit(files) {
  tell(...await Promise.all(files.map(queue)));
  look();
}

async function queue(file) {
  const type = file.type.startsWith("image/") ? file.type : "application/json";
  try {
    const answer = await ask("prompt", { method: "POST", body: file, headers: { "Content-Type": type } });
    const problems = faults(answer);
    return [problems.length > 0, `${file.name} is in the queue.`, [...problems, ...(answer.notes ?? [])]];
  } catch (error) {
    const details = error.value?.error?.details;
    const problems = faults(error.value ?? {});
    return [true, `${file.name}: ${error.message}`, problems.length ? problems : details ? [details] : []];
  }
}

$("file").addEventListener("change", (event) => {
  submit([...event.target.files]);
  event.target.value = "";
});
$("stop").addEventListener("click", async () => {
  const body = JSON.stringify({ prompt_id: running });
  await ask("interrupt", { method: "POST", body, headers: { "Content-Type": "application/json" } }).catch((error) => tell([true, error.message]));
  look();
});
addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("over");
});
addEventListener("dragleave", (event) => event.relatedTarget || document.body.classList.remove("over"));
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("over");
  submit([...event.dataTransfer.files]);
});
document.addEventListener("visibilitychange", () => document.hidden || look());
look();
