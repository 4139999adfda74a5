/** Classifies images that the user drops, pastes or chooses, and shows the scores of the model. */

import { h, fill, setText } from "../ui/dom.js";
import { get, request } from "../http/requests.js";
import { scheduleDraw } from "../ui/draw_scheduler.js";
import { ResultCard } from "./result_card.js";

const MAX_IMAGES = 24;

export function classifyView({ query, jobs }) {
  const view = new ClassifyView(query.get("model"), jobs);
  return { title: "Classify", element: view.element, close: () => view.close() };
}

class ClassifyView {
  constructor(requestedModel, jobs) {
    this.requestedModel = requestedModel;
    this.jobs = jobs;
    this.model = h("select", { id: "model" });
    this.file = h("input", { id: "images", type: "file", accept: "image/*", multiple: true, class: "hidden" });
    this.file.addEventListener("change", () => { this.#classify([...this.file.files]); this.file.value = ""; });
    this.drop = h("label", { class: "drop", for: "images" },
      h("strong", {}, "Drop images here, paste, or choose files"), h("span", { class: "muted" }, "PNG, JPEG, WebP, GIF or BMP"));
    this.error = h("p", { class: "field-error", role: "alert" });
    this.results = h("div", { class: "results", "aria-live": "polite" });
    this.element = h("section", { class: "classify-view" },
      h("div", { class: "view-head" }, h("h1", {}, "Classify"), h("div", { class: "field inline" }, h("label", { for: "model" }, "Model"), this.model)),
      this.file, this.drop, this.error, this.results);
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
      const { data } = await get("models?limit=100");
      const selected = this.model.value || this.requestedModel;
      fill(this.model, data.map((model) => h("option", { value: model.id }, label(model))));
      const chosen = data.find((model) => model.id === selected) ?? data.find((model) => model.aliases.includes("production"));
      if (chosen) this.model.value = chosen.id;
      this.model.disabled = data.length === 0;
      setText(this.error, data.length ? "" : "There is no model yet: train one under Jobs, then come back.");
    } catch (problem) {
      setText(this.error, problem.message);
    }
  }

  #classify(files) {
    if (files.length === 0 || !this.model.value) return;
    const chosen = files.slice(0, MAX_IMAGES);
    setText(this.error, files.length > MAX_IMAGES ? `Only the first ${MAX_IMAGES} of ${files.length} images are classified.` : "");
    const cards = chosen.map((file) => new ResultCard(file, this.model.value));
    this.results.prepend(...cards.map((card) => card.element));
    this.#predict(chosen, cards);
  }

  async #predict(files, cards) {
    const body = new FormData();
    for (const file of files) body.append("files", file, file.name);
    try {
      const answer = await request("POST", `predict?model=${encodeURIComponent(this.model.value)}&top_k=5`, { body });
      scheduleDraw(() => answer.predictions.forEach((prediction) => cards[prediction.index].show(prediction, answer)));
    } catch (problem) {
      for (const card of cards) card.showError(problem.message);
    }
  }
}

function label(model) {
  const aliases = model.aliases.length ? ` (${model.aliases.join(", ")})` : "";
  return `${model.name}:${model.version}${aliases}`;
}
