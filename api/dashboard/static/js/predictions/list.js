/** Batch predictions, newest first: a list that follows their progress. The page of all and the page of a model show it. */

import { announce } from "../ui/announcements.js";
import { h, fill, setText, show } from "../ui/dom.js";
import { scheduleDraw } from "../ui/draw_scheduler.js";
import { progressBar } from "../ui/progress_bar.js";
import { get, request } from "../http/requests.js";
import { statusPill } from "../jobs/status_pill.js";
import { afterEvent, hasEnded, modelText, predictionHref, sourceText, stateText, whenText } from "./words.js";

const PAGE_SIZE = 20;

export class PredictionList {
  rows = new Map();

  /** `model`: the id of a model, or empty for all; onRead(count) is called after each read. */
  constructor(jobs, { model = "", onRead = () => {} } = {}) {
    Object.assign(this, { jobs, model, onRead, found: [] });
    this.list = h("ul", { class: "job-list", "aria-label": "Batch predictions" });
    this.older = h("button", { class: "quiet", hidden: true, onclick: () => this.#read(true) }, "Older ones");
    this.error = h("p", { class: "field-error", role: "alert" });
    this.element = h("div", { class: "prediction-list" }, this.error, this.list, this.older);
    this.scheduleDraw = () => scheduleDraw(this.draw);
    jobs.addEventListener("event", this.onEvent);
    jobs.addEventListener("live", this.onLive);
    this.#read(false);
  }

  close() {
    this.isClosed = true;
    this.jobs.removeEventListener("event", this.onEvent);
    this.jobs.removeEventListener("live", this.onLive);
  }

  onLive = () => { if (this.jobs.isLive) this.#read(false); };

  onEvent = ({ detail: { kind, data } }) => {
    if (!data.prediction_id) return;
    const index = this.found.findIndex(({ id }) => id === data.prediction_id);
    if (index < 0 || kind === "end") return void this.#read(false);
    this.found[index] = afterEvent(this.found[index], kind, data);
    this.scheduleDraw();
  };

  /** Reads the newest page, or the page behind the oldest one that is shown. */
  async #read(isOlder) {
    const after = isOlder ? this.found.at(-1)?.id : "";
    const query = new URLSearchParams(Object.entries({ limit: PAGE_SIZE, model: this.model, after }).filter(([, value]) => value));
    try {
      const { data, has_more: hasMore } = await get(`predictions?${query}`);
      if (this.isClosed) return;
      const isBehind = ({ id }) => id < (data.at(-1)?.id ?? "");
      const others = isOlder ? this.found : this.found.filter((one) => hasMore && isBehind(one));
      if (isOlder || !others.length) show(this.older, hasMore);
      this.found = isOlder ? [...others, ...data] : [...data, ...others];
      setText(this.error, "");
      this.draw();
      this.onRead(this.found.length);
    } catch (problem) {
      setText(this.error, problem.message);
    }
  }

  draw = () => {
    const elements = this.found.map((prediction) => this.#row(prediction).element);
    const isSame = elements.length === this.list.children.length && elements.every((element, index) => element === this.list.children[index]);
    if (!isSame) fill(this.list, elements); // moving an element takes its focus away
  };

  #row(prediction) {
    const row = this.rows.get(prediction.id) ?? new PredictionRow(prediction, () => this.#remove(prediction.id));
    row.update(prediction);
    this.rows.set(prediction.id, row);
    return row;
  }

  async #remove(id) {
    await request("DELETE", `predictions/${encodeURIComponent(id)}`).catch((problem) => announce(problem.message));
    this.found = this.found.filter((one) => one.id !== id);
    this.#read(false);
  }
}

/** One of them; updated in place, so that updates keep focus and text selection. */
class PredictionRow {
  constructor(prediction, onRemove) {
    this.pill = statusPill();
    this.bar = progressBar(`Progress of ${modelText(prediction)}`);
    this.about = h("span", { class: "muted" });
    this.state = h("span", { class: "job-note" });
    this.button = h("button", { class: "quiet small danger", onclick: onRemove });
    this.element = h("li", { class: "dataset-row", "data-prediction": prediction.id },
      h("div", { class: "job-name" }, h("a", { href: predictionHref(prediction) }, `${modelText(prediction)} on `, (this.source = h("span"))), this.about),
      h("div", { class: "dataset-contents" }, this.bar.element, this.state),
      h("div", { class: "job-state" }, this.pill.element, this.button));
  }

  update(prediction) {
    const source = sourceText(prediction);
    setText(this.source, source);
    setText(this.about, whenText(prediction));
    setText(this.state, stateText(prediction));
    this.state.classList.toggle("field-error", prediction.status === "failed");
    show(this.bar.element, !hasEnded(prediction));
    this.bar.update(prediction);
    this.pill.update(prediction);
    setText(this.button, hasEnded(prediction) ? "Delete" : "Cancel");
    this.button.setAttribute("aria-label", `${this.button.textContent} ${modelText(prediction)} on ${source}`);
  }
}
