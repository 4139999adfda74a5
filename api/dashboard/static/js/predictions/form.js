/** The form that lets a model classify a split of a dataset, or all images of a zip or a folder. */

import { announce } from "../ui/announcements.js";
import { h, fill, setText, show } from "../ui/dom.js";
import { bytes, whole } from "../ui/format.js";
import { progressBar } from "../ui/progress_bar.js";
import { post } from "../http/requests.js";
import { randomKey, upload } from "../http/upload.js";
import { AnswerOptions } from "../classify/answer_options.js";
import { ModelPicker } from "../classify/model_picker.js";
import { loadDatasets } from "../datasets/names.js";
import { ChosenZip, dropped, folderOfInput } from "../zip/chosen_files.js";
import { predictionHref } from "./words.js";

const SPLITS = { test: "its test images", train: "its training images", all: "all its images" };

export class PredictionForm {
  /** `models`: those that can be chosen, null for all; `dataset`: the id of the one that is chosen first. */
  constructor({ models = null, dataset = "" }) {
    this.chosen = null;
    this.model = new ModelPicker(null, { id: "batch-model", models });
    this.model.element.addEventListener("change", () => this.options.update(this.model.chosen));
    this.options = new AnswerOptions("batch-");
    this.dataset = h("select", { id: "batch-dataset" });
    this.split = h("select", { "aria-label": "Images of the dataset" }, Object.entries(SPLITS).map(([value, text]) => h("option", { value }, text)));
    this.topK = h("input", { id: "batch-top-k", type: "number", min: "1", max: "1000", value: "5", required: true });
    this.minScore = h("input", { id: "batch-min-score", type: "number", min: "0", max: "100", step: "any", placeholder: "as the alias says" });
    this.file = h("input", { id: "batch-zip", type: "file", accept: ".zip,application/zip", class: "hidden", onchange: () => this.#choose(this.file.files[0] && new ChosenZip(this.file.files[0]), this.file) });
    this.folder = h("input", { id: "batch-folder", type: "file", webkitdirectory: true, class: "hidden", onchange: () => this.#choose(folderOfInput(this.folder), this.folder) });
    this.note = h("span", { class: "muted small" });
    this.forget = h("button", { type: "button", class: "quiet small", hidden: true, onclick: () => this.#choose(null) }, "Use a dataset instead");
    this.submit = h("button", { class: "primary" }, "Classify");
    this.cancel = h("button", { type: "button", class: "quiet", hidden: true, onclick: () => this.abort.abort() }, "Cancel the upload");
    this.bar = progressBar("Progress of the upload");
    this.error = h("p", { class: "field-error", role: "alert" });
    this.element = h("form", { class: "card prediction-form", onsubmit: this.#onSubmit }, h("h2", {}, "Classify a dataset split or a zip"),
      h("div", { class: "prediction-fields" },
        h("div", { class: "field" }, h("label", { for: "batch-model" }, "Model"), this.model.element),
        (this.datasetField = h("div", { class: "field" }, h("label", { for: this.dataset.id }, "Dataset"), h("div", { class: "prediction-dataset" }, this.dataset, this.split))),
        h("div", { class: "field" }, h("span", { class: "label" }, "Or files of your own"),
          h("div", { class: "prediction-files" }, this.file, h("label", { class: "button quiet", for: this.file.id }, "Choose a zip"), this.folder, h("label", { class: "button quiet", for: this.folder.id }, "Choose a folder"), this.note, this.forget))),
      h("details", { class: "prediction-options" }, h("summary", {}, "Options"), h("div", { class: "field-grid" }, field("Classes in each row", this.topK), field("Unsure below (%)", this.minScore)), this.options.element),
      this.error, this.bar.element, h("div", { class: "actions" }, this.submit, this.cancel));
    show(this.bar.element, false);
    this.#takeDrops();
    this.#loadDatasets(dataset);
  }

  /** Reads the models that can be chosen; returns whether there is one. */
  async load() {
    const hasAny = await this.model.load();
    this.options.update(this.model.chosen);
    return hasAny;
  }

  async #loadDatasets(wanted) {
    try {
      const ready = (await loadDatasets()).filter(({ status }) => status === "ready");
      fill(this.dataset, ready.map(({ id, name, version }) => h("option", { value: id }, version > 1 ? `${name}, version ${version}` : name)));
      if (ready.some(({ id }) => id === wanted)) this.dataset.value = wanted;
    } catch (problem) {
      setText(this.error, problem.message);
    }
  }

  #takeDrops() {
    const mark = (isOver) => this.element.classList.toggle("is-over", isOver);
    this.element.addEventListener("dragover", (event) => { event.preventDefault(); mark(true); });
    this.element.addEventListener("dragleave", () => mark(false));
    this.element.addEventListener("drop", async (event) => {
      event.preventDefault();
      mark(false);
      this.#choose(await dropped(event.dataTransfer));
    });
  }

  #choose(chosen, input) {
    if (input) setTimeout(() => { input.value = ""; }); // the same file can be chosen again
    if (chosen && chosen.size === 0) return announce("There are no files to classify.");
    this.chosen = chosen ?? null;
    setText(this.note, chosen ? `${chosen.name || "Files"}: ${chosen.files ? `${whole(chosen.files.length)} files, ` : ""}${bytes(chosen.size)}` : "");
    show(this.forget, Boolean(chosen));
    this.datasetField.classList.toggle("is-unused", Boolean(chosen));
    this.dataset.disabled = this.split.disabled = Boolean(chosen);
  }

  #onSubmit = async (event) => {
    event.preventDefault();
    setText(this.error, "");
    this.#setSending(true);
    try {
      location.hash = predictionHref(await (this.chosen ? this.#sendZip() : this.#sendDataset()));
    } catch (problem) {
      setText(this.error, this.abort?.signal.aborted ? "The upload was cancelled." : problem.message);
      this.#setSending(false);
    }
  };

  #setSending(isSending) {
    this.submit.disabled = isSending;
    show(this.cancel, isSending && Boolean(this.chosen));
    show(this.bar.element, isSending && Boolean(this.chosen));
    setText(this.submit, isSending && this.chosen ? "Uploading…" : "Classify");
  }

  #sendDataset() {
    const body = { model: this.model.ref, dataset: this.dataset.value, split: this.split.value, ...this.#wanted() };
    return post("predictions", body, { "Idempotency-Key": randomKey() });
  }

  async #sendZip() {
    this.abort = new AbortController();
    const onProgress = (done, total) => this.bar.update({ status: "running", progress: { fraction: total ? done / total : 0 } });
    const calls = { onProgress, signal: this.abort.signal };
    const file = await this.chosen.zip(calls);
    return upload(`predictions?${new URLSearchParams({ model: this.model.ref, ...this.#wanted() })}`, file, calls);
  }

  /** The options that are set. */
  #wanted() {
    const minScore = this.minScore.value === "" ? {} : { min_score: this.minScore.valueAsNumber / 100 };
    return { top_k: this.topK.valueAsNumber, ...minScore, ...this.options.values };
  }
}

function field(text, input) {
  return h("div", { class: "field" }, h("label", { for: input.id }, text), input);
}
