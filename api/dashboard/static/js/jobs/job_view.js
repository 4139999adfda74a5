/** The page of one job, updated live: figures, charts, log, attempts and resolved settings. */

import { announce } from "../ui/announcements.js";
import { readName } from "../datasets/names.js";
import { h, fill, setText, show } from "../ui/dom.js";
import { get } from "../http/requests.js";
import { jobActions } from "./actions.js";
import { longerButton, rerunButton } from "./copies.js";
import { jobCurves } from "./curves.js";
import { jobDetails } from "./details.js";
import { jobFigures } from "./figures.js";
import { afterEvent, hasEnded } from "./store.js";
import { recipeAndDataset } from "./spec_text.js";
import { progressBar } from "../ui/progress_bar.js";
import { scheduleDraw } from "../ui/draw_scheduler.js";
import { statusDetail, statusPill } from "./status_pill.js";

const LOG_LINES = 500;
/** Events that do not carry all that they change. */
const READ_AFTER = new Set(["rewind", "state", "model", "checkpoint", "log", "end"]);

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
    this.#open().catch((problem) => this.#showProblem(problem));
  }

  async #open() {
    this.jobs.addEventListener("event", this.onEvent);
    this.jobs.addEventListener("live", this.onLive);
    await this.#read();
    if (this.isClosed) return;
    this.#build();
    if (this.isOutdated) this.#scheduleRead();
    this.clock = setInterval(() => { if (!hasEnded(this.job)) this.scheduleDraw(); }, 1000);
    this.scheduleDraw();
  }

  #showProblem(problem) {
    fill(this.element, h("div", { class: "empty" },
      h("h1", {}, problem.status === 404 ? "No such job" : "This job cannot be shown"), h("p", {}, problem.message), h("a", { href: "#/jobs" }, "All jobs")));
  }

  close() {
    this.isClosed = true;
    clearInterval(this.clock);
    this.jobs.removeEventListener("event", this.onEvent);
    this.jobs.removeEventListener("live", this.onLive);
    this.curves?.close();
  }

  /** Reads the record, the metrics and the log: at the start, and after events that do not carry all changes. */
  async #read() {
    const [job, metrics, logs] = await Promise.all([get(this.path), get(`${this.path}/metrics?limit=1000`), get(`${this.path}/logs?tail=${LOG_LINES}`)]);
    await readName(job.spec.dataset); // a dataset whose import ended has another id
    this.job = job;
    this.rows = new Map(metrics.data.map((row) => [row.epoch, row]));
    this.log = logs.lines.join("\n");
  }

  #build() {
    const { job } = this;
    this.pill = statusPill();
    this.bar = progressBar(`Progress of ${job.name}`);
    this.about = h("span");
    this.note = h("p", { class: "job-note" });
    this.actions = jobActions(job, this.jobs);
    this.classify = h("a", { class: "button primary", hidden: true }, "Classify an image");
    this.longer = longerButton(this.jobs, this.id);
    this.figures = jobFigures();
    this.curves = jobCurves(job.id);
    this.details = jobDetails(job);
    fill(this.element,
      h("a", { class: "back", href: "#/jobs" }, "All jobs"),
      h("div", { class: "view-head" }, h("h1", {}, job.name), this.pill.element,
        h("div", { class: "actions" }, this.actions.element, h("a", { class: "button quiet", href: `#/jobs?clone=${job.id}` }, "Clone"), h("a", { class: "button quiet", href: `#/compare?jobs=${job.id}` }, "Compare"), rerunButton(this.jobs, this.id), this.longer, this.classify)),
      h("p", { class: "muted" }, this.about, " · ", h("code", {}, job.id), job.created_by ? ` · by ${job.created_by}` : ""),
      this.bar.element, this.note, this.figures.element, this.curves.element, this.details.element);
  }

  onEvent = ({ detail: { kind, data } }) => {
    if (data.job_id !== this.id) return;
    if (!this.job) return void (this.isOutdated = true); // the first answer may be from before this event
    this.job = afterEvent(this.job, kind, data);
    if (kind === "epoch") this.rows.set(data.epoch, data);
    if (kind === "rewind") this.#removeRowsAfter(data.epoch);
    if (READ_AFTER.has(kind)) this.#scheduleRead();
    this.scheduleDraw();
  };

  /** Events may have been missed before the stream was opened. */
  onLive = () => { if (this.jobs.isLive && this.job) this.#scheduleRead(); };

  #removeRowsAfter(epoch) {
    for (const rowEpoch of this.rows.keys()) if (rowEpoch > epoch) this.rows.delete(rowEpoch);
  }

  /** Reads the job in half a second; events until then cause no second read, but events during the read do. */
  #scheduleRead() {
    this.isOutdated = true;
    this.readTimer ??= setTimeout(async () => {
      const previousStatus = this.job.status;
      this.isOutdated = false;
      await this.#read().catch((problem) => announce(problem.message));
      this.readTimer = null;
      if (this.job.status !== previousStatus) this.jobs.put(this.job);
      this.scheduleDraw();
      if (this.isOutdated && !this.isClosed) this.#scheduleRead();
    }, 500);
  }

  scheduleDraw = () => scheduleDraw(this.draw);

  draw = () => {
    if (this.isClosed || !this.pill) return;
    const { job } = this;
    this.pill.update(job);
    this.bar.update(job);
    setText(this.about, recipeAndDataset(job));
    setText(this.note, statusDetail(job));
    this.note.classList.toggle("is-bad", job.status === "failed");
    this.actions.update(job);
    const classifying = job.result?.model?.id ?? (job.best && !hasEnded(job) ? job.id : null);
    show(this.classify, Boolean(classifying));
    show(this.longer, Boolean(job.result?.model));
    if (classifying) this.classify.href = `#/classify?model=${encodeURIComponent(classifying)}`;
    const rows = [...this.rows.values()].sort((a, b) => a.epoch - b.epoch);
    this.figures.update(job, rows);
    this.curves.setRows(rows);
    this.details.update(job, this.log);
  };
}
