/** The keys that correct images, in the grid and in the large view. Each command takes a list of images. */

import { announce } from "../../ui/announcements.js";
import { pickClass } from "./class_picker.js";

export const KEYS = [
  ["← → ↑ ↓", "move"], ["Enter or Space", "show the image large; in the grid, Enter accepts a suggested class"], ["x", "remove the image, or keep it again"],
  ["1 to 9", "give it the class with this name, else with this place in the list"], ["a letter, or r", "choose a class by its name"],
  ["y", "accept the suggested class, and go to the next image"], ["k", "keep only one image of its group of near-duplicates"], ["u", "undo"], ["Shift + arrow keys or click", "select several images, which the keys above then correct"], ["Ctrl + click or Space", "select one more, or one less"], ["Ctrl + A", "select all images that are shown"],
  ["?", "show these keys"], ["Escape", "close; in the grid, select none"],
];

export class CorrectionCommands {
  /** onHelp() shows the keys. */
  constructor({ corrections, classes, onHelp }) {
    Object.assign(this, { corrections, classes, onHelp });
  }

  /** Does what a key says; returns "done", "next" if the next image shall follow, or "" if the key means nothing. */
  press(key, images) {
    if (key === "x" || key === "Delete") this.toggleRemoved(images);
    else if (key === "u") this.undo();
    else if (key === "?") this.onHelp();
    else if (key === "y") return this.accept(images) ? "next" : "done";
    else if (key === "k") this.keepOne(images);
    else if (key === "r") this.choose(images);
    else if (/^[1-9]$/.test(key)) this.#relabelByNumber(images, key);
    else if (/^[\p{L}\p{N}]$/u.test(key)) this.choose(images, key);
    else return "";
    return "done";
  }

  toggleRemoved(images) {
    const isRemoved = this.corrections.toggleRemoved(images);
    announce(`${isRemoved ? "Removed" : "Kept"}${countText(images)}.`);
  }

  accept(images) {
    const suggested = images.filter(({ suggested_class: label }) => label);
    if (suggested.length === 0) return announce("No class is suggested.");
    this.corrections.relabel(suggested, (image) => image.suggested_class);
    announce(`Relabelled${countText(suggested)}.`);
    return true;
  }

  keepOne(images) {
    const groups = [...new Set(images.map(({ group }) => group).filter(Boolean))];
    if (groups.length === 0) return announce("No near-duplicates.");
    const isKept = this.corrections.toggleKeepOne(groups);
    announce(`${isKept ? "One image is kept" : "All images are kept"} of ${groups.length === 1 ? "this group" : `${groups.length} groups`}.`);
  }

  undo() {
    announce(this.corrections.undo() ? "Undone." : "Nothing to undo.");
  }

  /** Asks for the class; `text` is what was typed already. */
  async choose(images, text = "") {
    const label = await pickClass({ classes: this.classes, text });
    if (label) this.#relabel(images, label);
  }

  #relabelByNumber(images, key) {
    const label = this.classes.includes(key) ? key : this.classes[Number(key) - 1];
    if (label) this.#relabel(images, label);
    else announce(`There are ${this.classes.length} classes.`);
  }

  #relabel(images, label) {
    this.corrections.relabel(images, () => label);
    const [image] = images;
    if (images.length > 1) announce(`${images.length} images are ${label}.`);
    else announce(label === image.class ? `It stays ${label}.` : `${image.class} is now ${label}.`);
  }
}

function countText({ length }) {
  return length === 1 ? "" : ` ${length} images`;
}

/** The images of a built-in dataset cannot be corrected. */
export class NoCorrections {
  static TEXT = "The images of a built-in dataset cannot be corrected: press Make it my own on its page first.";

  constructor({ onHelp }) {
    this.onHelp = onHelp;
  }

  press(key) {
    if (key === "?") this.onHelp();
    else if (key.length !== 1 || key === " ") return "";
    else this.refuse();
    return "done";
  }

  refuse = () => announce(NoCorrections.TEXT);
  toggleRemoved = this.refuse;
  accept = this.refuse;
  keepOne = this.refuse;
  choose = this.refuse;
  undo = this.refuse;
}
