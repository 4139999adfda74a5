/** Asks for a class by its name: typing narrows the list, the arrow keys choose, Enter takes, Escape leaves. */

import { h, fill } from "../../ui/dom.js";

const SHOWN = 50;

/** Resolves to the name of a class, which may be a new one unless `isFixed`, or null. */
export function pickClass({ classes, text, isFixed = false }) {
  return new Promise((resolve) => new ClassPicker(classes, text, isFixed, resolve));
}

class ClassPicker {
  chosen = 0;

  constructor(classes, text, isFixed, resolve) {
    Object.assign(this, { classes, isFixed, resolve, result: null });
    this.input = h("input", { type: "text", role: "combobox", "aria-expanded": "true", "aria-controls": "picker-list", "aria-label": "Class", autocomplete: "off", spellcheck: "false", autocapitalize: "none" });
    this.input.value = text;
    this.list = h("ul", { id: "picker-list", role: "listbox", class: "picker-list", "aria-label": "Classes" });
    this.dialog = h("dialog", { class: "sign-in class-picker", "aria-label": "Choose a class" }, h("h2", {}, "Which class is it?"), this.input, this.list);
    this.input.addEventListener("input", () => { this.chosen = 0; this.#draw(); });
    this.dialog.addEventListener("keydown", (event) => this.#onKeyDown(event));
    this.dialog.addEventListener("click", ({ target }) => { if (target === this.dialog) this.dialog.close(); });
    this.dialog.addEventListener("close", () => { this.dialog.remove(); resolve(this.result); });
    document.body.append(this.dialog);
    this.dialog.showModal();
    this.input.focus();
    this.#draw();
  }

  /** The classes that begin with the text, then those that contain it, then a new one. */
  get #offers() {
    const text = this.input.value.trim();
    const lower = text.toLowerCase();
    const begins = this.classes.filter((name) => name.toLowerCase().startsWith(lower));
    const contains = this.classes.filter((name) => !begins.includes(name) && name.toLowerCase().includes(lower));
    const offers = [...begins, ...contains].slice(0, SHOWN).map((name) => ({ name, text: name }));
    if (text && !this.isFixed && !this.classes.includes(text)) offers.push({ name: text, text: `New class “${text}”` });
    return offers;
  }

  #draw() {
    const offers = this.#offers;
    this.chosen = Math.max(0, Math.min(this.chosen, offers.length - 1));
    fill(this.list, offers.map(({ name, text }, index) => h("li", { id: `offer-${index}`, role: "option", "aria-selected": String(index === this.chosen), onclick: () => this.#take(name) }, text)));
    this.input.setAttribute("aria-activedescendant", `offer-${this.chosen}`);
    this.list.children[this.chosen]?.scrollIntoView({ block: "nearest" });
  }

  #onKeyDown(event) {
    event.stopPropagation();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step && event.key !== "Enter") return;
    event.preventDefault();
    if (!step) return this.#take(this.#offers[this.chosen]?.name);
    this.chosen += step;
    this.#draw();
  }

  #take(name) {
    if (!name) return;
    this.result = name;
    this.dialog.close();
  }
}
