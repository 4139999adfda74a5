/** Starts the dashboard: one store of jobs, one view at a time, chosen by the address after the #. */

import { announce } from "./ui/announcements.js";
import { loadDatasets } from "./datasets/names.js";
import { h, fill } from "./ui/dom.js";
import { words } from "./ui/format.js";
import { Jobs } from "./jobs/store.js";
import { classifyView } from "./classify/view.js";
import { jobView } from "./jobs/job_view.js";
import { jobsView } from "./jobs/list_view.js";
import { modelsView } from "./models/view.js";
import { startSystemStrip } from "./system_status.js";

const VIEWS = { jobs: jobsView, job: jobView, classify: classifyView, models: modelsView };

const jobs = new Jobs();
const main = document.getElementById("main");
let close = () => {};

/** "#/jobs/job_x?clone=1" → view "job", id "job_x", query {clone: "1"} */
function address() {
  const [path, query] = (location.hash.slice(2) || "jobs").split("?");
  const [room, id] = path.split("/").map(decodeURIComponent);
  const view = room === "jobs" && id ? "job" : room;
  return { view: view in VIEWS ? view : "jobs", room, id, query: new URLSearchParams(query) };
}

function open() {
  close();
  const place = address();
  for (const tab of document.querySelectorAll(".tabs a")) {
    if (tab.dataset.view === place.room) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  const view = VIEWS[place.view]({ jobs, ...place });
  fill(main, view.element);
  close = view.close ?? (() => {});
  document.title = `${view.title} · Ninefold`;
  scrollTo(0, 0);
}

function say({ detail: job }) {
  announce(`${job.name}: ${words(job.status)}`);
}

jobs.addEventListener("status", say);
addEventListener("hashchange", () => { open(); main.focus({ preventScroll: true }); });
document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
open();
startSystemStrip(document.getElementById("system"), jobs);
try {
  await loadDatasets();
  await jobs.load();
} catch (problem) {
  main.prepend(h("p", { class: "notice", role: "alert" }, problem.message));
}
jobs.start();
