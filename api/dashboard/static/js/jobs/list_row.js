/** One job in the list. Built once and updated in place, so that updates keep focus and text selection. */

import { h, setText } from "../ui/dom.js";
import { ago, duration, elapsed, interval, percent, trainingLength } from "../ui/format.js";
import { jobActions } from "./actions.js";
import { hasEnded } from "./store.js";
import { recipeAndDataset } from "./spec_text.js";
import { progressBar } from "../ui/progress_bar.js";
import { statusDetail, statusPill } from "./status_pill.js";

export class JobRow {
  constructor(job, jobs) {
    this.jobs = jobs;
    this.id = job.id;
    this.pill = statusPill();
    this.bar = progressBar(`Progress of ${job.name}`);
    this.about = h("span", { class: "muted" });
    this.note = h("span", { class: "job-note" });
    this.epoch = h("span");
    this.time = h("span");
    this.best = h("strong");
    this.bestLabel = h("span", { class: "muted" });
    this.actions = jobActions(job, jobs, { verbs: ["resume", "cancel"], size: "small" });
    this.element = this.#layout(job);
    this.update(job);
  }

  #layout(job) {
    const href = `#/jobs/${encodeURIComponent(job.id)}`;
    return h("li", { class: "job-row", "data-job": job.id },
      h("div", { class: "job-name" }, h("a", { href }, job.name), this.about, this.note),
      h("div", { class: "job-progress" }, this.bar.element, h("div", { class: "job-figures" }, this.epoch, this.time)),
      h("div", { class: "job-best" }, this.best, this.bestLabel),
      h("div", { class: "job-state" }, this.pill.element, this.actions.element));
  }

  update(job) {
    this.pill.update(job);
    this.bar.update(job);
    setText(this.about, `${recipeAndDataset(job)} · ${ago(job.created_at)}`);
    setText(this.note, statusDetail(job));
    setText(this.epoch, epochText(job));
    setText(this.time, timeText(job));
    const result = job.result?.test_accuracy;
    setText(this.best, percent(result ?? job.best?.val_accuracy));
    setText(this.bestLabel, typeof result !== "number" ? "validation" : `test ${interval(job.result.ci95)}`);
    this.element.classList.toggle("has-no-best", this.best.textContent === "–");
    this.actions.update(job);
  }
}

function epochText(job) {
  const progress = job.progress;
  // The last progress report may be older than the last epoch.
  return progress?.epochs ? `epoch ${Math.max(progress.epoch, job.metrics?.epoch ?? 0)} of ${progress.epochs}` : trainingLength(job.spec);
}

function timeText(job) {
  if (hasEnded(job)) return job.started_at ? `took ${elapsed(job.started_at, job.finished_at)}` : "";
  const eta = job.progress?.eta_s;
  return job.status === "running" && typeof eta === "number" ? `${duration(eta)} left` : "";
}
