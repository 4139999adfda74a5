/** Chooses which images are shown: by class, split, finding and group. */

import { h } from "../../ui/dom.js";
import { whole, words } from "../../ui/format.js";

const NAMES = ["class", "split", "finding", "group"];

export class ImageFilters {
  constructor(query, onChange) {
    this.onChange = onChange;
    this.values = Object.fromEntries(NAMES.map((name) => [name, query.get(name) ?? ""]));
    this.element = h("form", { class: "image-filters", "aria-label": "Filter" });
    this.element.addEventListener("submit", (event) => event.preventDefault());
  }

  /** Builds the fields from the classes of the dataset and the findings of its report. */
  build(classes, findings) {
    this.findings = findings;
    const known = findings.filter(({ images }) => images.length).map(({ code, count }) => [code, `${words(code)} (${whole(count)})`]);
    if (this.values.finding && !known.some(([code]) => code === this.values.finding)) known.push([this.values.finding, words(this.values.finding)]);
    this.element.replaceChildren(
      this.#select("class", "Class", "all classes", classes.map(({ name, train, test }) => [name, `${name} (${whole(train + test)})`])),
      this.#select("split", "Split", "training and test", [["train", "training"], ["test", "test"]]),
      this.#select("finding", "Finding", "all images", known), ...(this.values.group ? [this.#groupButton()] : []));
  }

  #select(name, label, all, options) {
    const select = h("select", { id: `filter-${name}` }, h("option", { value: "" }, all), options.map(([value, text]) => h("option", { value }, text)));
    select.value = this.values[name];
    select.addEventListener("change", () => { this.values[name] = select.value; this.onChange(); });
    return h("div", { class: "field" }, h("label", { for: select.id }, label), select);
  }

  #groupButton() {
    const button = h("button", { type: "button", class: "quiet", onclick: () => { this.values.group = ""; button.remove(); this.onChange(); } }, "One group of near-duplicates ✕");
    return button;
  }

  /** The query of the filters that are set. */
  get query() {
    return new URLSearchParams(Object.entries(this.values).filter(([, value]) => value));
  }

  /** How many images there are; null where no table tells it. */
  total(classes) {
    const { class: label, split, finding, group } = this.values;
    if (group || (finding && (label || split))) return null;
    if (finding) return this.findings.find(({ code }) => code === finding)?.count ?? null;
    const of = classes.filter(({ name }) => !label || name === label);
    return of.reduce((sum, { train, test }) => sum + (split ? { train, test }[split] : train + test), 0);
  }
}
