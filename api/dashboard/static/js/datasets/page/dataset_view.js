/** The page of one dataset: while it is imported its progress, then what to do about it, its tables and its versions. */

import { announce } from "../../ui/announcements.js";
import { h, fill, setText, show } from "../../ui/dom.js";
import { confirmed } from "../../ui/confirm_dialog.js";
import { scheduleDraw } from "../../ui/draw_scheduler.js";
import { progressBar } from "../../ui/progress_bar.js";
import { get, post, request } from "../../http/requests.js";
import { correctionsBar } from "../corrections/bar.js";
import { correctionsOf } from "../corrections/corrections.js";
import { contentsText, datasetHref, datasetPill, originText, versionBadge } from "../dataset_text.js";
import { afterImportEvent, importBar, importState, importText } from "../import_progress.js";
import { AdditionPart } from "./addition.js";
import { findingsPart, withCode } from "./findings.js";
import { tablesPart } from "./tables.js";
import { versionsPart } from "./versions.js";

export function datasetView({ jobs, adding, id }) {
  const view = new DatasetView(jobs, adding, id);
  return { title: id, element: view.element, close: () => view.close() };
}

class DatasetView {
  dataset = null;

  constructor(jobs, adding, ref) {
    Object.assign(this, { jobs, adding, ref });
    this.name = h("h1", {}, ref.startsWith("imp_") || ref.startsWith("ds_") ? "Dataset" : ref);
    this.badge = h("span");
    this.actions = h("div", { class: "actions" });
    this.about = h("p", { class: "muted dataset-about" }, "Loading…");
    this.bar = progressBar("Progress of the import");
    this.progressText = h("p", { class: "muted", role: "status" });
    this.progress = h("div", { class: "card import-progress", hidden: true }, this.progressText, this.bar.element);
    this.body = h("div", { class: "dataset-body" }, h("div", { class: "card is-loading", "aria-hidden": "true" }));
    this.element = h("section", { class: "dataset-view" }, h("a", { class: "back", href: "#/datasets" }, "All datasets"),
      h("div", { class: "view-head" }, this.name, this.badge, this.actions), this.about, this.progress, this.body);
    jobs.addEventListener("event", this.onEvent);
    jobs.addEventListener("live", this.onLive);
    jobs.addEventListener("status", this.onJob);
    this.scheduleDraw = () => scheduleDraw(this.drawProgress);
    this.load();
  }

  close() {
    this.isClosed = true;
    this.corrections?.close();
    this.addition?.close();
    this.jobs.removeEventListener("event", this.onEvent);
    this.jobs.removeEventListener("live", this.onLive);
    this.jobs.removeEventListener("status", this.onJob);
  }

  onLive = () => { if (this.jobs.isLive && this.dataset?.status !== "ready") this.load(); };

  /** A training may find likely label errors. */
  onJob = ({ detail: job }) => { if (job.status === "succeeded" && job.spec.dataset === this.dataset?.id) this.load(); };

  onEvent = ({ detail: { kind, data } }) => {
    if (!this.dataset && kind === "end" && data.dataset_id) return void this.load(); // the answer on its way may be older
    if (this.dataset?.status !== "processing" || data.dataset_id !== this.dataset.id) return;
    this.dataset = afterImportEvent(this.dataset, kind, data);
    if (kind === "end") this.load();
    else this.scheduleDraw();
  };

  load = async () => {
    const number = (this.loads = (this.loads ?? 0) + 1);
    try {
      const dataset = await get(`datasets/${encodeURIComponent(this.ref)}`);
      if (this.isClosed || number < this.loads) return;
      this.dataset = dataset;
      if (dataset.status === "ready" && this.ref.startsWith("imp_")) this.#land();
      this.#drawHead();
      await this.#drawBody();
    } catch (problem) {
      if (this.isClosed) return;
      fill(this.about);
      fill(this.body, h("p", { class: "notice", role: "alert" }, problem.message, " ", h("button", { class: "quiet small", onclick: this.load }, "Try again")));
    }
  };

  /** The page of an import becomes that of the dataset it made; the corrections are in it. */
  #land() {
    const { id, name, version, parent } = this.dataset;
    const corrections = parent && correctionsOf(parent);
    if (corrections?.importId === this.ref) corrections.clear();
    history.replaceState(null, "", datasetHref(this.dataset));
    this.ref = id;
    announce(version > 1 ? `${name} has version ${version}.` : `${name} is ready.`);
  }

  #drawHead() {
    const { dataset } = this;
    setText(this.name, dataset.name);
    document.title = `${dataset.name} · Ninefold`;
    fill(this.badge, dataset.status === "ready" ? versionBadge(dataset) : datasetPill(dataset));
    setText(this.about, [dataset.status === "ready" && contentsText(dataset), originText(dataset), otherNames(dataset), dataset.note].filter(Boolean).join(" · "));
    fill(this.actions, this.#buttons());
    show(this.progress, dataset.status === "processing");
    this.drawProgress();
  }

  drawProgress = () => {
    if (this.dataset.status !== "processing") return;
    setText(this.progressText, importText(this.dataset.name, importState(this.dataset)));
    this.bar.update(importBar(this.dataset));
  };

  #buttons() {
    const { dataset } = this;
    const { id, status, is_built_in: isBuiltIn } = dataset;
    const remove = isBuiltIn ? null : h("button", { class: "quiet danger", onclick: () => this.#remove() }, status === "processing" ? "Cancel" : status === "ready" ? "Delete" : "Remove");
    if (status !== "ready") return [remove];
    if (isBuiltIn) this.copy ??= h("button", { class: "quiet", onclick: () => this.#copy() }, "Make it my own");
    const images = isBuiltIn && !this.hasReport ? null : h("a", { class: "button", href: datasetHref(dataset, "/images") }, "See the images");
    const download = isBuiltIn && !this.hasReport ? null : h("a", { class: "button quiet", href: `datasets/${encodeURIComponent(id)}/archive`, download: true }, "Download");
    const add = isBuiltIn ? null : h("button", { class: "quiet", onclick: () => this.addition.open() }, "Add images");
    return [h("a", { class: "button primary", href: `#/jobs?dataset=${encodeURIComponent(isBuiltIn ? dataset.name : id)}` }, "Train on it"), images, h("a", { class: "button quiet", href: `#/predictions?dataset=${encodeURIComponent(id)}` }, "Classify it"), add, download, isBuiltIn ? this.copy : remove];
  }

  /** A dataset of one's own with the images of a built-in one, which can be corrected. */
  async #copy() {
    this.copy.disabled = true;
    try {
      const made = await post("datasets", { name: `my-${this.dataset.name}`, source: `built-in://${this.dataset.name}` });
      location.hash = datasetHref(made);
    } catch (problem) {
      announce(problem.message);
      this.copy.disabled = false;
    }
  }

  async #remove() {
    const { id, name, status } = this.dataset;
    const text = "Its images and its report are deleted; models that were trained on it stay. A dataset that a job or a version in the making needs is kept.";
    if (status === "ready" && !(await confirmed(`Delete ${name}?`, text, "Delete"))) return;
    try {
      await request("DELETE", `datasets/${encodeURIComponent(id)}`);
      if (status === "processing") return this.load();
      location.hash = "#/datasets";
    } catch (problem) {
      announce(problem.message);
    }
  }

  async #drawBody() {
    const { dataset } = this;
    if (dataset.status === "processing") return void fill(this.body);
    if (dataset.status !== "ready") return void fill(this.body, this.#withoutDataset());
    this.#followCorrections();
    this.addition?.close();
    this.addition = dataset.is_built_in ? null : new AdditionPart(this.adding, dataset, correctionsOf(dataset.id));
    const [report, versions] = await Promise.all([this.#readReport(), this.#readVersions()]);
    if (this.isClosed || dataset !== this.dataset) return;
    if (dataset.is_built_in) {
      this.hasReport = Boolean(report.findings);
      this.#drawHead();
    }
    fill(this.body, report.findings ? findingsPart(dataset, report) : h("p", { class: "card muted" }, withCode(report.message)),
      this.addition?.element, tablesPart(dataset, report.findings ? report : null), versions.length ? versionsPart(dataset, versions) : null, this.corrections?.element);
  }

  #withoutDataset() {
    const { status, error, parent } = this.dataset;
    const message = status === "rejected" ? (error?.message ?? "The import failed.") : "The import was cancelled.";
    return [h("p", { class: "notice", role: "alert" }, message),
      parent ? h("p", {}, "Your corrections are kept: ", h("a", { href: datasetHref({ id: parent }, "/images") }, "look at them again"), ".") : h("p", {}, h("a", { href: "#/datasets" }, "Add the images again"), ".")];
  }

  /** Shows the corrections that are no version yet. */
  #followCorrections() {
    this.corrections?.close();
    this.corrections = this.dataset.is_built_in ? null : correctionsBar(this.dataset, correctionsOf(this.dataset.id));
  }

  /** The report, or the message why there is none. */
  #readReport() {
    return get(`datasets/${encodeURIComponent(this.dataset.id)}/report`).catch((problem) => ({ message: problem.message }));
  }

  async #readVersions() {
    if (this.dataset.is_built_in) return [];
    return get(`datasets/${encodeURIComponent(this.dataset.id)}/versions?limit=100`).then(({ data }) => data, () => []);
  }
}

function otherNames({ name, names }) {
  const others = names.filter((other) => other !== name);
  return others.length ? `also named ${others.join(", ")}` : "";
}
