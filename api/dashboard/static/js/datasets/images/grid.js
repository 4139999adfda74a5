/** Images in rows that the arrow keys move through: only one of them is in the order of the Tab key. */

import { h, fill, setText, show } from "../../ui/dom.js";
import { Selection } from "./selection.js";
import { Tile } from "./tile.js";

export class ImageGrid {
  tiles = [];
  current = 0;

  selection = new Selection();

  /** onKey(event, image, index) is called for each key that the grid does not use; onMore() reads further images. */
  constructor({ corrections, onOpen, onKey, onMore }) {
    Object.assign(this, { corrections, onOpen, onKey, onMore });
    this.list = h("ul", { class: "image-grid", "aria-label": "Images", "aria-describedby": "grid-hint" });
    this.more = h("button", { class: "quiet", hidden: true, onclick: () => onMore() }, "More images");
    this.count = h("p", { class: "muted small", role: "status" });
    this.element = h("div", {}, this.list, h("div", { class: "grid-foot" }, this.more, this.count));
    this.list.addEventListener("keydown", (event) => this.#onKeyDown(event));
    this.list.addEventListener("keyup", (event) => { if (event.key === " " && (event.ctrlKey || event.metaKey)) event.preventDefault(); }); // else the button is pressed
    this.list.addEventListener("focusin", ({ target }) => this.#select(this.tiles.findIndex(({ button }) => button === target)));
    corrections.addEventListener("changed", this.draw);
    this.selection.addEventListener("changed", this.draw);
  }

  close() {
    this.corrections.removeEventListener("changed", this.draw);
  }

  /** Shows squares in the size of images that are still being read. */
  showLoading() {
    this.selection.clear();
    this.tiles = [];
    this.current = 0;
    fill(this.list, Array.from({ length: 24 }, () => h("li", {}, h("span", { class: "tile is-loading" }))));
    setText(this.count, "");
    show(this.more, false);
  }

  clear() {
    this.tiles = [];
    fill(this.list);
  }

  /** `isGrouped`: the images of a group follow each other; a line shows where the next group begins. */
  add(images, { hasMore, countText, isGrouped }) {
    const first = this.tiles.length;
    if (first === 0) fill(this.list);
    for (const [index, image] of images.entries()) {
      const place = first + index;
      const tile = new Tile(image, { onClick: (event) => this.#onClick(event, place), onTick: () => this.selection.toggle(this.images, place) });
      tile.update(this.corrections.of(image), false);
      if (isGrouped && first + index > 0 && image.group !== this.tiles.at(-1)?.image.group) tile.element.classList.add("begins-group");
      this.tiles.push(tile);
      this.list.append(tile.element);
    }
    if (first === 0) this.tiles[0]?.button.setAttribute("tabindex", "0");
    show(this.more, hasMore);
    setText(this.count, countText);
  }

  get images() {
    return this.tiles.map(({ image }) => image);
  }

  /** The images that a correction is for: the selected ones, else the one with the focus. */
  get selected() {
    return this.selection.size ? this.selection.of(this.images) : this.images.slice(this.current, this.current + 1);
  }

  focus(index = this.current) {
    this.tiles[Math.max(0, Math.min(index, this.tiles.length - 1))]?.button.focus();
  }

  draw = () => {
    for (const tile of this.tiles) tile.update(this.corrections.of(tile.image), this.selection.has(tile.image));
  };

  #onClick(event, index) {
    if (event.shiftKey) this.selection.extend(this.images, index);
    else if (event.ctrlKey || event.metaKey) this.selection.toggle(this.images, index);
    else {
      this.selection.begin(index);
      this.onOpen(index);
    }
  }

  #select(index) {
    if (index < 0 || index === this.current) return;
    this.tiles[this.current]?.button.setAttribute("tabindex", "-1");
    this.tiles[index].button.setAttribute("tabindex", "0");
    this.current = index;
  }

  #onKeyDown(event) {
    if (event.altKey || !this.tiles.length) return;
    if (event.ctrlKey || event.metaKey) return this.#onControlKey(event);
    if (event.key === "Escape") return this.selection.clear();
    const columns = this.#columns();
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, Home: -this.current, End: this.tiles.length };
    if (!(event.key in steps)) return this.onKey(event, this.tiles[this.current].image, this.current);
    event.preventDefault();
    const next = Math.max(0, this.current + steps[event.key]);
    if (next >= this.tiles.length && !this.more.hidden) this.onMore();
    const reached = Math.min(next, this.tiles.length - 1);
    if (!event.shiftKey) this.selection.clear();
    else {
      if (this.selection.size === 0) this.selection.begin(this.current);
      this.selection.extend(this.images, reached);
    }
    this.focus(reached);
  }

  /** Ctrl+A selects all images that are shown, Ctrl+Space the one with the focus. */
  #onControlKey(event) {
    if (event.key === "a") this.selection.all(this.images);
    else if (event.key === " ") this.selection.toggle(this.images, this.current);
    else return;
    event.preventDefault();
  }

  #columns() {
    const top = this.tiles[0].element.offsetTop;
    const below = this.tiles.findIndex(({ element }) => element.offsetTop > top);
    return below < 0 ? this.tiles.length : below;
  }
}
