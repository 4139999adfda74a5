/** The corrections of a dataset that are not a version yet. They are kept in the session storage: a reload keeps them. */

import { randomKey } from "../../http/upload.js";

const open = new Map();

/** The corrections of a dataset; all views of this page share them. */
export function correctionsOf(datasetId) {
  if (!open.has(datasetId)) open.set(datasetId, new Corrections(datasetId));
  return open.get(datasetId);
}

/** Fires `changed` after each change. */
export class Corrections extends EventTarget {
  /**
   * Each step: {image, class} for a new class, {image, isRemoved}, {image} for neither, {group, isKept}, or {steps} for several
   * at once.
   */
  #steps = [];
  #marks = new Map();
  #groups = new Set();
  /** The request that was sent last: {text, key, importId}. */
  #sent = null;
  note = "";

  constructor(datasetId) {
    super();
    this.key = `ninefold-corrections-${datasetId}`;
    const { steps = [], sent = null, note = "" } = JSON.parse(sessionStorage.getItem(this.key) ?? "{}");
    Object.assign(this, { note });
    this.#steps = steps;
    this.#sent = sent;
    this.#replay();
  }

  /** {class} or {isRemoved} of an image, and whether one of its group is kept. */
  of({ id, group }) {
    return { ...this.#marks.get(id), isOneKept: this.#groups.has(group) };
  }

  /** Gives each image the class that `labelOf(image)` returns. */
  relabel(images, labelOf) {
    this.#add(images.map((image) => (labelOf(image) === image.class ? { image: image.id } : { image: image.id, class: labelOf(image) })));
  }

  /** Removes the images, or keeps them again if all of them are removed; returns whether they are removed. */
  toggleRemoved(images) {
    const isRemoved = images.some((image) => !this.of(image).isRemoved);
    this.#add(images.map(({ id }) => (isRemoved ? { image: id, isRemoved } : { image: id })));
    return isRemoved;
  }

  /** Keeps one image of each of these groups, or all if one is kept of each; returns whether one is kept. */
  toggleKeepOne(groups) {
    const isKept = groups.some((group) => !this.#groups.has(group));
    this.#add(groups.map((group) => ({ group, isKept })));
    return isKept;
  }

  /** Keeps one image of each of these groups. */
  keepOneOfEach(groups) {
    this.#add([...groups].filter((group) => !this.#groups.has(group)).map((group) => ({ group, isKept: true })));
  }

  /** Takes back the last step and returns it; undefined if there is none. */
  undo() {
    const step = this.#steps.pop();
    this.#replay();
    this.#save();
    return step;
  }

  clear() {
    Object.assign(this, { note: "" });
    this.#steps = [];
    this.#sent = null;
    this.#replay();
    this.#save();
  }

  get counts() {
    const marks = [...this.#marks.values()];
    const removed = marks.filter(({ isRemoved }) => isRemoved).length;
    return { relabelled: marks.length - removed, removed, groups: this.#groups.size };
  }

  get isEmpty() {
    return this.#marks.size + this.#groups.size === 0;
  }

  /** The body of the request for the next version. */
  get body() {
    const marks = [...this.#marks];
    return {
      relabel: marks.filter(([, mark]) => mark.class !== undefined).map(([image, mark]) => ({ image, class: mark.class })),
      remove: marks.filter(([, mark]) => mark.isRemoved).map(([image]) => image),
      keep_one: [...this.#groups],
      ...(this.note.trim() && { note: this.note.trim() }),
    };
  }

  /** The key of this request: sending it again after a lost answer must not make a second version. */
  get idempotencyKey() {
    const text = JSON.stringify(this.body);
    if (this.#sent?.text !== text) this.#sent = { text, key: randomKey() };
    this.#save();
    return this.#sent.key;
  }

  /** The import that makes the version, once the service has accepted the request. */
  get importId() {
    return this.#sent?.importId;
  }

  set importId(id) {
    this.#sent = id ? { ...this.#sent, importId: id } : null;
    this.#save();
  }

  setNote(note) {
    this.note = note;
    this.#save({ isQuiet: true });
  }

  #add(steps) {
    if (steps.length === 0) return;
    const step = steps.length === 1 ? steps[0] : { steps };
    this.#steps.push(step);
    this.#apply(step);
    this.#save();
  }

  #replay() {
    this.#marks.clear();
    this.#groups.clear();
    for (const step of this.#steps) this.#apply(step);
  }

  #apply({ steps, image, group, isKept, ...mark }) {
    if (steps) for (const step of steps) this.#apply(step);
    else if (group) this.#groups[isKept ? "add" : "delete"](group);
    else if (Object.keys(mark).length) this.#marks.set(image, mark);
    else this.#marks.delete(image);
  }

  #save({ isQuiet = false } = {}) {
    const isEmpty = this.#steps.length === 0 && !this.#sent && !this.note;
    if (isEmpty) sessionStorage.removeItem(this.key);
    else sessionStorage.setItem(this.key, JSON.stringify({ steps: this.#steps, sent: this.#sent, note: this.note }));
    if (!isQuiet) this.dispatchEvent(new Event("changed"));
  }
}
