/** The form that trains: four fields in front, the rest of the spec behind "More settings", errors beside their field. */

import { datasetName, loadDatasets } from "../datasets/names.js";
import { h, fill, setText, show } from "../ui/dom.js";
import { significant, trainingLength } from "../ui/format.js";
import { get, post } from "../http/requests.js";
import { SchemaField } from "./schema_field.js";

const FRONT = ["dataset", "recipe", "epochs", "name"];
const PLACEHOLDERS = {
  recipe: { placeholder: "chosen for you" },
  epochs: { placeholder: "chosen for you" },
  name: { placeholder: "the dataset's" },
};
const PREVIEW_MS = 400;

export function submitForm(context) {
  return new SubmitForm(context).element;
}

class SubmitForm {
  fields = new Map();

  constructor({ jobs, cloneId }) {
    this.jobs = jobs;
    this.front = h("div", { class: "stack" });
    this.more = h("div", { class: "field-grid" });
    this.preview = h("div", { class: "preview", hidden: true });
    this.error = h("p", { class: "field-error", role: "alert" });
    this.button = h("button", { class: "primary" }, "Train");
    this.form = h("form", { class: "stack", novalidate: true },
      this.front, h("details", {}, h("summary", {}, "More settings"), this.more), this.preview, this.error, this.button);
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.#submit(); });
    this.form.addEventListener("input", () => this.#planPreview());
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
    fill(this.front, FRONT.map((name) => this.fields.get(name).element));
    fill(this.more, [...this.fields].filter(([name]) => !FRONT.includes(name)).map(([, field]) => field.element));
    if (cloneId) this.#prefill((await get(`jobs/${encodeURIComponent(cloneId)}`)).spec);
    this.#planPreview();
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

  /** Each refused field says so itself; the rest of the problem is said above the button. */
  #showProblem(problem) {
    const refused = (problem.errors ?? []).map(({ param, message }) => [this.fields.get(param.split(".")[0]), message]);
    const named = refused.filter(([field]) => field);
    for (const [field, message] of named) field.setError(message);
    if (named.length === 0) return setText(this.error, problem.message);
    const [first] = named[0];
    if (this.more.contains(first.element)) this.form.querySelector("details").open = true;
    first.input.focus();
  }

  #planPreview() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#showPreview(), PREVIEW_MS);
  }

  /** Asks the service what these settings would run as, and what it would warn of. */
  async #showPreview() {
    if (!this.form.checkValidity()) return show(this.preview, false);
    try {
      const { spec, warnings } = await post("jobs?dry_run=true", this.#spec());
      fill(this.preview,
        h("p", {}, h("strong", {}, "Will run: "), willRun(spec)),
        warnings.map((warning) => h("p", { class: "warning" }, warning)));
      show(this.preview, true);
    } catch {
      show(this.preview, false); // an unfinished form is no error: submitting says what is wrong
    }
  }
}

function willRun(spec) {
  return `${spec.recipe}, ${trainingLength(spec)}, ${spec.image_size} px, batches of ${spec.batch_size}, ` +
    `learning rate ${significant(spec.learning_rate)}, ${spec.augmentation} augmentation`;
}

/** crypto.randomUUID exists on https and localhost alone; this works everywhere. */
function randomKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
