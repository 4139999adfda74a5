/** The batches of one model on its page: the form that begins one, and those that there are. */

import { h } from "../ui/dom.js";
import { PredictionForm } from "./form.js";
import { PredictionList } from "./list.js";

export class BatchesPart {
  constructor(jobs, model) {
    this.list = new PredictionList(jobs, { model: model.id });
    this.element = h("section", { class: "predictions-part", id: "batches" }, new PredictionForm({ models: [model] }).element, this.list.element);
  }

  close() {
    this.list.close();
  }
}
