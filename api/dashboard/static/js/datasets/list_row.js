/** One dataset in the list. Its progress is updated in place, so that updates keep focus and text selection. */

import { announce } from "../ui/announcements.js";
import { h, fill, setText } from "../ui/dom.js";
import { request } from "../http/requests.js";
import { progressBar } from "../ui/progress_bar.js";
import { contentsText, counted, datasetHref, datasetPill, originText, versionBadge } from "./dataset_text.js";
import { importBar, importState, importText } from "./import_progress.js";

export class DatasetRow {
  constructor(dataset, onRemoved) {
    this.onRemoved = onRemoved;
    this.bar = progressBar(`Progress of the import of ${dataset.name}`);
    this.progress = h("span", { class: "job-note" });
    this.element = h("li", { class: "dataset-row", "data-dataset": dataset.id });
    this.update(dataset);
  }

  update(dataset) {
    if (this.dataset?.status === "processing" && dataset.status === "processing") {
      this.dataset = dataset;
      return this.#drawProgress();
    }
    const isSame = JSON.stringify(dataset) === JSON.stringify(this.dataset);
    this.dataset = dataset;
    if (isSame) return;
    fill(this.element,
      h("div", { class: "job-name" }, h("span", {}, h("a", { href: datasetHref(dataset) }, dataset.name), versionBadge(dataset)),
        h("span", { class: "muted" }, dataset.note ?? originText(dataset))),
      this.#contents(),
      h("div", { class: "job-state" }, datasetPill(dataset), this.#button()));
    this.#drawProgress();
  }

  #contents() {
    const { status, error } = this.dataset;
    if (status === "processing") return h("div", { class: "dataset-contents" }, this.bar.element, this.progress);
    if (status !== "ready") return h("p", { class: "dataset-contents field-error" }, error?.message ?? "The import was cancelled.");
    return h("div", { class: "dataset-contents" }, contentsText(this.dataset), skippedText(this.dataset));
  }

  #drawProgress() {
    this.bar.update(importBar(this.dataset));
    setText(this.progress, importText("", importState(this.dataset)).trim());
  }

  #button() {
    const { status, name } = this.dataset;
    if (status === "ready") return null;
    const verb = status === "processing" ? "Cancel" : "Remove";
    return h("button", { class: "quiet small danger", "aria-label": `${verb} ${name}`, onclick: () => this.#remove() }, verb);
  }

  async #remove() {
    await request("DELETE", `datasets/${encodeURIComponent(this.dataset.id)}`).catch((problem) => announce(problem.message));
    this.onRemoved();
  }
}

function skippedText({ skipped_count: count }) {
  return count ? h("span", { class: "muted" }, `${counted(count, "file")} skipped`) : null;
}
