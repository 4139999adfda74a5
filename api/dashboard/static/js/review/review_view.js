/** The review of a model: uncertain answers of production, one image at a time, and the next dataset version of what was said. */

import { announce } from "../ui/announcements.js";
import { h, fill, show } from "../ui/dom.js";
import { percent } from "../ui/format.js";
import { get, post } from "../http/requests.js";
import { pickClass } from "../datasets/images/class_picker.js";
import { imageCard } from "./image_card.js";
import { commandOf } from "./keys.js";
import { settingsForm } from "./settings_form.js";

const PAGE = 50;
const READ_AHEAD = 10;

export function reviewView({ id }) {
  const view = new ReviewView(id ?? "");
  return { title: `Review of ${id}`, element: view.element, close: () => view.close() };
}

class ReviewView {
  constructor(name) {
    this.name = name;
    this.path = `models/${encodeURIComponent(name)}/review`;
    this.summary = h("p", { class: "muted", role: "status" }, "Loading…");
    this.notice = h("p", { class: "notice", role: "alert", hidden: true });
    this.made = h("p", { class: "card review-made", role: "status", hidden: true });
    this.card = h("div", {});
    this.settings = h("div", {});
    this.train = h("button", { class: "primary", disabled: true, onclick: () => this.#make(true) }, "Make the next version and train");
    this.make = h("button", { class: "quiet", disabled: true, onclick: () => this.#make(false) }, "Only make the version");
    this.element = h("section", { class: "review-view" }, h("a", { class: "back", href: "#/models" }, "All models"),
      h("div", { class: "view-head" }, h("div", {}, h("h1", {}, `Review of ${name}`), this.summary), h("div", { class: "actions" }, this.train, this.make)),
      this.notice, this.made, this.card, this.settings);
    document.addEventListener("keydown", this.onKeyDown);
    this.load();
  }

  close() {
    document.removeEventListener("keydown", this.onKeyDown);
  }

  load = async () => {
    Object.assign(this, { images: [], last: "", hasMore: true, said: [], sending: Promise.resolve(), isReading: false });
    try {
      const model = await get(`models/${encodeURIComponent(this.name)}`);
      this.classes = model.classes;
      this.review = await get(this.path);
      if (this.review.settings) await this.#readMore();
      this.#draw();
      fill(this.settings, settingsForm(this.path, this.review.settings, this.load));
    } catch (problem) {
      this.#tell(problem.message);
      fill(this.summary);
    }
  };

  async #readMore() {
    if (this.isReading || !this.hasMore) return;
    this.isReading = true;
    const page = await get(`${this.path}/images?limit=${PAGE}${this.last ? `&after=${this.last}` : ""}`);
    this.images.push(...page.data);
    this.last = page.data.at(-1)?.id ?? this.last;
    this.hasMore = page.has_more;
    this.isReading = false;
  }

  #draw() {
    const { settings, waiting, labelled, taken } = this.review;
    fill(this.summary, settings
      ? `Waiting: ${waiting}, with a label: ${labelled}${taken ? `, in the version that is being made: ${taken}` : ""}. Answers below ${percent(settings.below, 0)} are kept.`
      : "Nothing is kept yet. Turned on, images for which the model in production is not sure wait here for your decision.");
    this.train.disabled = this.make.disabled = labelled === 0;
    const [image, next] = this.images;
    if (next) new Image().src = next.image.replace(/^\//, "");
    if (image) fill(this.card, imageCard(image, this.classes, { decide: this.decide, pick: () => this.#pick(""), undo: this.said.length ? this.undo : null }));
    else fill(this.card, settings ? this.#empty() : null);
    this.card.querySelector("h2")?.focus({ preventScroll: true });
  }

  #empty() {
    return h("div", { class: "empty" }, h("h2", { tabindex: "-1" }, "Nothing waits"), h("p", {}, "Uncertain answers of the model in production appear here some seconds after they were given."),
      h("button", { class: "quiet", onclick: this.load }, "Look again"), this.said.length ? h("button", { class: "quiet", onclick: this.undo }, "Undo") : null);
  }

  onKeyDown = (event) => {
    const [image] = this.images ?? [];
    const command = image ? commandOf(event, { classes: this.classes, answer: image.label }) : null;
    if (!command) return;
    event.preventDefault();
    if (command.undo) this.undo();
    else if (command.pick) this.#pick(command.pick);
    else this.decide(command.discard ? null : command.label);
  };

  async #pick(text) {
    const [image] = this.images;
    const label = await pickClass({ classes: this.classes, text, isFixed: true });
    if (label !== null && this.images[0] === image) this.decide(label);
  }

  /** The next image is shown at once; what was said is sent in order. */
  decide = (label) => {
    const image = this.images.shift();
    const before = image.given;
    this.#count(before, label);
    if (label !== null) this.said.push({ ...image, given: label });
    this.sending = this.sending.then(() => post(`${this.path}/images/${image.id}`, { label })).catch((problem) => {
      this.said = this.said.filter(({ id }) => id !== image.id);
      this.#count(before, label, -1);
      if (problem.code !== "image_not_found") this.images.unshift(image);
      this.#tell(problem.message);
      this.#draw();
    });
    if (this.images.length < READ_AHEAD) this.#readMore().then(() => { if (this.images.length <= READ_AHEAD) this.#draw(); }, (problem) => this.#tell(problem.message));
    show(this.notice, false);
    this.#draw();
  };

  /** Counts an image that had the label `from` and has `to` now, null for none; takes it back with -1. */
  #count(from, to, by = 1) {
    this.review[from === null ? "waiting" : "labelled"] -= by;
    if (to !== null) this.review.labelled += by;
  }

  undo = () => {
    const image = this.said.pop();
    if (!image) return;
    this.images.unshift(image);
    this.#draw();
  };

  async #make(train) {
    this.train.disabled = this.make.disabled = true;
    try {
      await this.sending;
      const made = await post(`${this.path}/dataset`, { train });
      this.said = [];
      this.review.taken += this.review.labelled;
      this.review.labelled = 0;
      this.#draw();
      show(this.made, true);
      fill(this.made, `${made.images} ${made.images === 1 ? "image goes" : "images go"} into the next version of `, h("a", { href: `#/datasets/${made.dataset}` }, made.name), ".", ...(made.job ? [" ", h("a", { href: `#/jobs/${made.job}` }, "The training"), " begins when it is ready; its model goes into production only if it is better."] : []));
      announce(`The next version of ${made.name} is being made.`);
    } catch (problem) {
      this.#tell(problem.message);
      this.#draw();
    }
  }

  #tell(text) {
    fill(this.notice, text);
    show(this.notice, true);
  }
}
