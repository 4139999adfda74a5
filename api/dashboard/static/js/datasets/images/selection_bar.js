/** Says how many images are selected, with the buttons that correct all of them. */

import { h, setText, show } from "../../ui/dom.js";
import { counted } from "../dataset_text.js";

export class SelectionBar {
  constructor({ grid, commands }) {
    Object.assign(this, { grid, commands });
    const { selection } = grid;
    this.text = h("strong", { role: "status" });
    this.accept = h("button", { class: "quiet small", onclick: () => this.#correct("accept") }, "Accept the suggested classes");
    this.keep = h("button", { class: "quiet small", onclick: () => this.#correct("keepOne") }, "Keep one of each group");
    this.element = h("section", { class: "card correction-bar selection-bar", "aria-label": "Selection", hidden: true }, this.text,
      h("div", { class: "actions" }, h("button", { class: "quiet small", onclick: () => this.#correct("choose") }, "Relabel…"),
        h("button", { class: "quiet danger small", onclick: () => this.#correct("toggleRemoved") }, "Remove or keep"), this.accept, this.keep,
        h("button", { class: "quiet small", onclick: () => { selection.clear(); grid.focus(); } }, "Clear")));
    selection.addEventListener("changed", this.draw);
  }

  #correct(command) {
    this.commands[command](this.grid.selected);
  }

  draw = () => {
    const { selection, selected } = this.grid;
    show(this.element, selection.size > 0);
    setText(this.text, `${counted(selection.size, "image")} selected`);
    show(this.accept, selected.some(({ suggested_class: suggested }) => suggested));
    show(this.keep, selected.some(({ group }) => group));
  };
}
