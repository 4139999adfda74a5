/** One image of a batch large, with all scores of its row. The arrow keys move, Escape closes. */

import { h, fill, setText } from "../../ui/dom.js";
import { percent } from "../../ui/format.js";
import { labelSetText } from "../../classify/result_card.js";
import { nameOf, originalOf, picture, stateOf } from "./row_text.js";

export class RowDialog {
  /** `grid` has the rows; onClose(index) is called with the place of the row that was shown last. */
  constructor(grid, { onClose }) {
    this.grid = grid;
    this.picture = h("div", { class: "viewer-picture" });
    this.title = h("h2", { tabindex: "-1" });
    this.state = h("p", { class: "viewer-state", role: "status" });
    this.scores = h("ul", { class: "bars" });
    this.set = h("p", { class: "label-set" });
    this.facts = h("dl", { class: "facts" });
    this.previous = h("button", { class: "quiet", "aria-label": "Previous image", onclick: () => this.#move(-1) }, "←");
    this.next = h("button", { class: "quiet", "aria-label": "Next image", onclick: () => this.#move(1) }, "→");
    const close = h("button", { class: "quiet", "aria-label": "Close", onclick: () => this.dialog.close() }, "✕");
    this.dialog = h("dialog", { class: "viewer", "aria-label": "Image" }, this.picture,
      h("div", { class: "viewer-side" }, h("div", { class: "viewer-nav" }, this.previous, this.next, close), this.title, this.state, this.set, this.scores, this.facts));
    this.dialog.addEventListener("keydown", (event) => this.#onKeyDown(event));
    this.dialog.addEventListener("close", () => { this.dialog.remove(); onClose(this.place); });
  }

  open(place) {
    document.body.append(this.dialog);
    this.dialog.showModal();
    this.#show(place);
    this.title.focus();
  }

  async #move(step) {
    const { grid } = this;
    const place = this.place + step;
    if (place >= grid.rows.length && !grid.more.hidden) await grid.readMore();
    if (place >= 0 && place < grid.rows.length) this.#show(place);
  }

  #show(place) {
    this.place = place;
    const { grid } = this;
    const row = grid.rows[place];
    const original = originalOf(grid.prediction, row);
    fill(this.picture, picture(grid.prediction, row));
    setText(this.title, row.label ?? "Not classified");
    setText(this.state, { error: row.error?.message, unsure: `Unsure: ${percent(row.score)}`, sure: percent(row.score) }[stateOf(row)]);
    setText(this.set, row.label_set ? labelSetText(row.label_set) : "");
    fill(this.scores, (row.scores ?? []).map(bar));
    const facts = { File: row.file, Image: row.image && h("code", {}, row.image), Row: String(row.index), Original: original && h("a", { href: original, target: "_blank", rel: "noopener" }, "open") };
    fill(this.facts, Object.entries(facts).filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
    this.dialog.setAttribute("aria-label", nameOf(row));
    this.previous.disabled = place === 0;
    this.next.disabled = place === grid.rows.length - 1 && grid.more.hidden;
  }

  #onKeyDown(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.#move(step);
  }
}

function bar({ label, score }) {
  const fillElement = h("span", { class: "bar-fill" });
  fillElement.style.setProperty("transform", `scaleX(${score})`);
  return h("li", {}, h("span", { class: "bar-label", title: label }, label), h("span", { class: "bar", "aria-hidden": "true" }, fillElement), h("span", { class: "bar-score" }, percent(score)));
}
