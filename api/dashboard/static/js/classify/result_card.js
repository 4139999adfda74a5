/** The result for one image: the picture, the label, a bar for each score, and the same request as a curl command. */

import { h, fill, setText } from "../ui/dom.js";
import { percent } from "../ui/format.js";
import { commandBlock, predictCommand } from "../ui/curl_command.js";

const SIDE = 112;
/** A smaller score reads 0.0 %. */
const SMALLEST_SHOWN = 0.0005;

export class ResultCard {
  constructor(file, modelRef) {
    this.file = file;
    this.modelRef = modelRef;
    this.picture = h("canvas", { width: SIDE, height: SIDE, role: "img", "aria-label": file.name });
    this.body = h("div", { class: "result-body" }, h("p", { class: "muted" }, "Classifying…"));
    this.element = h("article", { class: "card result" }, this.picture, this.body);
    this.#drawPicture();
  }

  /** Draws on a canvas: the page's security policy does not allow an <img> with a blob: URL. */
  async #drawPicture() {
    try {
      const bitmap = await createImageBitmap(this.file);
      const scale = Math.min(SIDE / bitmap.width, SIDE / bitmap.height);
      const [width, height] = [bitmap.width * scale, bitmap.height * scale];
      const context = this.picture.getContext("2d");
      context.imageSmoothingEnabled = scale < 1;
      context.drawImage(bitmap, (SIDE - width) / 2, (SIDE - height) / 2, width, height);
    } catch {
      this.picture.classList.add("is-unknown"); // the browser cannot decode this file; the service perhaps can
    }
  }

  show(prediction, answer) {
    if (prediction.status !== "ok") return this.showError(prediction.error.message);
    fill(this.body,
      h("h2", {}, prediction.label, h("span", { class: "score" }, percent(prediction.score))),
      h("ul", { class: "bars", "aria-label": `Scores of ${this.file.name}` }, visible(prediction.scores).map(bar)),
      h("p", { class: "muted small" }, `${this.file.name} · ${answer.model.name}:${answer.model.version} · ${answer.timings_ms.total.toFixed(1)} ms`),
      commandBlock("As curl", predictCommand(this.modelRef, this.file.name)));
    this.element.dataset.label = prediction.label;
  }

  showError(message) {
    const line = h("p", { class: "field-error" });
    setText(line, message);
    fill(this.body, h("h2", {}, "Not classified"), line, h("p", { class: "muted small" }, this.file.name));
  }
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
