/** Classifies images that the user drops, pastes or chooses, and shows the scores of the model. */

import { h, setText, show } from "../ui/dom.js";
import { request } from "../http/requests.js";
import { scheduleDraw } from "../ui/draw_scheduler.js";
import { AnswerOptions } from "./answer_options.js";
import { ModelPicker } from "./model_picker.js";
import { ResultCard } from "./result_card.js";

const MAX_IMAGES = 500;
const IMAGES_PER_REQUEST = 8;
/** Photos of a phone have 5 MB each; the service takes 100 MB in one request. */
const BYTES_PER_REQUEST = 20e6;

export function classifyView({ query, jobs }) {
  const view = new ClassifyView(query.get("model"), jobs);
  return { title: "Classify", element: view.element, close: () => view.close() };
}

class ClassifyView {
  constructor(requestedModel, jobs) {
    this.jobs = jobs;
    this.model = new ModelPicker(requestedModel);
    this.options = new AnswerOptions();
    this.model.element.addEventListener("change", () => this.options.update(this.model.chosen));
    this.file = h("input", { id: "images", type: "file", accept: "image/*", multiple: true, class: "hidden" });
    this.file.addEventListener("change", () => { this.#classify([...this.file.files]); this.file.value = ""; });
    this.drop = h("label", { class: "drop", for: "images" },
      h("strong", {}, "Drop images here, paste, or choose files"), h("span", { class: "muted" }, "PNG, JPEG, WebP, GIF or BMP"));
    this.empty = h("div", { class: "empty", hidden: true }, h("h2", {}, "No model yet"), h("p", {}, "A model classifies images. Train one, or import one under Models."), h("a", { class: "button primary", href: "#/jobs" }, "Train a model"));
    this.error = h("p", { class: "field-error", role: "alert" });
    this.results = h("div", { class: "results", "aria-live": "polite" });
    this.element = h("section", { class: "classify-view" },
      h("div", { class: "view-head" }, h("h1", {}, "Classify"), h("a", { class: "button quiet small", href: "#/predictions" }, "A dataset or a zip"), h("div", { class: "field inline" }, h("label", { for: "model" }, "Model"), this.model.element)),
      this.options.element, this.file, this.drop, this.empty, this.error, this.results);
    this.#bind();
    this.#loadModels();
  }

  close() {
    document.removeEventListener("paste", this.onPaste);
    this.jobs.removeEventListener("status", this.onStatus);
  }

  #bind() {
    this.onPaste = (event) => this.#classify([...event.clipboardData.files]);
    this.onStatus = ({ detail }) => { if (detail.status === "succeeded") this.#loadModels(); };
    document.addEventListener("paste", this.onPaste);
    this.jobs.addEventListener("status", this.onStatus);
    this.element.addEventListener("dragover", (event) => { event.preventDefault(); this.drop.classList.add("is-over"); });
    this.element.addEventListener("dragleave", () => this.drop.classList.remove("is-over"));
    this.element.addEventListener("drop", (event) => {
      event.preventDefault();
      this.drop.classList.remove("is-over");
      this.#classify([...event.dataTransfer.files]);
    });
  }

  async #loadModels() {
    try {
      const hasAny = await this.model.load();
      this.options.update(this.model.chosen);
      setText(this.error, "");
      for (const part of [this.file, this.drop]) show(part, hasAny);
      show(this.empty, !hasAny);
    } catch (problem) {
      setText(this.error, problem.message);
    }
  }

  async #classify(files) {
    if (files.length === 0 || !this.model.ref) return;
    const chosen = files.slice(0, MAX_IMAGES);
    setText(this.error, files.length > MAX_IMAGES ? `Only the first ${MAX_IMAGES} of ${files.length} images are classified here; ninefold predict takes any number.` : "");
    const model = this.model.ref;
    const options = Object.entries(this.options.values).map(([name, value]) => `&${name}=${value}`).join("");
    const cards = chosen.map((file) => new ResultCard(file, model, options));
    this.results.prepend(...cards.map((card) => card.element));
    for (const batch of batches(cards)) await this.#predict(model, batch, options);
  }

  async #predict(model, cards, options) {
    const body = new FormData();
    for (const { file } of cards) body.append("files", file, file.name);
    try {
      const answer = await request("POST", `predict?model=${encodeURIComponent(model)}&top_k=5${options}`, { body });
      scheduleDraw(() => answer.predictions.forEach((prediction) => cards[prediction.index].show(prediction, answer)));
    } catch (problem) {
      cards.forEach((card, index) => card.showError(problem.errors[index]?.message ?? problem.message));
    }
  }
}

/** Groups the cards into requests of a limited number and size of files. */
function batches(cards) {
  const groups = [];
  let size = Infinity;
  for (const card of cards) {
    size += card.file.size;
    if (size > BYTES_PER_REQUEST || groups.at(-1).length === IMAGES_PER_REQUEST) {
      groups.push([]);
      size = card.file.size;
    }
    groups.at(-1).push(card);
  }
  return groups;
}
