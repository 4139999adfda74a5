/** Adds images to a dataset: the next version of its name has them too. */

import { h, show } from "../../ui/dom.js";
import { get } from "../../http/requests.js";
import { addPanel } from "../add_panel.js";
import { datasetHref } from "../dataset_text.js";

export class AdditionPart {
  constructor(adding, dataset, corrections) {
    Object.assign(this, { adding, dataset, corrections });
    this.panel = addPanel(adding, { isLarge: true, parent: dataset });
    this.uncorrected = h("p", { class: "muted" }, "First make a version of your corrections, or discard them: images are added to a dataset as it is.");
    this.place = h("div", {}, h("p", { class: "muted small" }, "Every image of this version stays in its split. Added images that it has already are skipped."), this.panel.element, this.panel.form);
    this.element = h("section", { class: "card dataset-addition", "aria-label": "Add images", hidden: !(adding.isActive && adding.state.name === dataset.name) }, h("h2", {}, "Add images"), this.uncorrected, this.place);
    adding.addEventListener("ended", this.onEnded);
    corrections.addEventListener("changed", this.draw);
    get("openapi.json").then((openapi) => this.panel.offerOptions(openapi), () => {}); // images are added without options, too
    this.draw();
  }

  open() {
    show(this.element, true);
    this.element.scrollIntoView({ block: "center" });
    this.element.querySelector("input")?.focus();
  }

  close() {
    this.panel.close();
    this.adding.removeEventListener("ended", this.onEnded);
    this.corrections.removeEventListener("changed", this.draw);
  }

  draw = () => {
    show(this.uncorrected, !this.corrections.isEmpty);
    show(this.place, this.corrections.isEmpty);
  };

  onEnded = ({ detail: version }) => {
    if (version?.parent === this.dataset.id && this.adding.state.isOwn) location.hash = datasetHref(version);
  };
}
