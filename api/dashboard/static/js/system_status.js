/** The footer: state of the event stream, readiness, workers and queue. */

import { h, fill } from "./ui/dom.js";
import { get } from "./http/requests.js";
import { session, signOut } from "./http/session.js";

const INTERVAL_MS = 5000;

export function startSystemStatus(element, jobs) {
  const state = { workers: null, ready: undefined };
  const draw = () => fill(element, live(jobs), ready(state.ready), workers(state.workers), queue(jobs), signedIn(), h("a", { href: "docs" }, "API"));
  const read = async () => {
    if (document.hidden) return;
    [state.workers, state.ready] = await Promise.all([readWorkers(), readReady()]);
    draw();
  };
  jobs.addEventListener("live", () => { draw(); read(); });
  jobs.addEventListener("status", read);
  setInterval(read, INTERVAL_MS);
  draw();
  read();
}

async function readWorkers() {
  return get("workers").then(({ data }) => data, () => null);
}

/** A 503 response has the same fields as a 200, with the reason in them. */
async function readReady() {
  try {
    return await (await fetch("readyz")).json();
  } catch {
    return null;
  }
}

function item(tone, text) {
  return h("span", { class: "system-item", "data-tone": tone }, text);
}

function live(jobs) {
  if (jobs.isLive) return item("good", "Live");
  return jobs.wasLive ? item("bad", "Reconnecting…") : item("quiet", "Connecting…");
}

function ready(state) {
  if (state === undefined) return null; // not read yet
  if (!state) return item("bad", "Service does not answer");
  if (state.status === "ready") return state.warnings.length ? item("warn", state.warnings.join(" ")) : item("good", "Ready");
  const failing = ["redis", "storage", "predictor"].filter((name) => state[name] !== "ok");
  return item("bad", `Not ready: ${failing.join(", ")}`);
}

function workers(list) {
  if (!list) return null; // not read yet
  if (list.length === 0) return item("bad", "No worker");
  const busy = list.filter((worker) => worker.state === "busy").length;
  const broken = list.filter((worker) => worker.state === "out_of_order").length;
  if (broken) return item("bad", `${broken} of ${list.length} workers out of order: see their logs`);
  const without = withoutWorker(list);
  if (without) return item("bad", without);
  const devices = [...new Set(list.flatMap((worker) => worker.devices))].join(", ");
  return item("good", `${list.length} ${list.length === 1 ? "worker" : "workers"} (${devices}), ${busy} busy`);
}

/** What no worker does; earlier versions of the worker have no lanes and train. */
function withoutWorker(list) {
  const lanes = new Set(list.flatMap((worker) => worker.lanes ?? ["training"]));
  if (!lanes.has("training")) return "No worker trains";
  return lanes.has("light") ? "" : "No worker imports datasets";
}

function signedIn() {
  if (!session.needsKey) return null;
  return h("span", { class: "system-item" }, session.name, h("button", { class: "quiet small", onclick: signOut }, "Sign out"));
}

/** Not all queued jobs were read; the place of the last one in the queue counts the others. */
function queue(jobs) {
  const queued = jobs.newestFirst().filter((job) => job.status === "queued");
  const count = Math.max(queued.length, ...queued.map((job) => job.queue_position ?? 0));
  return item("quiet", count ? `${count} queued` : "Queue empty");
}
