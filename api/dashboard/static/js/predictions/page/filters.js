/** Chooses rows: by class, confidence and state, and their order. The address keeps the choice. */

import { h } from "../../ui/dom.js";
import { whole } from "../../ui/format.js";
import { rangeText } from "../words.js";

const STATES = { "": "all", sure: "sure", unsure: "unsure", error: "not classified" };
const QUERIES = { sure: { abstained: "false" }, unsure: { abstained: "true" }, error: { status: "error" } };
const ORDERS = { index: "in the order of the files", lowest: "least confident first", highest: "most confident first" };
const NAMES = ["label", "above", "below", "state", "order"];

export class RowFilters {
  /** onChange() is called after each choice. */
  constructor(query, onChange) {
    this.onChange = onChange;
    this.values = Object.fromEntries(NAMES.map((name) => [name, query.get(name) ?? ""]));
    this.label = select("row-label", { "": "all classes" }, () => this.set({ label: this.label.value }));
    this.state = select("row-state", STATES, () => this.set({ state: this.state.value }));
    this.order = select("row-order", ORDERS, () => this.set({ order: this.order.value }));
    this.above = bound("row-above", "0", () => this.set({ above: shareOf(this.above) }));
    this.below = bound("row-below", "100", () => this.set({ below: shareOf(this.below) }));
    this.reset = h("button", { type: "button", class: "quiet", onclick: () => this.set({ label: "", above: "", below: "", state: "" }) }, "Show all");
    this.element = h("form", { class: "row-filters", "aria-label": "Filter", onsubmit: (event) => event.preventDefault() },
      field("Class", this.label), h("fieldset", { class: "field confidence" }, h("legend", { class: "label" }, "Confidence"),
        h("div", { class: "confidence-range" }, h("label", { class: "hidden", for: "row-above" }, "At least, in percent"), this.above, "to", h("label", { class: "hidden", for: "row-below" }, "Below, in percent"), this.below, "%")),
      field("Answers", this.state), field("Order", this.order), this.reset);
    this.draw();
  }

  set(change) {
    Object.assign(this.values, change);
    this.draw();
    this.onChange();
  }

  /** Offers the classes, each with the number of its rows. */
  offer(labels) {
    const { label } = this.values;
    const known = Object.entries(label && !(label in labels) ? { ...labels, [label]: 0 } : labels);
    this.label.replaceChildren(h("option", { value: "" }, "all classes"), ...known.map(([name, count]) => h("option", { value: name }, `${name} (${whole(count)})`)));
    this.label.value = label;
  }

  draw() {
    const { label, state, order, above, below } = this.values;
    this.label.value = label;
    this.state.value = state;
    this.order.value = order || "index";
    this.above.value = inPercent(above);
    this.below.value = inPercent(below);
    this.reset.hidden = !this.isSet;
  }

  /** Whether some rows are left out. */
  get isSet() {
    const { label, state, above, below } = this.values;
    return Boolean(label || state || above || below);
  }

  /** The filter as parameters of the API. */
  get query() {
    const { label, above, below, state } = this.values;
    return new URLSearchParams(present({ label, above, below, ...QUERIES[state] }));
  }

  /** The choice as the query of the page's address. */
  get address() {
    const { order, ...others } = this.values;
    return String(new URLSearchParams(present({ ...others, order: order === "index" ? "" : order })));
  }

  /** The filter in words: "cat, 90 to 100 %, unsure"; empty for all rows. */
  get text() {
    const { label, above, below, state } = this.values;
    const range = above || below ? rangeText({ above: Number(above || 0), below: Number(below || 1) }) : "";
    return [label, range, state && STATES[state]].filter(Boolean).join(", ");
  }
}

function present(values) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value));
}

function select(id, options, onchange) {
  return h("select", { id, onchange }, Object.entries(options).map(([value, text]) => h("option", { value }, text)));
}

function bound(id, placeholder, onchange) {
  return h("input", { id, type: "number", min: "0", max: "100", step: "any", placeholder, onchange });
}

function field(text, input) {
  return h("div", { class: "field" }, h("label", { for: input.id }, text), input);
}

/** A number of percent as a share, within 0 and 1; empty for an empty field. */
function shareOf(input) {
  if (input.value === "") return "";
  return String(Number((Math.min(100, Math.max(0, input.valueAsNumber)) / 100).toFixed(6)));
}

function inPercent(share) {
  return share === "" ? "" : String(Number((100 * Number(share)).toFixed(4)));
}
