/** The options of answers that depend on the model: mirror images and sets of labels. */

import { h } from "../ui/dom.js";
import { isJob } from "./model_picker.js";

const COVERAGES = ["", 0.8, 0.9, 0.95, 0.99];

export class AnswerOptions {
  constructor(prefix = "") {
    this.tta = h("input", { id: `${prefix}tta`, type: "checkbox", onchange: () => this.update(this.model) });
    this.coverage = h("select", { id: `${prefix}coverage` }, COVERAGES.map((share) => h("option", { value: share }, share ? `right for ${100 * share} % of images` : "none")));
    this.element = h("div", { class: "classify-options" },
      h("label", { class: "field inline", title: "Averages the scores of the image and its mirror image" }, this.tta, h("span", {}, "With mirror images")),
      h("label", { class: "field inline", title: "Shows the classes that an image may have" }, h("span", {}, "Sets of labels"), this.coverage));
  }

  /** A model that was trained without mirror images classifies none, and sets hold for images that are not mirrored. */
  update(model) {
    this.model = model;
    this.tta.disabled = !model?.spec.horizontal_flip;
    if (this.tta.disabled) this.tta.checked = false;
    if (model && isJob(model.id)) this.coverage.value = "";
    this.coverage.disabled = this.tta.checked || Boolean(model && isJob(model.id));
  }

  /** The options that are set, as the service names them. */
  get values() {
    if (this.tta.checked) return { tta: true };
    return this.coverage.value ? { coverage: Number(this.coverage.value) } : {};
  }
}
