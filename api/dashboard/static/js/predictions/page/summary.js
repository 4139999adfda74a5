/** How many rows say what: a bar for each class and for each range of confidence; each bar chooses its rows. */

import { h, fill, setText } from "../../ui/dom.js";
import { percent, whole } from "../../ui/format.js";
import { rangeText } from "../words.js";

const FIRST_CLASSES = 12;

export class Summary {
  /** onChoose(change) is called with the change of the filter. */
  constructor(onChoose) {
    this.onChoose = onChoose;
    this.areAllShown = false;
    this.classes = h("tbody");
    this.more = h("button", { class: "quiet small", onclick: () => { this.areAllShown = true; this.#drawClasses(); } });
    this.bars = h("div", { class: "histogram", role: "group", "aria-label": "Rows by confidence" });
    this.bars.addEventListener("keydown", (event) => this.#onKeyDown(event));
    this.sentence = h("p", { class: "chart-summary" });
    this.table = h("tbody");
    this.element = h("div", { class: "dataset-tables" },
      h("div", { class: "card" }, h("h2", {}, "Classes"), h("div", { class: "scroll" }, h("table", { class: "class-table prediction-classes" }, h("thead", {}, h("tr", {}, ["Class", "Images"].map((text) => h("th", { scope: "col" }, text)))), this.classes)), this.more),
      h("figure", { class: "card" }, h("h2", {}, "Confidence"), this.sentence, this.bars, h("div", { class: "histogram-axis", "aria-hidden": "true" }, ["0 %", "25 %", "50 %", "75 %", "100 %"].map((text) => h("span", {}, text))),
        h("details", { class: "chart-table" }, h("summary", {}, "Table"), h("div", { class: "scroll" }, h("table", {}, h("caption", { class: "hidden" }, "Rows by confidence"), h("thead", {}, h("tr", {}, ["Confidence", "Images"].map((text) => h("th", { scope: "col" }, text)))), this.table)))));
  }

  /** `filter`: the values that are chosen. */
  update({ labels, scores }, filter) {
    Object.assign(this, { labels: Object.entries(labels), filter });
    this.#drawClasses();
    this.#drawScores(scores);
  }

  #drawClasses() {
    const { labels, filter } = this;
    const most = Math.max(1, ...labels.map(([, count]) => count));
    const shown = this.areAllShown ? labels : labels.slice(0, FIRST_CLASSES);
    fill(this.classes, shown.map(([name, count]) => this.#classRow(name, count, count / most, filter.label === name)));
    setText(this.more, `All ${whole(labels.length)} classes`);
    this.more.hidden = shown.length === labels.length;
  }

  #classRow(name, count, share, isChosen) {
    const bar = h("span", { class: "bar-fill" });
    bar.style.setProperty("transform", `scaleX(${share})`);
    const button = h("button", { class: "bare", type: "button", "aria-pressed": String(isChosen), title: name, onclick: () => { this.onChoose({ label: isChosen ? "" : name }); this.#focusClass(name); } }, name);
    return h("tr", { "data-label": name, class: isChosen ? "is-chosen" : null }, h("th", { scope: "row" }, button), h("td", {}, h("div", { class: "count-bar" }, h("span", { class: "count" }, whole(count)), h("span", { class: "bar", "aria-hidden": "true" }, bar))));
  }

  #focusClass(name) {
    [...this.classes.children].find((row) => row.dataset.label === name)?.querySelector("button").focus();
  }

  #drawScores(scores) {
    const most = Math.max(1, ...scores.map(({ images }) => images));
    const total = scores.reduce((sum, { images }) => sum + images, 0);
    const surest = scores.at(-1)?.images ?? 0;
    setText(this.sentence, total ? `${percent(surest / total, 0)} of ${whole(total)} answers are at least ${percent(scores.at(-1).above, 0)} sure.` : "No answer matches.");
    const focused = [...this.bars.children].indexOf(document.activeElement);
    fill(this.bars, scores.map((one, index) => this.#scoreBar(one, one.images / most, index)));
    const chosen = [...this.bars.children].findIndex((bar) => bar.getAttribute("aria-pressed") === "true");
    this.bars.children[Math.max(0, focused < 0 ? (chosen < 0 ? scores.length - 1 : chosen) : focused)]?.setAttribute("tabindex", "0");
    if (focused >= 0) this.bars.children[focused].focus();
    fill(this.table, scores.map((one) => h("tr", {}, h("th", { scope: "row" }, rangeText(one)), h("td", {}, whole(one.images)))));
  }

  #scoreBar(one, share, index) {
    const { above, below } = this.filter;
    const [from, to] = [one.above ? String(one.above) : "", one.below === null ? "" : String(one.below)];
    const isChosen = Boolean(above || below) && above === from && below === to;
    const isWithin = one.above >= Number(above || 0) && (one.below ?? 1) <= Number(below || 1);
    const fillElement = h("span", { class: "histogram-fill" });
    fillElement.style.setProperty("height", one.images ? `max(2px, ${100 * share}%)` : "0");
    const text = `${rangeText(one)}: ${whole(one.images)} ${one.images === 1 ? "image" : "images"}`;
    return h("button", { type: "button", class: isWithin ? "histogram-bar" : "histogram-bar is-outside", tabindex: "-1", "aria-pressed": String(isChosen), "aria-label": text, title: text, "data-bin": String(index),
      onclick: () => this.onChoose(isChosen ? { above: "", below: "" } : { above: from, below: to }) }, fillElement);
  }

  /** The arrow keys move through the bars, of which one is in the order of the Tab key. */
  #onKeyDown(event) {
    const bars = [...this.bars.children];
    const place = bars.indexOf(document.activeElement);
    const next = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: bars.length - 1 }[event.key];
    if (place < 0 || !bars[next]) return;
    event.preventDefault();
    bars[place].setAttribute("tabindex", "-1");
    bars[next].setAttribute("tabindex", "0");
    bars[next].focus();
  }
}
