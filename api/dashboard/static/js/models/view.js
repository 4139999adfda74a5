/** Lists all models by name, with version, aliases and accuracy; a button puts a version into production. */

import { announce } from "../ui/announcements.js";
import { h, fill } from "../ui/dom.js";
import { ago, percent } from "../ui/format.js";
import { get, request } from "../http/requests.js";

export function modelsView({ jobs }) {
  const body = h("div", { class: "model-groups" }, h("p", { class: "muted" }, "Loading…"));
  const load = () => draw(body, load);
  const onStatus = ({ detail: job }) => { if (job.status === "succeeded") load(); };
  jobs.addEventListener("status", onStatus);
  load();
  return {
    title: "Models",
    element: h("section", { class: "models-view" }, h("div", { class: "view-head" }, h("h1", {}, "Models")), body),
    close: () => jobs.removeEventListener("status", onStatus),
  };
}

async function draw(body, reload) {
  try {
    const { data } = await get("models?limit=100");
    const groups = Map.groupBy(data, (model) => model.name);
    fill(body, data.length ? [...groups].map(([name, models]) => group(name, models, reload)) : empty());
  } catch (problem) {
    fill(body, h("p", { class: "notice", role: "alert" }, problem.message));
  }
}

function empty() {
  return h("div", { class: "empty" }, h("h2", {}, "No model yet"),
    h("p", {}, "A job that succeeds publishes its best weights here, as the next version of its name."), h("a", { class: "button primary", href: "#/jobs" }, "Train a model"));
}

function group(name, models, reload) {
  const head = ["Version", "Test accuracy", "Dataset", "Image", "Made", ""].map((text) => h("th", { scope: "col" }, text));
  return h("section", { class: "card" }, h("h2", {}, name),
    h("div", { class: "scroll" }, h("table", { class: "models" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, models.map((model) => row(model, reload))))));
}

function row(model, reload) {
  const isProduction = model.aliases.includes("production");
  const [low, high] = model.metrics.ci95 ?? [];
  return h("tr", {},
    h("th", { scope: "row" }, `${model.version}`, model.aliases.map((alias) => h("span", { class: "badge", "data-alias": alias }, alias))),
    h("td", {}, h("strong", {}, percent(model.metrics.test_accuracy)), low === undefined ? null : h("span", { class: "muted" }, ` ${percent(low)} to ${percent(high)}`)),
    h("td", {}, model.dataset.name), h("td", {}, `${model.preprocessing.image_size} px`),
    h("td", {}, h("a", { href: `#/jobs/${model.job_id}` }, ago(model.created_at))),
    h("td", { class: "row-actions" },
      isProduction ? null : h("button", { class: "quiet small", onclick: () => promote(model, reload) }, "Make production"),
      h("a", { class: "button quiet small", href: `#/classify?model=${model.id}` }, "Classify")));
}

async function promote(model, reload) {
  try {
    await request("PUT", `models/${model.name}/aliases/production`, { json: { version: model.version } });
    announce(`${model.name}: version ${model.version} is now in production.`);
    reload();
  } catch (problem) {
    announce(problem.message);
  }
}
