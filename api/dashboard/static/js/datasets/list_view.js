/** The list of all datasets, with the place to add one. Imports show their progress live. */

import { h, fill, show } from "../ui/dom.js";
import { get } from "../http/requests.js";
import { commandBlock } from "../ui/curl_command.js";
import { scheduleDraw } from "../ui/draw_scheduler.js";
import { addPanel } from "./add_panel.js";
import { datasetHref } from "./dataset_text.js";
import { afterImportEvent } from "./import_progress.js";
import { DatasetRow } from "./list_row.js";

const PAGE_SIZE = 100;

export function datasetsView(context) {
  const view = new DatasetsView(context);
  return { title: "Datasets", element: view.element, close: () => view.close() };
}

class DatasetsView {
  datasets = [];
  rows = new Map();
  pages = 1;

  constructor({ jobs, adding }) {
    Object.assign(this, { jobs, adding });
    this.panel = addPanel(adding, { isLarge: true });
    this.own = h("ul", { class: "job-list", "aria-label": "Your datasets" });
    this.builtIn = h("ul", { class: "job-list", "aria-label": "Built-in datasets" });
    this.loading = h("ul", { class: "job-list is-loading", "aria-hidden": "true" }, Array.from({ length: 3 }, () => h("li", { class: "dataset-row" })));
    this.empty = h("div", { class: "first-data", hidden: true });
    this.error = h("p", { class: "notice", role: "alert", hidden: true });
    this.older = h("button", { class: "quiet", hidden: true, onclick: () => { this.pages += 1; this.read(); } }, "More datasets");
    this.builtInPart = h("section", { class: "built-in", hidden: true }, h("h2", {}, "Come with Ninefold"), this.builtIn);
    this.element = h("div", { class: "datasets-view" },
      h("div", { class: "view-head" }, h("h1", {}, "Datasets")), this.panel.element, this.error,
      this.loading, this.empty, this.own, this.older, this.builtInPart, this.panel.form);
    this.scheduleDraw = () => scheduleDraw(this.draw);
    for (const [target, name, listener] of this.#listeners) target.addEventListener(name, listener);
    get("openapi.json").then((openapi) => this.panel.offerOptions(openapi), () => {}); // the upload works without options
    this.read();
  }

  close() {
    this.panel.close();
    for (const [target, name, listener] of this.#listeners) target.removeEventListener(name, listener);
  }

  get #listeners() {
    return [[this.jobs, "event", this.onEvent], [this.jobs, "dataset", this.read], [this.jobs, "live", this.onLive], [this.adding, "ended", this.onAdded]];
  }

  onLive = () => { if (this.jobs.isLive) this.read(); };

  onAdded = ({ detail: dataset }) => {
    // Images that were added before under another name are the same dataset: its page shall have the name of now.
    if (dataset && this.adding.state.isOwn) location.hash = datasetHref({ id: dataset.name });
    else this.read();
  };

  onEvent = ({ detail: { kind, data } }) => {
    const index = this.datasets.findIndex(({ id }) => id === data.dataset_id);
    if (index < 0) return;
    this.datasets[index] = afterImportEvent(this.datasets[index], kind, data);
    this.scheduleDraw();
  };

  /** Reads as many pages as are shown; one read answers all requests that came while it waited. */
  read = async () => {
    if (this.isReading) return void (this.isStale = true);
    this.isReading = true;
    this.isStale = false;
    try {
      await this.#readPages();
      show(this.error, false);
    } catch (problem) {
      fill(this.error, problem.message, " ", h("button", { class: "quiet small", onclick: this.read }, "Try again"));
      show(this.error, true);
    }
    show(this.loading, false);
    this.isReading = false;
    if (this.isStale) this.read();
  };

  async #readPages() {
    const datasets = [];
    let hasMore = true;
    for (let page = 0; page < this.pages && hasMore; page += 1) {
      const last = datasets.at(-1);
      const { data, has_more: more } = await get(`datasets?limit=${PAGE_SIZE}${last ? `&after=${encodeURIComponent(last.id)}` : ""}`);
      datasets.push(...data);
      hasMore = more;
    }
    this.datasets = datasets;
    this.isLoaded = true;
    show(this.older, hasMore);
    this.draw();
  }

  draw = () => {
    if (!this.isLoaded) return;
    const shown = latest(this.datasets);
    const [own, builtIn] = [shown.filter((dataset) => !dataset.is_built_in), shown.filter((dataset) => dataset.is_built_in)];
    arrange(this.own, own.map((dataset) => this.#row(dataset)));
    arrange(this.builtIn, builtIn.map((dataset) => this.#row(dataset)));
    show(this.builtInPart, builtIn.length > 0);
    show(this.empty, own.length === 0);
    if (own.length === 0 && !this.empty.children.length) fill(this.empty, ...firstSteps());
  };

  #row(dataset) {
    const row = this.rows.get(dataset.id) ?? new DatasetRow(dataset, this.read);
    row.update(dataset);
    this.rows.set(dataset.id, row);
    return row.element;
  }
}

/** The latest version of each name, and all that is not ready. The list has the newest first. */
function latest(datasets) {
  const names = new Set();
  return datasets.filter(({ status, name }) => status !== "ready" || (!names.has(name) && names.add(name)));
}

/** Replaces the list only if the order changed: moving an element takes its focus away. */
function arrange(list, elements) {
  const isSame = elements.length === list.children.length && elements.every((element, index) => element === list.children[index]);
  if (!isSame) fill(list, elements);
}

function firstSteps() {
  return [h("p", {}, "No images of your own yet. Put a folder for each class into one folder, and drop it above; or in a shell:"),
    commandBlock("Command", "ninefold datasets add photos/ --name photos", { isOpen: true })];
}
