/** Uploads a zip of images as a new dataset: a file, its name and options, then the progress and the result. */

import { announce } from "../ui/announcements.js";
import { h, fill, setText, show } from "../ui/dom.js";
import { bytes, whole } from "../ui/format.js";
import { ImportOptionFields } from "./import_options.js";
import { progressBar } from "../ui/progress_bar.js";
import { scheduleDraw } from "../ui/draw_scheduler.js";

const SHOWN_SKIPPED = 3;
const FORM = "dataset-form";
const PHASES = { starting: "Starting the import of", reading: "Reading", storing: "Storing" };

/** The panel's inputs belong to `form`, which may stand elsewhere: forms cannot be nested. */
export function addPanel(adding) {
  const panel = new AddPanel(adding);
  return { element: panel.element, form: panel.form, offerOptions: (openapi) => panel.offerOptions(openapi), close: () => panel.close() };
}

class AddPanel {
  constructor(adding) {
    this.adding = adding;
    this.form = h("form", { id: FORM });
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.#start(); });
    this.file = h("input", { id: "dataset-file", form: FORM, type: "file", accept: ".zip,application/zip", class: "hidden", "aria-describedby": "dataset-hint" });
    this.file.addEventListener("change", () => this.#offer());
    this.choose = h("div", { class: "adding-choose" },
      this.file, h("label", { for: "dataset-file", class: "button quiet small" }, "Upload images"),
      h("span", { id: "dataset-hint", class: "muted small" }, "zip, one folder per class"));
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

  #buildOffer() {
    this.name = h("input", { id: "dataset-name", form: FORM, type: "text", required: true, maxlength: "64", pattern: "[a-z0-9][a-z0-9._\\-]*", title: "small letters, digits, dots, _ and -", autocomplete: "off", spellcheck: "false", autocapitalize: "none" });
    this.options = new ImportOptionFields(FORM);
    this.size = h("button", { form: FORM, class: "primary small" });
    this.offer = h("div", { class: "adding-offer", hidden: true },
      h("div", { class: "field" }, h("label", { for: "dataset-name" }, "Name of the new dataset"), this.name),
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
  #offer() {
    const [file] = this.file.files;
    if (!file) return;
    this.name.value = nameOf(file);
    setText(this.size, `Upload ${bytes(file.size)}`);
    this.options.clear();
    this.isOffered = true;
    this.isRetry = false;
    this.draw();
    this.name.focus();
    this.name.select();
  }

  /** Offers the rejected file once more, below the reason, if options may help. */
  #offerAgain = () => {
    const { step, isOwn, message } = this.adding.state;
    const field = step === "rejected" && isOwn && this.file.files.length ? this.options.helpfulFor(message) : null;
    if (!field) {
      if (isOwn) this.file.value = "";
      return;
    }
    this.isOffered = this.isRetry = this.options.element.open = true;
    this.draw();
    if (document.activeElement === document.body) field.input.focus(); // the focused button was hidden
  };

  #discard() {
    this.file.value = "";
    this.isOffered = this.isRetry = false;
    this.draw();
    this.file.focus();
  }

  #start() {
    const [file] = this.file.files;
    this.isOffered = this.isRetry = false;
    this.adding.start(file, this.name.value, this.options.values);
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
    show(this.hint, step === "importing");
    setText(this.text, progressText(adding.state));
    this.bar.update({ status: step, progress: { fraction: total ? done / total : 0 } });
    show(this.result, ["ready", "rejected", "cancelled"].includes(step) && (!this.isOffered || this.isRetry));
    const shown = `${step} ${name} ${message}`;
    if (this.shown === shown) return; // a live region is read aloud when it is replaced
    this.shown = shown;
    fill(this.result, step === "ready" ? readyText(dataset) : null,
      step === "rejected" ? h("p", { class: "field-error" }, `${name} was not added. ${message}`) : null,
      step === "cancelled" ? h("p", { class: "muted small" }, message) : null);
  };
}

function progressText({ step, name, phase, done, total, reason }) {
  if (step === "uploading") return `Uploading ${name}: ${bytes(done)} of ${bytes(total)}`;
  if (!phase) return reason === "no_worker" ? `${name} waits: no worker imports datasets` : `${name} waits for a worker`;
  return `${PHASES[phase] ?? phase} ${name}${total ? `: ${whole(done)} of ${whole(total)} files` : ""}`;
}

function readyText({ name, images, classes, skipped, skipped_count: count, warnings }) {
  const files = skipped.slice(0, SHOWN_SKIPPED).map(({ path, reason }) => h("li", {}, `${path}: ${reason}`));
  const skippedList = count ? [h("p", {}, `${whole(count)} ${count === 1 ? "file was" : "files were"} skipped:`), h("ul", {}, files, count > files.length ? h("li", {}, "…") : null)] : [];
  return [h("p", {}, `${name} is ready: ${whole(images)} images in ${classes.length} classes.`), ...warnings.map((warning) => h("p", { class: "warning" }, warning)), ...skippedList];
}

/** A name that the API accepts, from the name of the file. */
function nameOf(file) {
  const plain = file.name.replace(/\.zip$/i, "").toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");
  const name = plain.replace(/[^a-z0-9._-]+/g, "-").replace(/^[^a-z0-9]+/, "").slice(0, 64).replace(/[^a-z0-9]+$/, "");
  return name.replace(/^(job|mdl|ds|imp)_/, "$1-") || "images";
}
