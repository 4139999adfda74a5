/** One job, live: figures, curves, logs, attempts and what really runs. */

import { announce } from "../ui/announcements.js";
import { datasetName, loadDatasets } from "../datasets/names.js";
import { h, fill, setText, show } from "../ui/dom.js";
import { EventStream } from "../http/event_stream.js";
import { get } from "../http/requests.js";
import { jobActions } from "./actions.js";
import { jobCurves } from "./curves.js";
import { jobDetails } from "./details.js";
import { jobFigures } from "./figures.js";
import { hasEnded } from "./store.js";
import { progressBar } from "./progress_bar.js";
import { redraw } from "../ui/redraw.js";
import { situation, statusPill } from "./status_pill.js";

const LOG_LINES = 500;

export function jobView({ jobs, id }) {
  const view = new JobView(jobs, id);
  return { title: "Job", element: view.element, close: () => view.close() };
}

class JobView {
  rows = new Map();
  job = null;

  constructor(jobs, id) {
    Object.assign(this, { jobs, id, path: `jobs/${encodeURIComponent(id)}` });
    this.element = h("div", { class: "job-view" }, h("p", { class: "muted" }, "Loading…"));
    this.#open().catch((problem) => this.#refuse(problem));
  }

  async #open() {
    await Promise.all([this.#read(), loadDatasets()]);
    if (this.isClosed) return;
    this.#build();
    this.stream = new EventStream(`${this.path}/events`, { onEvent: (kind, data) => this.#hear(kind, data), beforeRetry: () => this.#read() });
    this.clock = setInterval(() => { if (!hasEnded(this.job)) this.plan(); }, 1000);
    this.plan();
  }

  #refuse(problem) {
    fill(this.element, h("div", { class: "empty" },
      h("h1", {}, problem.status === 404 ? "No such job" : "This job cannot be shown"), h("p", {}, problem.message), h("a", { href: "#/jobs" }, "All jobs")));
  }

  close() {
    this.isClosed = true;
    clearInterval(this.clock);
    this.stream?.close();
    this.curves?.close();
  }

  /** Reads record, rows and log: at the start, and whenever the stream says that something was missed. */
  async #read() {
    const [job, metrics, logs] = await Promise.all([get(this.path), get(`${this.path}/metrics?limit=1000`), get(`${this.path}/logs?tail=${LOG_LINES}`)]);
    this.job = job;
    this.rows = new Map(metrics.data.map((row) => [row.epoch, row]));
    this.log = logs.lines.join("\n");
  }

  #build() {
    const { job } = this;
    this.pill = statusPill();
    this.bar = progressBar(`Progress of ${job.name}`);
    this.note = h("p", { class: "job-note" });
    this.actions = jobActions(job, this.jobs);
    this.classify = h("a", { class: "button primary", hidden: true }, "Classify an image");
    this.figures = jobFigures();
    this.curves = jobCurves(job.id);
    this.details = jobDetails(job);
    fill(this.element,
      h("a", { class: "back", href: "#/jobs" }, "All jobs"),
      h("div", { class: "view-head" }, h("h1", {}, job.name), this.pill.element,
        h("div", { class: "actions" }, this.actions.element, h("a", { class: "button quiet", href: `#/jobs?clone=${job.id}` }, "Clone"), this.classify)),
      h("p", { class: "muted" }, `${job.spec.recipe} on ${datasetName(job.spec.dataset)} · `, h("code", {}, job.id), job.created_by ? ` · by ${job.created_by}` : ""),
      this.bar.element, this.note, this.figures.element, this.curves.element, this.details.element);
  }

  #hear(kind, data) {
    if (kind === "snapshot") this.job = data.job;
    if (kind === "epoch") this.#takeRow(data);
    if (kind === "progress") this.job.progress = data;
    if (kind === "rewind") this.#forgetAfter(data.epoch);
    if (kind === "end") this.stream.close();
    if (["rewind", "reset", "state", "model", "checkpoint", "log", "end"].includes(kind)) this.#planRead();
    this.plan();
  }

  #takeRow(row) {
    this.rows.set(row.epoch, row);
    this.job.metrics = row;
    if (row.is_best) this.job.best = { epoch: row.epoch, val_accuracy: row.val_accuracy };
  }

  #forgetAfter(epoch) {
    for (const known of this.rows.keys()) if (known > epoch) this.rows.delete(known);
  }

  /** Several events in a burst lead to one read. */
  #planRead() {
    this.reading ??= setTimeout(async () => {
      const before = this.job.status;
      await this.#read().catch((problem) => announce(problem.message));
      this.reading = null;
      if (this.job.status !== before) this.jobs.put(this.job);
      this.plan();
    }, 500);
  }

  plan = () => redraw(this.draw);

  draw = () => {
    if (this.isClosed) return;
    const { job } = this;
    this.pill.update(job);
    this.bar.update(job);
    setText(this.note, situation(job));
    this.actions.update(job);
    show(this.classify, Boolean(job.result?.model));
    if (job.result?.model) this.classify.href = `#/classify?model=${encodeURIComponent(job.result.model.id)}`;
    const rows = [...this.rows.values()].sort((a, b) => a.epoch - b.epoch);
    this.figures.update(job, rows);
    this.curves.setRows(rows);
    this.details.update(job, this.log);
  };
}
