/** The keys that correct an image, in the grid and in the large view. */

import { announce } from "../../ui/announcements.js";
import { pickClass } from "./class_picker.js";

export const KEYS = [
  ["← → ↑ ↓", "move"], ["Enter or Space", "show the image large; in the grid, Enter accepts a suggested class"], ["x", "remove the image, or keep it again"],
  ["1 to 9", "give it the class with this name, else with this place in the list"], ["a letter, or r", "choose a class by its name"],
  ["y", "accept the suggested class, and go to the next image"], ["k", "keep only one image of its group of near-duplicates"], ["u", "undo"], ["?", "show these keys"], ["Escape", "close"],
];

export class CorrectionCommands {
  /** onHelp() shows the keys. */
  constructor({ corrections, classes, onHelp }) {
    Object.assign(this, { corrections, classes, onHelp });
  }

  /** Does what a key says; returns "done", "next" if the next image shall follow, or "" if the key means nothing. */
  press(key, image) {
    if (key === "x" || key === "Delete") this.toggleRemoved(image);
    else if (key === "u") this.undo();
    else if (key === "?") this.onHelp();
    else if (key === "y") return this.accept(image) ? "next" : "done";
    else if (key === "k") this.keepOne(image);
    else if (key === "r") this.choose(image);
    else if (/^[1-9]$/.test(key)) this.#relabelByNumber(image, key);
    else if (/^[\p{L}\p{N}]$/u.test(key)) this.choose(image, key);
    else return "";
    return "done";
  }

  toggleRemoved(image) {
    this.corrections.toggleRemoved(image);
    announce(this.corrections.of(image).isRemoved ? "Removed." : "Kept.");
  }

  accept(image) {
    if (!image.suggested_class) return announce("No class is suggested for this image.");
    this.#relabel(image, image.suggested_class);
    return true;
  }

  keepOne(image) {
    if (!image.group) return announce("This image has no near-duplicates.");
    this.corrections.toggleKeepOne(image.group);
    announce(this.corrections.of(image).isOneKept ? "One image of this group is kept." : "All images of this group are kept.");
  }

  undo() {
    announce(this.corrections.undo() ? "Undone." : "Nothing to undo.");
  }

  /** Asks for the class; `text` is what was typed already. */
  async choose(image, text = "") {
    const label = await pickClass({ classes: this.classes, text });
    if (label) this.#relabel(image, label);
  }

  #relabelByNumber(image, key) {
    const label = this.classes.includes(key) ? key : this.classes[Number(key) - 1];
    if (label) this.#relabel(image, label);
    else announce(`There are ${this.classes.length} classes.`);
  }

  #relabel(image, label) {
    this.corrections.relabel(image, label);
    announce(label === image.class ? `It stays ${label}.` : `${image.class} is now ${label}.`);
  }
}
