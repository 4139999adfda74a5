/** The evaluations of a model on other datasets: a list that follows their progress, and a form that begins one. */

import { fill, h, setText, show } from "../../ui/dom.js";
import { ago, interval, percent, whole, words } from "../../ui/format.js";
import { get, post, request } from "../../http/requests.js";
import { datasetName, loadDatasets } from "../../datasets/names.js";

const SPLITS = { test: "its test images", train: "its training images", all: "all its images" };
const ENDED = new Set(["succeeded", "failed", "cancelled"]);

export class OtherDatasets {
  constructor(jobs, model) {
    Object.assign(this, { jobs, model, runs: [] });
    this.path = `models/${encodeURIComponent(model.id)}/evaluations`;
    this.dataset = h("select", { id: "evaluate-on" });
    this.split = h("select", { "aria-label": "Which images" }, Object.entries(SPLITS).map(([value, text]) => h("option", { value }, text)));
    this.submit = h("button", { class: "primary", type: "submit" }, "Evaluate");
    this.error = h("p", { class: "field-error", role: "alert" });
    this.body = h("tbody");
    this.table = h("div", { class: "scroll", hidden: true }, h("table", {}, h("thead", {}, h("tr", {}, ["Dataset", "Images", "Accuracy", "Not counted", "When", ""].map((text) => h("th", { scope: "col" }, text)))), this.body));
    this.element = h("section", { class: "card other-datasets" }, h("h2", {}, "On other datasets"),
      h("form", { class: "evaluate-form", onsubmit: (event) => this.#submit(event) }, h("label", { for: "evaluate-on" }, "Evaluate on"), this.dataset, this.split, this.submit), this.error, this.table);
    jobs.addEventListener("event", this.onEvent);
    this.#load();
  }

  close() {
    this.isClosed = true;
    this.jobs.removeEventListener("event", this.onEvent);
  }

  onEvent = ({ detail: { kind, data } }) => {
    const run = this.runs.find(({ id }) => id === data.evaluation_id);
    if (!run) return;
    if (kind === "progress") run.progress = data;
    if (kind === "state" || kind === "end") this.#read();
    this.#draw();
  };

  async #load() {
    const [datasets] = await Promise.all([loadDatasets().catch(() => []), this.#read()]);
    const ready = datasets.filter(({ status }) => status === "ready");
    fill(this.dataset, ready.map(({ id, name, version }) => h("option", { value: id }, version > 1 ? `${name}, version ${version}` : name)));
  }

  async #read() {
    try {
      this.runs = (await get(`${this.path}?limit=50`)).data;
      if (!this.isClosed) this.#draw();
    } catch (problem) {
      setText(this.error, problem.message);
    }
  }

  async #submit(event) {
    event.preventDefault();
    setText(this.error, "");
    this.submit.disabled = true;
    try {
      this.runs.unshift(await post(this.path, { dataset: this.dataset.value, split: this.split.value }));
      this.#draw();
    } catch (problem) {
      setText(this.error, problem.message);
    } finally {
      this.submit.disabled = false;
    }
  }

  async #remove(run) {
    try {
      await request("DELETE", `${this.path}/${run.id}`);
      await this.#read();
    } catch (problem) {
      setText(this.error, problem.message);
    }
  }

  #draw() {
    show(this.table, this.runs.length > 0);
    fill(this.body, this.runs.map((run) => this.#row(run)));
  }

  #row(run) {
    const { result, error, progress, status } = run;
    const href = `#/models/${encodeURIComponent(this.model.id)}?evaluation=${run.id}`;
    const unknown = Object.entries(result?.unknown_classes ?? {});
    const overlap = result?.training_overlap;
    const seen = overlap ? overlap.trained_on + overlap.near_training : 0;
    const others = overlap?.unseen ? `${percent(overlap.unseen.accuracy)} without them` : "no other image";
    const state = status === "failed" ? error.message : status === "running" && progress ? `predicting, ${percent(progress.fraction, 0)}` : words(status);
    return h("tr", { "data-evaluation": run.id, "data-status": status }, h("th", { scope: "row" }, result ? h("a", { href }, datasetName(run.dataset)) : datasetName(run.dataset)),
      h("td", {}, result ? `${whole(result.images)} (${run.split})` : run.split),
      h("td", { class: "run-state" }, result ? [h("strong", {}, percent(result.accuracy)), h("span", { class: "muted" }, ` ${interval(result.ci95)}`), seen ? h("div", { class: "muted" }, `${whole(seen)} seen in its training; ${others}`) : null] : state),
      h("td", { title: unknown.map(([name, count]) => `${name}: ${count}`).join("\n") }, unknown.length ? `${whole(unknown.reduce((sum, [, count]) => sum + count, 0))} of other classes` : "–"),
      h("td", {}, ago(run.created_at)),
      h("td", { class: "row-actions" }, h("button", { class: "quiet small", onclick: () => this.#remove(run) }, ENDED.has(status) ? "Remove" : "Cancel")));
  }
}
