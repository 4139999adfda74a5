/** The images of a batch in a grid, read in pages; the arrow keys move through it, Enter shows an image with all its scores. */

import { h, fill, setText, show } from "../../ui/dom.js";
import { counted } from "../../datasets/dataset_text.js";
import { percent, whole } from "../../ui/format.js";
import { get } from "../../http/requests.js";
import { RowDialog } from "./row_dialog.js";
import { nameOf, picture, stateOf } from "./row_text.js";

const PAGE_SIZE = 60;

export class RowGrid {
  rows = [];
  current = 0;

  constructor(prediction, path) {
    Object.assign(this, { prediction, path });
    this.list = h("ul", { class: "image-grid", "aria-label": "Images" });
    this.more = h("button", { class: "quiet", hidden: true, onclick: () => this.readMore() }, "More images");
    this.count = h("p", { class: "muted small", role: "status" });
    this.element = h("div", {}, this.list, h("div", { class: "grid-foot" }, this.more, this.count));
    this.list.addEventListener("keydown", (event) => this.#onKeyDown(event));
    this.list.addEventListener("focusin", ({ target }) => this.#select(this.buttons.indexOf(target)));
  }

  get buttons() {
    return [...this.list.querySelectorAll("button.tile")];
  }

  /** Shows the first rows of a query; `total` is the number of all that match. */
  async open(query, order, total) {
    Object.assign(this, { query, order, total, rows: [], current: 0, asked: {} });
    fill(this.list, Array.from({ length: Math.min(24, total) }, () => h("li", {}, h("span", { class: "tile is-loading" }))));
    setText(this.count, total ? "" : "No image matches.");
    show(this.more, false);
    if (total) await this.readMore();
  }

  async readMore() {
    const asked = (this.asked = {});
    const last = this.rows.at(-1);
    const page = new URLSearchParams({ ...Object.fromEntries(this.query), order: this.order, limit: String(PAGE_SIZE), ...(last && { after: String(last.index) }) });
    this.more.disabled = true;
    try {
      const text = await get(`${this.path}/rows?${page}`);
      if (asked !== this.asked) return;
      this.#add(text.split("\n").filter(Boolean).map((line) => JSON.parse(line)));
    } catch (problem) {
      if (asked === this.asked) setText(this.count, problem.message);
    }
    this.more.disabled = false;
  }

  #add(rows) {
    const first = this.rows.length;
    if (!first) fill(this.list);
    this.rows.push(...rows);
    this.list.append(...rows.map((row, n) => this.#tile(row, first + n)));
    if (!first) this.buttons[0]?.setAttribute("tabindex", "0");
    const isAll = this.rows.length >= this.total || !rows.length;
    show(this.more, !isAll);
    setText(this.count, isAll ? counted(this.rows.length, "image") : `${whole(this.rows.length)} of ${counted(this.total, "image")}`);
  }

  #tile(row, place) {
    const state = stateOf(row);
    return h("li", { "data-row": String(row.index) },
      h("button", { class: "tile", tabindex: "-1", title: nameOf(row), "data-state": state, onclick: () => this.#open(place) }, picture(this.prediction, row),
        state === "unsure" ? h("span", { class: "tile-mark" }, "unsure") : null,
        h("span", { class: "tile-class" }, row.label ?? "not classified"), h("span", { class: "tile-split" }, row.label ? percent(row.score) : row.error.code)));
  }

  #open(place) {
    new RowDialog(this, { onClose: (index) => this.focus(index) }).open(place);
  }

  focus(place) {
    this.buttons[Math.max(0, Math.min(place, this.rows.length - 1))]?.focus();
  }

  #select(place) {
    if (place < 0 || place === this.current) return;
    const { buttons } = this;
    buttons[this.current]?.setAttribute("tabindex", "-1");
    buttons[place].setAttribute("tabindex", "0");
    this.current = place;
  }

  #onKeyDown(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || !this.rows.length) return;
    const columns = this.#columns();
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, Home: -this.current, End: this.rows.length };
    if (!(event.key in steps)) return;
    event.preventDefault();
    const next = this.current + steps[event.key];
    if (next >= this.rows.length && !this.more.hidden && !this.more.disabled) this.readMore();
    this.focus(next);
  }

  #columns() {
    const [first] = this.list.children;
    const below = [...this.list.children].findIndex(({ offsetTop }) => offsetTop > first.offsetTop);
    return below < 0 ? this.rows.length : below;
  }
}
