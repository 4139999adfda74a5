/** One image in the grid, with its class, its split and what is corrected. Updated in place, so that it keeps the focus. */

import { h, fill } from "../../ui/dom.js";
import { thumbnail } from "./thumbnail.js";

export class Tile {
  /** onClick(event) is called for a click on the picture, onTick() for one on the corner that selects it. */
  constructor(image, { onClick, onTick }) {
    this.image = image;
    this.caption = h("span", { class: "tile-class" });
    this.mark = h("span", { class: "tile-mark", hidden: true });
    this.button = h("button", { class: "tile", tabindex: "-1", title: image.path, onclick: onClick },
      thumbnail(image), this.mark, this.caption, h("span", { class: "tile-split" }, image.split));
    const tick = h("span", { class: "tile-tick", title: "Select", "aria-hidden": "true", onclick: onTick }, "✓"); // the keyboard has Shift and Ctrl
    this.element = h("li", { "data-image": image.id, class: "tile-place" }, this.button, tick);
  }

  update(corrected, isSelected) {
    const { image } = this;
    const state = stateOf(image, corrected);
    this.button.dataset.mark = state.mark;
    this.element.classList.toggle("is-selected", isSelected);
    this.mark.hidden = !state.text;
    this.mark.textContent = state.text;
    const isKnown = corrected.class === undefined && !image.suggested_class;
    fill(this.caption, isKnown ? image.class : [h("s", {}, image.class), ` ${corrected.class ?? `${image.suggested_class}?`}`]);
    this.button.setAttribute("aria-label", [isSelected && "selected", corrected.class ?? image.class, image.split, state.text && `${state.text}${corrected.class === undefined ? "" : ` from ${image.class}`}`,
      corrected.class === undefined && image.suggested_class && `likely ${image.suggested_class}`, image.path].filter(Boolean).join(", "));
  }
}

function stateOf(image, corrected) {
  if (corrected.isRemoved) return { mark: "removed", text: "removed" };
  if (corrected.class !== undefined) return { mark: "relabelled", text: "relabelled" };
  if (corrected.isOneKept && image.group) return { mark: "kept-one", text: "one is kept" };
  return { mark: "none", text: "" };
}
