/** Starts the dashboard. The part of the URL after # chooses the view; all views share one store of jobs. */

import { announce } from "./ui/announcements.js";
import { DatasetAdding } from "./datasets/adding.js";
import { datasetView } from "./datasets/page/dataset_view.js";
import { datasetsView } from "./datasets/list_view.js";
import { imagesView } from "./datasets/images/images_view.js";
import { loadDatasets } from "./datasets/names.js";
import { h, fill } from "./ui/dom.js";
import { words } from "./ui/format.js";
import { JobStore } from "./jobs/store.js";
import { classifyView } from "./classify/view.js";
import { jobComparisonView } from "./jobs/comparison_view.js";
import { jobView } from "./jobs/job_view.js";
import { jobsView } from "./jobs/list_view.js";
import { modelView } from "./models/page/model_view.js";
import { comparisonView } from "./models/comparison_view.js";
import { modelsView } from "./models/view.js";
import { predictionsView } from "./predictions/list_view.js";
import { predictionView } from "./predictions/page/prediction_view.js";
import { reviewView } from "./review/review_view.js";
import { readSession } from "./http/session.js";
import { startSystemStatus } from "./system_status.js";

const VIEWS = new Map(Object.entries({
  jobs: jobsView, job: jobView, datasets: datasetsView, dataset: datasetView, "dataset images": imagesView, classify: classifyView, models: modelsView, compare: (route) => (route.query.has("jobs") ? jobComparisonView(route) : comparisonView(route)), model: modelView, review: reviewView, predictions: predictionsView, prediction: predictionView,
}));

/** The tab of sections that have none of their own; models and jobs are compared in one section. */
const TABS = { review: "models", predictions: "classify" };

const jobs = new JobStore();
const adding = new DatasetAdding(jobs);
const main = document.getElementById("main");
let close = () => {};

/** "#/jobs/job_x?clone=1" → view "job", id "job_x", query {clone: "1"} */
function route() {
  const [path, query] = (location.hash.slice(2) || "jobs").split("?");
  const [section, id, part] = path.split("/").map(decoded);
  const one = { jobs: "job", models: "model", predictions: "prediction", datasets: part === "images" ? "dataset images" : "dataset" };
  const view = id && Object.hasOwn(one, section) ? one[section] : section;
  return { view: VIEWS.has(view) ? view : "jobs", section, id, query: new URLSearchParams(query) };
}

/** The text of a percent-encoded part of the URL; the part itself if it is not encoded correctly. */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function tabOf({ section, query }) {
  if (section === "compare") return query.has("jobs") ? "jobs" : "models";
  return TABS[section] ?? section;
}

function openView() {
  close();
  const current = route();
  for (const tab of document.querySelectorAll(".tabs a")) {
    if (tab.dataset.view === tabOf(current)) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  const view = VIEWS.get(current.view)({ jobs, adding, ...current });
  fill(main, view.element);
  close = view.close ?? (() => {});
  document.title = `${view.title} · Ninefold`;
  scrollTo(0, 0);
}

function announceStatus({ detail: job }) {
  announce(`${job.name}: ${words(job.status)}`);
}

function announceDataset() {
  announce(`${adding.state.name}: ${adding.state.step}`);
}

/** An import that another window began is shown here, too. */
async function followImport() {
  const underWay = (await loadDatasets()).find(({ status }) => status === "processing");
  if (underWay && !adding.isActive) adding.follow(underWay);
}

jobs.addEventListener("status", announceStatus);
adding.addEventListener("ended", announceDataset);
addEventListener("hashchange", () => { openView(); main.focus({ preventScroll: true }); });
document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
openView();
startSystemStatus(document.getElementById("system"), jobs);
try {
  await jobs.load();
  await Promise.all([readSession(), followImport()]);
} catch (problem) {
  main.prepend(h("p", { class: "notice", role: "alert" }, problem.message));
}
jobs.start();
