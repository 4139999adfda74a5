/** The form for a new job: four fields, all other fields of the spec under "More settings", errors beside their fields. */

import { datasetName, loadDatasets } from "../datasets/names.js";
import { h, fill, setText, show } from "../ui/dom.js";
import { significant, trainingLength } from "../ui/format.js";
import { get, post } from "../http/requests.js";
import { SchemaField } from "./schema_field.js";

const MAIN_FIELDS = ["dataset", "recipe", "epochs", "name"];
const PLACEHOLDERS = {
  recipe: { placeholder: "chosen for you" },
  epochs: { placeholder: "chosen for you" },
  name: { placeholder: "the dataset's name" },
};
const PREVIEW_MS = 400;

export function submitForm(context) {
  return new SubmitForm(context).element;
}

class SubmitForm {
  fields = new Map();

  constructor({ jobs, cloneId }) {
    this.jobs = jobs;
    this.mainFields = h("div", { class: "stack" });
    this.moreFields = h("div", { class: "field-grid" });
    this.preview = h("div", { class: "preview", hidden: true });
    this.error = h("p", { class: "field-error", role: "alert" });
    this.button = h("button", { class: "primary" }, "Train");
    this.form = h("form", { class: "stack", novalidate: true },
      this.mainFields, h("details", {}, h("summary", {}, "More settings"), this.moreFields), this.preview, this.error, this.button);
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.#submit(); });
    this.form.addEventListener("input", () => this.#schedulePreview());
    this.element = h("aside", { class: "card submit", "aria-labelledby": "submit-title" }, h("h2", { id: "submit-title" }, "New job"), this.form);
    this.#build(cloneId).catch((problem) => setText(this.error, problem.message));
  }

  async #build(cloneId) {
    const [openapi, datasets] = await Promise.all([get("openapi.json"), loadDatasets()]);
    const all = openapi.components.schemas;
    for (const [name, schema] of Object.entries(all.JobSpec.properties)) {
      const isDataset = name === "dataset";
      const shape = isDataset ? { enum: datasets.map((dataset) => dataset.name), default: "digits" } : schema;
      this.fields.set(name, new SchemaField(name, shape, all, PLACEHOLDERS[name] ?? {}));
    }
    fill(this.mainFields, MAIN_FIELDS.map((name) => this.fields.get(name).element));
    fill(this.moreFields, [...this.fields].filter(([name]) => !MAIN_FIELDS.includes(name)).map(([, field]) => field.element));
    if (cloneId) this.#prefill((await get(`jobs/${encodeURIComponent(cloneId)}`)).spec);
    this.#schedulePreview();
  }

  #prefill(spec) {
    for (const [name, field] of this.fields) field.value = name === "dataset" ? datasetName(spec.dataset) : spec[name];
    this.form.querySelector("details").open = true;
  }

  #spec() {
    return Object.fromEntries([...this.fields].map(([name, field]) => [name, field.value]).filter(([, value]) => value !== undefined));
  }

  async #submit() {
    this.button.disabled = true;
    this.#clearErrors();
    try {
      const job = await post("jobs", this.#spec(), { "Idempotency-Key": randomKey() });
      this.jobs.put(job.spec ? job : await get(`jobs/${job.id}`));
      this.fields.get("name").value = "";
    } catch (problem) {
      this.#showProblem(problem);
    } finally {
      this.button.disabled = false;
    }
  }

  #clearErrors() {
    setText(this.error, "");
    for (const field of this.fields.values()) field.setError("");
  }

  /** Shows each field error beside its field; a problem without field errors above the button. */
  #showProblem(problem) {
    const fieldErrors = (problem.errors ?? []).map(({ param, message }) => [this.fields.get(param.split(".")[0]), message]);
    const shown = fieldErrors.filter(([field]) => field);
    for (const [field, message] of shown) field.setError(message);
    if (shown.length === 0) return setText(this.error, problem.message);
    const [first] = shown[0];
    if (this.moreFields.contains(first.element)) this.form.querySelector("details").open = true;
    first.input.focus();
  }

  #schedulePreview() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#showPreview(), PREVIEW_MS);
  }

  /** Shows the resolved settings and the warnings of a dry run. */
  async #showPreview() {
    if (!this.form.checkValidity()) return show(this.preview, false);
    try {
      const { spec, warnings } = await post("jobs?dry_run=true", this.#spec());
      fill(this.preview,
        h("p", {}, h("strong", {}, "Will run: "), willRun(spec)),
        warnings.map((warning) => h("p", { class: "warning" }, warning)));
      show(this.preview, true);
    } catch {
      show(this.preview, false); // an incomplete form is not an error yet: submitting shows what is wrong
    }
  }
}

function willRun(spec) {
  return `${spec.recipe}, ${trainingLength(spec)}, ${spec.image_size} px, batches of ${spec.batch_size}, ` +
    `learning rate ${significant(spec.learning_rate)}, ${spec.augmentation} augmentation`;
}

/** Browsers offer crypto.randomUUID only on https and localhost; getRandomValues works everywhere. */
function randomKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
