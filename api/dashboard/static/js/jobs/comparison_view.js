/** Jobs side by side: the settings that differ, and the curves of all on one axis with one cursor. */

import { Chart } from "../charts/chart.js";
import { datasetName, loadDatasets } from "../datasets/names.js";
import { h, fill } from "../ui/dom.js";
import { decimal, interval, percent, significant, valueText, words } from "../ui/format.js";
import { get } from "../http/requests.js";

const CHARTS = [
  { title: "Validation accuracy", key: "val_accuracy", format: (value) => percent(value), formatTick: (value) => `${significant(value * 100)} %` },
  { title: "Validation loss", key: "val_loss", format: (value) => decimal(value), formatTick: significant },
  { title: "Training loss", key: "train_loss", format: (value) => decimal(value), formatTick: significant },
  { title: "Learning rate", key: "learning_rate", format: significant },
];
const COLOURS = ["--series-val", "--series-other", "--series-4", "--series-5", "--series-6", "--series-7", "--series-train", "--text"];

export function jobComparisonView({ query }) {
  const view = new JobComparisonView((query.get("jobs") ?? "").split(",").filter(Boolean));
  return { title: "Compare jobs", element: view.element, close: () => view.close() };
}

class JobComparisonView {
  charts = [];

  constructor(ids) {
    this.ids = ids;
    this.body = h("div", { class: "model-groups" }, h("p", { class: "muted" }, "Loading…"));
    this.add = h("select", { "aria-label": "Add a job", onchange: () => this.#open([...this.ids, this.add.value]) });
    this.element = h("section", { class: "models-view" }, h("a", { class: "back", href: "#/jobs" }, "All jobs"),
      h("div", { class: "view-head" }, h("h1", {}, "Compare jobs"), h("div", { class: "actions" }, this.add)), this.body);
    this.#load().catch((problem) => { if (!this.isClosed) fill(this.body, h("p", { class: "notice", role: "alert" }, problem.message)); });
  }

  close() {
    this.isClosed = true;
    this.charts.forEach((chart) => chart.close());
  }

  #open(ids) {
    location.hash = `#/compare?jobs=${ids.map(encodeURIComponent).join(",")}`;
  }

  async #load() {
    const [page] = await Promise.all([get("jobs?limit=100"), loadDatasets()]);
    if (this.isClosed) return;
    fill(this.add, h("option", { value: "" }, "Add a job"),
      page.data.filter(({ id }) => !this.ids.includes(id)).map((job) => h("option", { value: job.id }, `${job.name} · ${words(job.status)} · ${job.id.slice(-6)}`)));
    if (this.ids.length < 2) return void fill(this.body, h("p", { class: "card muted" }, "Choose a second job to compare with."));
    const [first, ...others] = this.ids.map(encodeURIComponent);
    const found = await get(`jobs/${first}/comparison?${others.map((id) => `with=${id}`).join("&")}`);
    if (this.isClosed) return;
    fill(this.body, this.#table(found), h("div", { class: "charts" }, this.#curves(found.jobs)));
    const rows = rowsByEpoch(found.jobs);
    this.charts.forEach((chart) => chart.setRows(rows));
  }

  #table({ jobs, settings, models }) {
    const cells = (label, values) => h("tr", {}, h("th", { scope: "row" }, label), values.map((value) => h("td", {}, value)));
    const head = jobs.map((job, i) => h("th", { scope: "col" }, h("a", { href: `#/jobs/${job.id}` }, label(job, i)),
      jobs.length > 2 ? h("button", { class: "quiet small", "aria-label": `Leave out ${label(job, i)}`, onclick: () => this.#open(this.ids.filter((id) => id !== job.id)) }, "×") : null));
    const modelIds = jobs.map((job) => job.result?.model.id);
    return h("section", { class: "card scroll" }, h("table", {},
      h("thead", {}, h("tr", {}, h("td"), head)),
      h("tbody", {}, cells("Status", jobs.map(({ status }) => words(status))),
        cells("Validation accuracy", jobs.map(({ best }) => percent(best?.val_accuracy))),
        cells("Test accuracy", jobs.map(({ result }) => (result ? [h("strong", {}, percent(result.test_accuracy)), h("span", { class: "muted" }, ` ${interval(result.ci95)}`)] : "–"))),
        settings.map((setting) => cells(words(setting.name), setting.values.map((value) => settingText(setting.name, value)))))),
    settings.length ? null : h("p", { class: "muted" }, "All settings are the same."),
    models ? h("p", {}, h("a", { href: `#/compare?models=${modelIds.join(",")}` }, "Compare their models")) : null);
  }

  #curves(jobs) {
    const group = `compare ${this.ids.join()}`;
    const onRange = (range) => this.charts.forEach((chart) => chart.setRange(range));
    this.charts = CHARTS.map(({ key, ...options }) => new Chart({
      ...options, group, onRange,
      series: jobs.map((job, i) => ({ key: `${i} ${key}`, label: label(job, i), colour: COLOURS[i % COLOURS.length] })),
      summarise: (rows) => jobs.map((job, i) => lastOf(job, i, key, rows, options.format)).join(" "),
    }));
    return this.charts.map((chart) => chart.element);
  }
}

function settingText(name, value) {
  if (value === null) return "–";
  return name === "dataset" ? datasetName(value) : valueText(value);
}

/** Jobs may have the same name. */
const label = (job, i) => `${i + 1}: ${job.name}`;

/** One row for each epoch of any job, with the values of job i under the keys `i name`. */
function rowsByEpoch(jobs) {
  const rows = new Map();
  jobs.forEach((job, i) => {
    for (const epoch of job.epochs) {
      const row = rows.get(epoch.epoch) ?? { epoch: epoch.epoch };
      for (const { key } of CHARTS) row[`${i} ${key}`] = epoch[key];
      rows.set(epoch.epoch, row);
    }
  });
  return [...rows.values()].sort((a, b) => a.epoch - b.epoch);
}

function lastOf(job, i, key, rows, format) {
  const last = rows.findLast((row) => typeof row[`${i} ${key}`] === "number");
  return last ? `${label(job, i)}: ${format(last[`${i} ${key}`])} at epoch ${last.epoch}.` : `${label(job, i)}: nothing yet.`;
}
