/** The result for one image: the picture, the label, a bar for each score, and the same request as a curl command. */

import { h, fill, setText } from "../ui/dom.js";
import { percent } from "../ui/format.js";
import { commandBlock, predictCommand } from "../ui/curl_command.js";
import { overlayOf } from "./overlay.js";

const SIDE = 112;
const EXPLAINED_SIDE = 224;
/** A smaller score reads 0.0 %. */
const SMALLEST_SHOWN = 0.0005;

export class ResultCard {
  /** `options` is the rest of a query, such as `&tta=true`. */
  constructor(file, modelRef, options = "") {
    this.file = file;
    this.modelRef = modelRef;
    this.options = options;
    this.picture = h("canvas", { width: SIDE, height: SIDE, role: "img", "aria-label": file.name });
    this.body = h("div", { class: "result-body" }, h("p", { class: "muted" }, "Classifying…"));
    this.element = h("article", { class: "card result" }, this.picture, this.body);
    this.#drawPicture();
  }

  /** Draws on a canvas: the page's security policy does not allow an <img> with a blob: URL. */
  async #drawPicture() {
    try {
      const bitmap = await createImageBitmap(this.file);
      if (!this.#isPressed()) this.#draw(bitmap, SIDE);
    } catch {
      this.picture.width = SIDE; // clears the canvas
      this.picture.classList.add("is-unknown"); // the browser cannot decode this file; the service perhaps can
    }
  }

  #draw(bitmap, side) {
    this.picture.width = this.picture.height = side; // also clears the canvas
    const scale = Math.min(side / bitmap.width, side / bitmap.height);
    const [width, height] = [bitmap.width * scale, bitmap.height * scale];
    const context = this.picture.getContext("2d");
    context.imageSmoothingEnabled = scale < 1;
    context.drawImage(bitmap, (side - width) / 2, (side - height) / 2, width, height);
  }

  /** Shows the heat map instead of the picture, or the picture again. */
  async #toggleOverlay(model, label) {
    this.#press(!this.#isPressed(), label);
    if (!this.#isPressed()) return this.#drawPicture();
    try {
      setText(this.note, "Looking…");
      this.overlay ??= await overlayOf(this.file, model);
      if (!this.#isPressed()) return;
      this.#draw(this.overlay, EXPLAINED_SIDE);
      setText(this.note, `The brighter a place, the more it speaks for ${label}.`);
    } catch (problem) {
      this.#press(false, label);
      setText(this.note, problem.message);
    }
  }

  #isPressed() {
    return this.button?.getAttribute("aria-pressed") === "true";
  }

  #press(isPressed, label) {
    this.button.setAttribute("aria-pressed", String(isPressed));
    this.element.classList.toggle("is-explained", isPressed);
    this.picture.setAttribute("aria-label", isPressed ? `Where the evidence for ${label} is in ${this.file.name}` : this.file.name);
    setText(this.note, "");
  }

  show(prediction, answer) {
    if (prediction.status !== "ok") return this.showError(prediction.error.message);
    const { label, score, scores } = prediction;
    this.button = h("button", { type: "button", class: "quiet small", "aria-pressed": "false", onclick: () => this.#toggleOverlay(answer.model.id, label) }, "Where it looked");
    this.note = h("span", { class: "muted small" });
    fill(this.body,
      h("h2", {}, prediction.abstained ? `Unsure: ${label}?` : label, h("span", { class: "score" }, percent(score))),
      h("ul", { class: "bars", "aria-label": `Scores of ${this.file.name}` }, visible(scores).map(bar)),
      prediction.abstained && h("p", { class: "warning" }, abstainedText(label, answer.model)),
      prediction.label_set && h("p", { class: "label-set" }, labelSetText(prediction.label_set)),
      h("p", { class: "muted small" }, `${this.file.name} · ${answer.model.version ? `${answer.model.name}:${answer.model.version}${answer.model.alias ? `, ${answer.model.alias}` : ""}` : `epoch ${answer.model.epoch} of ${answer.model.id}`} · ${answer.timings_ms.total.toFixed(1)} ms`),
      answer.model.version && h("div", { class: "where" }, this.button, this.note),
      commandBlock("As curl", predictCommand(this.modelRef, this.file.name, this.options)));
    this.element.dataset.label = label;
  }

  showError(message) {
    const line = h("p", { class: "field-error" });
    setText(line, message);
    fill(this.body, h("h2", {}, "Not classified"), line, h("p", { class: "muted small" }, this.file.name));
  }
}

/** Names the least score of the alias, below which the model abstains. */
function abstainedText(label, { name, alias, min_scores }) {
  return `Abstained: ${name}@${alias} wants a score of at least ${percent(min_scores[label] ?? min_scores["*"])} for ${label}.`;
}

export function labelSetText(labels) {
  return labels.length ? `One of: ${labels.join(", ")}` : "No class is probable enough";
}

/** The best class and each one that has a share that is not shown as 0.0 %. */
function visible(scores) {
  return scores.filter(({ score }, index) => index === 0 || score >= SMALLEST_SHOWN);
}

function bar({ label, score }) {
  const fillElement = h("span", { class: "bar-fill" });
  fillElement.style.setProperty("transform", `scaleX(${score})`);
  return h("li", {}, h("span", { class: "bar-label" }, label), h("span", { class: "bar", "aria-hidden": "true" }, fillElement), h("span", { class: "bar-score" }, percent(score)));
}
