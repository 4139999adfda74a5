/** The form for a new job: four fields, all other fields of the spec under "More settings", errors beside their fields. */

import { addPanel } from "../datasets/add_panel.js";
import { datasetName, loadDatasets, usable } from "../datasets/names.js";
import { h, fill, setText, show } from "../ui/dom.js";
import { significant, trainingLength } from "../ui/format.js";
import { get, post } from "../http/requests.js";
import { randomKey } from "../http/upload.js";
import { SchemaField } from "../ui/schema_field.js";

const MAIN_FIELDS = ["dataset", "recipe", "epochs", "name"];
/** No model has this name. */
const RANDOM_WEIGHTS = "random weights";
const TEXTS = {
  recipe: { placeholder: "chosen for you" },
  epochs: { placeholder: "chosen for you" },
  name: { placeholder: "the dataset's name" },
  init_from: {
    label: "start from",
    placeholder: "chosen for you",
    hint: "A model such as flowers:2, the starter, or random weights.",
    offered: ["starter", RANDOM_WEIGHTS],
  },
};
const PREVIEW_MS = 400;

export function submitForm(context) {
  return new SubmitForm(context);
}

class SubmitForm {
  fields = new Map();
  /** The names of datasets that are being imported, and the id of the latest version of each other name. */
  processing = new Set();
  latest = new Map();

  constructor({ jobs, adding, cloneId, dataset }) {
    Object.assign(this, { jobs, adding });
    this.panel = addPanel(adding);
    this.mainFields = h("div", { class: "stack" });
    this.moreFields = h("div", { class: "field-grid" });
    this.more = h("details", {}, h("summary", {}, "More settings"), this.moreFields);
    this.preview = h("div", { class: "preview", hidden: true });
    this.error = h("p", { class: "field-error", role: "alert" });
    this.button = h("button", { class: "primary" }, "Train");
    this.form = h("form", { class: "stack", novalidate: true },
      this.mainFields, this.more, this.preview, this.error, this.button);
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.#submit(); });
    this.form.addEventListener("input", () => this.#schedulePreview());
    this.element = h("aside", { class: "card submit", "aria-labelledby": "submit-title" }, h("h2", { id: "submit-title" }, "New job"), this.form, this.panel.form);
    this.#build(cloneId, dataset).catch((problem) => setText(this.error, problem.message));
    jobs.addEventListener("dataset", this.readDatasets);
    adding.addEventListener("changed", this.selectAdded);
    adding.addEventListener("ended", this.onAdded);
  }

  close() {
    clearTimeout(this.timer);
    this.panel.close();
    this.jobs.removeEventListener("dataset", this.readDatasets);
    this.adding.removeEventListener("changed", this.selectAdded);
    this.adding.removeEventListener("ended", this.onAdded);
  }

  async #build(cloneId, dataset) {
    const [openapi, datasets] = await Promise.all([get("openapi.json"), loadDatasets()]);
    this.panel.offerOptions(openapi);
    const all = openapi.components.schemas;
    for (const [name, schema] of Object.entries(all.JobSpec.properties)) {
      const isDataset = name === "dataset";
      const shape = isDataset ? { enum: usable(datasets).map((dataset) => dataset.name), default: "digits" } : schema;
      this.fields.set(name, new SchemaField(name, shape, all, TEXTS[name] ?? {}));
    }
    this.fields.get("dataset").element.append(this.panel.element);
    this.#offerDatasets(datasets);
    fill(this.mainFields, MAIN_FIELDS.map((name) => this.fields.get(name).element));
    fill(this.moreFields, [...this.fields].filter(([name]) => !MAIN_FIELDS.includes(name)).map(([, field]) => field.element));
    if (cloneId) this.#prefill(await get(`jobs/${encodeURIComponent(cloneId)}`));
    if (dataset) this.#offerOne(await get(`datasets/${encodeURIComponent(dataset)}`));
    this.#schedulePreview();
  }

  /** Reads the datasets again, and offers those that a job can use. */
  readDatasets = async () => {
    if (this.fields.size === 0) return; // the form is not built yet
    this.#offerDatasets(await loadDatasets().catch(() => []));
    this.#schedulePreview();
  };

  #offerDatasets(datasets) {
    if (datasets.length === 0) return;
    const { input } = this.fields.get("dataset");
    const chosen = input.value;
    this.latest = new Map(datasets.toReversed().filter(({ status }) => status === "ready").map(({ name, id }) => [name, id]));
    this.processing = new Set(usable(datasets).map(({ name }) => name).filter((name) => !this.latest.has(name)));
    const options = new Map(usable(datasets).map(({ name }) => [name, this.processing.has(name) ? `${name} (being imported)` : name]));
    fill(input, [...options].map(([value, label]) => h("option", { value }, label)));
    input.value = [chosen, this.selectedBefore, "digits"].find((name) => options.has(name));
  }

  /** Selects a dataset, which may be an older version than the one that its name finds. */
  #offerOne({ id, name, version }) {
    const { input } = this.fields.get("dataset");
    const isLatest = this.latest.get(name) === id;
    if (!isLatest) input.append(h("option", { value: id }, `${name}, version ${version}`));
    input.value = isLatest ? name : id;
    this.element.scrollIntoView({ block: "nearest" });
    this.button.focus({ preventScroll: true });
  }

  /** Selects the dataset of the page's own upload once its import has begun; the user may select another one meanwhile. */
  selectAdded = async () => {
    const { step, name, isOwn } = this.adding.state;
    if (!isOwn || step !== "importing" || this.added === name) return;
    this.added = name;
    this.selectedBefore = this.fields.get("dataset")?.input.value;
    await this.readDatasets();
    this.#select(name);
  };

  /** Selects the ready dataset unless the user selected another one. The same images may be known by an older name. */
  onAdded = async ({ detail: dataset }) => {
    const { isOwn } = this.adding.state;
    const isFree = !this.added || this.fields.get("dataset")?.input.value === this.added;
    this.added = null;
    await this.readDatasets();
    if (isOwn && isFree) this.#select(dataset?.name ?? this.selectedBefore);
  };

  #select(name) {
    const { input } = this.fields.get("dataset") ?? {};
    if (input && [...input.options].some(({ value }) => value === name)) input.value = name;
    this.#schedulePreview();
  }

  #prefill({ spec, priority }) {
    for (const [name, field] of this.fields) field.value = name === "dataset" ? datasetName(spec.dataset) : (spec[name] ?? { priority }[name]);
    if (spec.init_from === null) this.fields.get("init_from").value = RANDOM_WEIGHTS; // it is absent while the job leaves it open
    this.more.open = true;
  }

  #spec() {
    const given = [...this.fields].map(([name, field]) => [name, field.value]).filter(([, value]) => value !== undefined);
    return Object.fromEntries(given.map(([name, value]) => [name, name === "init_from" && value === RANDOM_WEIGHTS ? null : value]));
  }

  async #submit() {
    this.button.disabled = true;
    this.#clearErrors();
    try {
      const spec = this.#spec();
      const job = await post("jobs", spec, { "Idempotency-Key": this.#keyOf(spec) });
      this.submission = null;
      this.jobs.put(job.spec ? job : await get(`jobs/${job.id}`));
      this.fields.get("name").value = "";
    } catch (problem) {
      this.#showProblem(problem);
    } finally {
      this.button.disabled = false;
    }
  }

  /** The key of what the form says now: pressing Train again after a lost answer must not make a second job. */
  #keyOf(spec) {
    const text = JSON.stringify(spec);
    if (this.submission?.text !== text) this.submission = { text, key: randomKey() };
    return this.submission.key;
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
    if (this.moreFields.contains(first.element)) this.more.open = true;
    first.input.focus();
  }

  #schedulePreview() {
    clearTimeout(this.timer);
    this.preview.classList.add("is-outdated");
    this.previewed = null; // an answer that is under way is about an earlier state of the form
    this.timer = setTimeout(() => this.#showPreview(), PREVIEW_MS);
  }

  /** Shows the resolved settings and the warnings of a dry run. */
  async #showPreview() {
    if (!this.form.checkValidity()) return show(this.preview, false);
    if (this.processing.has(this.fields.get("dataset").value)) return this.#showOpenPreview();
    const asked = (this.previewed = {});
    try {
      const { spec, warnings } = await post("jobs?dry_run=true", this.#spec());
      if (this.previewed !== asked) return;
      this.preview.classList.remove("is-outdated");
      fill(this.preview,
        h("p", {}, h("strong", {}, "Will run: "), willRun(spec)),
        warnings.map((warning) => h("p", { class: "warning" }, warning)));
      show(this.preview, true);
    } catch {
      if (this.previewed === asked) show(this.preview, false); // an incomplete form is not an error yet: submitting shows what is wrong
    }
  }

  #showOpenPreview() {
    this.preview.classList.remove("is-outdated");
    fill(this.preview, h("p", {}, "Settings that you leave open are chosen when the dataset is ready. A job that you submit now waits for it."));
    show(this.preview, true);
  }
}

function willRun(spec) {
  return `${spec.recipe}, ${trainingLength(spec)}, ${spec.image_size} px, batches of ${spec.batch_size}, ` +
    `learning rate ${significant(spec.learning_rate)}, ${spec.augmentation} augmentation`;
}
