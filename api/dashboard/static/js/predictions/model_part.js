/** The batches of one model on its page: the form that begins one, and those that there are. */

import { h } from "../ui/dom.js";
import { PredictionForm } from "./form.js";
import { PredictionList } from "./list.js";

export class BatchesPart {
  constructor(jobs, model) {
    this.list = new PredictionList(jobs, { model: model.id });
    const form = new PredictionForm({ models: [model] });
    form.load();
    this.element = h("section", { class: "predictions-part" }, form.element, this.list.element);
  }

  close() {
    this.list.close();
  }
}
