/** Uploads a zip or a folder as a new dataset, or into the next version of one: its name or note, its options, the progress, the result. */

import { announce } from "../ui/announcements.js";
import { h, fill, setText, show } from "../ui/dom.js";
import { bytes, whole } from "../ui/format.js";
import { ChosenZip, dropped, folderOfInput } from "../zip/chosen_files.js";
import { ImportOptionFields } from "./import_options.js";
import { importText } from "./import_progress.js";
import { progressBar } from "../ui/progress_bar.js";
import { scheduleDraw } from "../ui/draw_scheduler.js";

const SHOWN_SKIPPED = 3;
const FORM = "dataset-form";

/**
 * The panel's inputs belong to `form`, which may stand elsewhere: forms cannot be nested. `isLarge`: it is a place to drop
 * a zip or a folder. `parent`: the dataset to whose next version the images are added.
 */
export function addPanel(adding, { isLarge = false, parent = null } = {}) {
  const panel = new AddPanel(adding, isLarge, parent);
  return { element: panel.element, form: panel.form, offerOptions: (openapi) => panel.offerOptions(openapi), close: () => panel.close() };
}

class AddPanel {
  /** The zip or folder that is offered or was sent last. */
  chosen = null;

  constructor(adding, isLarge, parent) {
    Object.assign(this, { adding, parent });
    // Where there is a place to drop, the page of the new dataset tells more than this panel.
    this.told = isLarge ? ["rejected", "cancelled"] : ["ready", "rejected", "cancelled"];
    this.form = h("form", { id: FORM });
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.#start(); });
    this.#buildChoose(isLarge);
    this.#buildOffer();
    this.#buildProgress();
    this.result = h("div", { class: "small", role: "status" });
    this.element = h("div", { class: "adding" }, this.choose, this.result, this.offer, this.progress);
    this.scheduleDraw = () => scheduleDraw(this.draw);
    adding.addEventListener("changed", this.scheduleDraw);
    adding.addEventListener("ended", this.#offerAgain);
    this.draw();
  }

  /** Shows the fields for the options of an upload, which the OpenAPI document lists. */
  offerOptions(openapi) {
    this.options.build(openapi);
  }

  close() {
    this.adding.removeEventListener("changed", this.scheduleDraw);
    this.adding.removeEventListener("ended", this.#offerAgain);
  }

  #buildChoose(isLarge) {
    const input = (id, attributes, choice) => h("input", { id, form: FORM, type: "file", class: "hidden", "aria-describedby": "dataset-hint", ...attributes,
      onchange: ({ target }) => { if (target.files.length) this.#offer(choice(target)); target.value = ""; } });
    this.file = input("dataset-file", { accept: ".zip,application/zip" }, ({ files: [file] }) => new ChosenZip(file));
    const folder = input("dataset-folder", { webkitdirectory: true }, folderOfInput);
    const button = isLarge ? "button" : "button quiet small";
    const buttons = [this.file, h("label", { for: "dataset-file", class: button }, isLarge ? "Choose a zip" : "Upload images"),
      folder, h("label", { for: "dataset-folder", class: button }, isLarge ? "Choose a folder" : "Upload a folder")];
    const hint = h("span", { id: "dataset-hint", class: "muted small" }, isLarge ? "With a folder for each class, or a table of the images and their classes" : "zip, one folder per class");
    this.choose = isLarge
      ? h("div", { class: "drop drop-dataset" }, h("strong", {}, "Drop a zip or a folder of images here"), hint, h("div", { class: "actions" }, buttons))
      : h("div", { class: "adding-choose" }, buttons, hint);
    if (isLarge) this.#acceptDrops();
  }

  #acceptDrops() {
    const mark = (isOver) => this.choose.classList.toggle("is-over", isOver);
    this.choose.addEventListener("dragover", (event) => { event.preventDefault(); mark(true); });
    this.choose.addEventListener("dragleave", () => mark(false));
    this.choose.addEventListener("drop", async (event) => {
      event.preventDefault();
      mark(false);
      this.#offer(await dropped(event.dataTransfer));
    });
  }

  #buildOffer() {
    this.name = h("input", { id: "dataset-name", form: FORM, type: "text", required: true, maxlength: "64", pattern: "[a-z0-9][a-z0-9._\\-]*", title: "small letters, digits, dots, _ and -", autocomplete: "off", spellcheck: "false", autocapitalize: "none" });
    this.options = new ImportOptionFields(FORM);
    this.note = h("input", { id: "dataset-note", form: FORM, type: "text", maxlength: "1000", autocomplete: "off", placeholder: "What do you add?" });
    this.size = h("button", { form: FORM, class: "primary small" });
    const field = this.parent ? [h("label", { for: "dataset-note" }, "Note of the version"), this.note] : [h("label", { for: "dataset-name" }, "Name of the new dataset"), this.name];
    this.offer = h("div", { class: "adding-offer", hidden: true },
      h("div", { class: "field" }, field),
      this.options.element,
      h("div", { class: "actions" }, this.size, h("button", { type: "button", class: "quiet small", onclick: () => this.#discard() }, "Discard")));
  }

  #buildProgress() {
    this.text = h("span");
    this.bar = progressBar("Progress of the upload");
    this.hint = h("p", { class: "muted small" }, "You can train on it now: the job waits for the dataset.");
    const cancel = h("button", { type: "button", class: "quiet small danger", "aria-label": "Cancel the upload", onclick: () => this.#cancel() }, "Cancel");
    this.progress = h("div", { class: "adding-progress" }, h("div", { class: "adding-line" }, this.text, cancel), this.bar.element, this.hint);
  }

  /** Asks for the name, which cannot be changed later. */
  #offer(chosen) {
    if (chosen.size === 0) return announce("Nothing to upload: the folder has no files.");
    this.chosen = chosen;
    this.name.value = nameOf(chosen.name);
    setText(this.size, `Upload ${chosen.files ? `${whole(chosen.files.length)} files, ` : ""}${bytes(chosen.size)}`);
    this.options.clear();
    this.isOffered = true;
    this.isRetry = false;
    this.draw();
    const first = this.parent ? this.note : this.name;
    first.focus();
    first.select();
  }

  /** Offers the rejected file once more, below the reason, if options may help. */
  #offerAgain = () => {
    const { step, isOwn, message } = this.adding.state;
    const field = step === "rejected" && isOwn && this.chosen ? this.options.helpfulFor(message) : null;
    if (!field) {
      if (isOwn) this.chosen = null;
      return;
    }
    this.isOffered = this.isRetry = this.options.element.open = true;
    this.draw();
    if (document.activeElement === document.body) field.input.focus(); // the focused button was hidden
  };

  #discard() {
    this.chosen = null;
    this.isOffered = this.isRetry = false;
    this.draw();
    this.file.focus();
  }

  #start() {
    this.isOffered = this.isRetry = false;
    const note = this.note.value.trim();
    if (this.parent) this.adding.start(this.chosen, { name: this.parent.name, parent: this.parent.id }, { ...(note && { note }), ...this.options.values });
    else this.adding.start(this.chosen, { name: this.name.value }, this.options.values);
  }

  #cancel() {
    this.adding.cancel().catch((problem) => announce(problem.message));
  }

  draw = () => {
    const { adding } = this;
    const { step, name, done, total, dataset, message } = adding.state;
    show(this.choose, !adding.isActive && !this.isOffered);
    show(this.offer, Boolean(this.isOffered) && !adding.isActive);
    show(this.progress, adding.isActive);
    show(this.hint, step === "importing" && !this.parent);
    setText(this.text, progressText(adding.state));
    this.bar.update({ status: step, progress: { fraction: total ? done / total : 0 } });
    show(this.result, this.told.includes(step) && (!this.isOffered || this.isRetry));
    const shown = `${step} ${name} ${message}`;
    if (this.shown === shown) return; // a live region is read aloud when it is replaced
    this.shown = shown;
    fill(this.result, step === "ready" ? readyText(dataset) : null,
      step === "rejected" ? h("p", { class: "field-error" }, `${this.parent ? "The images were" : `${name} was`} not added. ${message}`) : null,
      step === "cancelled" ? h("p", { class: "muted small" }, message) : null);
  };
}

function progressText(state) {
  const { step, name, done, total } = state;
  if (step === "packing") return `Reading the files of ${name}: ${whole(done)} of ${whole(total)}`;
  if (step === "uploading") return `Uploading ${name}: ${bytes(done)} of ${bytes(total)}`;
  return importText(name, state);
}

function readyText({ name, images, classes, skipped, skipped_count: count, warnings }) {
  const files = skipped.slice(0, SHOWN_SKIPPED).map(({ path, reason }) => h("li", {}, `${path}: ${reason}`));
  const skippedList = count ? [h("p", {}, `${whole(count)} ${count === 1 ? "file was" : "files were"} skipped:`), h("ul", {}, files, count > files.length ? h("li", {}, "…") : null)] : [];
  return [h("p", {}, `${name} is ready: ${whole(images)} images in ${classes.length} classes.`), ...warnings.map((warning) => h("p", { class: "warning" }, warning)), ...skippedList];
}

/** A name that the API accepts, from the name of a file or folder. */
function nameOf(text) {
  const plain = text.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");
  const name = plain.replace(/[^a-z0-9._-]+/g, "-").replace(/^[^a-z0-9]+/, "").slice(0, 64).replace(/[^a-z0-9]+$/, "");
  return name.replace(/^(job|mdl|ds|imp)_/, "$1-") || "images";
}
