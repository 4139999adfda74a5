/** The page of one batch prediction: its progress while it runs, then what the rows say and the rows themselves. */

import { announce } from "../../ui/announcements.js";
import { confirmed } from "../../ui/confirm_dialog.js";
import { h, fill, setText, show } from "../../ui/dom.js";
import { scheduleDraw } from "../../ui/draw_scheduler.js";
import { progressBar } from "../../ui/progress_bar.js";
import { get, request } from "../../http/requests.js";
import { leastScoresText } from "../../models/least_scores.js";
import { statusPill } from "../../jobs/status_pill.js";
import { loadDatasets } from "../../datasets/names.js";
import { afterEvent, hasEnded, modelText, sourceParts, stateText, timeLeft, whenText } from "../words.js";
import { ResultPart } from "./result_part.js";

export function predictionView({ jobs, id, query }) {
  const view = new PredictionView(jobs, id, query);
  return { title: id, element: view.element, close: () => view.close() };
}

class PredictionView {
  constructor(jobs, id, query) {
    Object.assign(this, { jobs, id, query });
    this.path = `predictions/${encodeURIComponent(id)}`;
    this.title = h("h1", {}, "Batch");
    this.pill = statusPill();
    this.actions = h("div", { class: "actions" });
    this.about = h("p", { class: "muted dataset-about" }, "Loading…");
    this.bar = progressBar("Progress of the batch");
    this.state = h("p", { class: "muted", role: "status" });
    this.progress = h("div", { class: "card import-progress", hidden: true }, this.state, this.bar.element);
    this.body = h("div", { class: "dataset-body" }, h("div", { class: "card is-loading", "aria-hidden": "true" }));
    this.element = h("section", { class: "prediction-view" }, h("a", { class: "back", href: "#/predictions" }, "All batches"),
      h("div", { class: "view-head" }, this.title, this.pill.element, this.actions), this.about, this.progress, this.body);
    show(this.pill.element, false);
    this.scheduleDraw = () => scheduleDraw(this.drawProgress);
    jobs.addEventListener("event", this.onEvent);
    jobs.addEventListener("live", this.onLive);
    this.load();
  }

  close() {
    this.isClosed = true;
    this.result?.close();
    this.jobs.removeEventListener("event", this.onEvent);
    this.jobs.removeEventListener("live", this.onLive);
  }

  onLive = () => { if (this.jobs.isLive && !(this.prediction && hasEnded(this.prediction))) this.load(); };

  onEvent = ({ detail: { kind, data } }) => {
    if (data.prediction_id !== this.id) return;
    if (kind === "end") return void this.load(); // also while the first answer, which may be older, is on its way
    if (!this.prediction || hasEnded(this.prediction)) return;
    this.prediction = afterEvent(this.prediction, kind, data);
    this.scheduleDraw();
  };

  load = async () => {
    const number = (this.loads = (this.loads ?? 0) + 1);
    try {
      const [prediction] = await Promise.all([get(this.path), loadDatasets().catch(() => [])]); // the names of datasets
      const model = await get(`models/${encodeURIComponent(prediction.model)}`).catch(() => null); // it may be deleted
      if (this.isClosed || number < this.loads) return;
      Object.assign(this, { prediction, model });
      this.#draw();
    } catch (problem) {
      if (!this.isClosed) this.#showProblem(problem);
    }
  };

  #showProblem(problem) {
    fill(this.about);
    if (problem.code !== "prediction_not_found") return void fill(this.body, h("p", { class: "notice", role: "alert" }, problem.message, " ", h("button", { class: "quiet small", onclick: this.load }, "Try again")));
    fill(this.body, h("div", { class: "empty" }, h("h2", {}, "There is no such batch"), h("p", {}, "It was deleted, or the address is not complete."), h("a", { class: "button primary", href: "#/predictions" }, "All batches")));
  }

  #draw() {
    const { prediction, model } = this;
    const name = model ? modelText(model) : modelText(prediction);
    const title = [model ? h("a", { href: `#/models/${encodeURIComponent(model.id)}` }, name) : name, " on ", ...sourceParts(prediction)];
    fill(this.title, title);
    document.title = `${this.title.textContent} · Ninefold`;
    setText(this.about, [whenText(prediction), model ? "" : "the model was deleted since", optionsText(prediction)].filter(Boolean).join(" · "));
    fill(this.actions, this.#buttons());
    show(this.pill.element, true);
    show(this.progress, !hasEnded(prediction));
    this.drawProgress();
    if (!hasEnded(prediction)) fill(this.body);
    else if (prediction.result) this.#showResult();
    else fill(this.body, h("p", { class: "notice", role: "alert" }, stateText(prediction)), h("p", {}, h("a", { href: "#/predictions" }, "Begin another batch"), "."));
  }

  #showResult() {
    if (this.result) return;
    this.result = new ResultPart(this.prediction, { path: this.path, query: this.query });
    fill(this.body, this.result.element);
  }

  drawProgress = () => {
    const { prediction } = this;
    this.pill.update(prediction);
    this.bar.update(prediction);
    setText(this.state, [stateText(prediction), prediction.status === "running" ? timeLeft(prediction) : ""].filter(Boolean).join(", "));
  };

  #buttons() {
    const isOver = hasEnded(this.prediction);
    return [h("button", { class: "quiet danger", onclick: () => this.#remove(isOver) }, isOver ? "Delete" : "Cancel")];
  }

  async #remove(isOver) {
    if (isOver && this.prediction.result && !(await confirmed("Delete this batch?", "Its rows and thumbnails are deleted. The model and the dataset stay.", "Delete"))) return;
    try {
      await request("DELETE", this.path);
      if (isOver) location.hash = "#/predictions";
      else this.load();
    } catch (problem) {
      announce(problem.message);
    }
  }
}

/** The options of the answers that differ from the usual ones. */
function optionsText({ min_score: minScore, min_scores: leastScores, alias, tta, coverage, result }) {
  const least = minScore === null ? leastScoresText(leastScores) : `${minScore}`;
  const unsure = minScore || (minScore === null && Object.keys(leastScores).length) ? `unsure below ${least}` : "";
  return [alias ? `asked for as ${alias}` : "", unsure, tta ? "with mirror images" : "", coverage ? `sets right for ${Number((100 * coverage).toFixed(1))} % of images` : "", result?.precision === "int8" ? "int8" : ""].filter(Boolean).join(" · ");
}
