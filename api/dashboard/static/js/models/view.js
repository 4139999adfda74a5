/** Lists all models by name, with version, aliases and accuracy; a button puts a version into production. */

import { announce } from "../ui/announcements.js";
import { h, fill, show } from "../ui/dom.js";
import { ago, interval, percent } from "../ui/format.js";
import { request } from "../http/requests.js";
import { aliasPanel } from "./alias_panel.js";
import { importButton } from "./import_button.js";
import { modelPages } from "./pages.js";
import { shadowPanel } from "./shadow_panel.js";

export function modelsView({ jobs }) {
  const view = new ModelsView(jobs);
  return { title: "Models", element: view.element, close: () => view.close() };
}

class ModelsView {
  constructor(jobs) {
    this.jobs = jobs;
    this.pages = modelPages();
    this.notices = new Map(); // by name; a notice outlives the card, which is built again when a job has succeeded
    this.body = h("div", { class: "model-groups" }, h("p", { class: "muted" }, "Loading…"));
    this.older = h("button", { class: "quiet", hidden: true, onclick: () => this.#readMore() }, "Older models");
    const importing = importButton(() => this.reload());
    this.element = h("section", { class: "models-view" }, h("div", { class: "view-head" }, h("h1", {}, "Models"), h("div", { class: "actions" }, importing.elements)), importing.note, this.body, this.older);
    jobs.addEventListener("status", this.onStatus);
    this.#readMore();
  }

  close() {
    this.jobs.removeEventListener("status", this.onStatus);
  }

  onStatus = ({ detail: job }) => { if (job.status === "succeeded") this.reload(); };

  #noticeOf(name) {
    if (!this.notices.has(name)) this.notices.set(name, h("p", { class: "notice", role: "alert", hidden: true }));
    return this.notices.get(name);
  }

  /** Reads again as many pages as are shown. */
  reload = async () => {
    const shown = this.pages.models.length;
    const pages = (this.pages = modelPages());
    let isRead;
    do isRead = await this.#readMore();
    while (isRead && pages.hasMore && pages.models.length < shown);
  };

  /** Reads and shows the next page; returns false when that failed, or a later read has begun. */
  async #readMore() {
    const { pages } = this;
    this.older.disabled = true;
    try {
      await pages.readNext();
      if (pages !== this.pages) return false;
      const groups = Map.groupBy(pages.models, (model) => model.name);
      fill(this.body, groups.size ? [...groups].map(([name, models]) => group(name, models, this.#noticeOf(name), this.reload)) : empty());
      show(this.older, pages.hasMore);
      return true;
    } catch (problem) {
      fill(this.body, h("p", { class: "notice", role: "alert" }, problem.message));
      return false;
    } finally {
      this.older.disabled = false;
    }
  }
}

function empty() {
  return h("div", { class: "empty" }, h("h2", {}, "No model yet"),
    h("p", {}, "A job that succeeds publishes its best weights here, as the next version of its name."), h("a", { class: "button primary", href: "#/jobs" }, "Train a model"));
}

function group(name, models, notice, reload) {
  const head = ["Version", "Test accuracy", "Dataset", "Image", "Made", ""].map((text) => h("th", { scope: "col" }, text));
  const hasProduction = models.some((model) => model.aliases.includes("production"));
  return h("section", { class: "card" }, hasProduction ? h("a", { class: "button quiet small review-link", href: `#/review/${encodeURIComponent(name)}`, "aria-label": `Review uncertain answers of ${name}` }, "Review answers") : null, h("h2", {}, name), notice,
    h("div", { class: "scroll" }, h("table", { class: "models" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, models.map((model) => row(model, models, notice, reload))))),
    [...new Set(models.flatMap((model) => model.aliases))].sort().map((alias) => aliasPanel(name, alias, reload)),
    models.some((model) => model.aliases.includes("shadow")) && models.some((model) => model.aliases.includes("production")) ? shadowPanel(name, reload) : null);
}

function row(model, models, notice, reload) {
  const press = (...conditions) => (event) => promote(event.target, model, notice, reload, ...conditions);
  const isProduction = model.aliases.includes("production");
  const hasProduction = models.some((one) => one.aliases.includes("production"));
  const rival = models.find((one) => one !== model && one.aliases.includes("production")) ?? models.find((one) => one !== model);
  return h("tr", {},
    h("th", { scope: "row" }, h("a", { href: `#/models/${model.id}`, "aria-label": `${model.name} version ${model.version}` }, `Version ${model.version}`), model.aliases.map((alias) => h("span", { class: "badge", "data-alias": alias }, alias))),
    h("td", {}, h("strong", {}, percent(model.metrics.test_accuracy)), h("span", { class: "muted" }, ` ${interval(model.metrics.ci95)}`)),
    h("td", {}, h("span", { class: "two-lines", title: model.dataset.name }, model.dataset.name)), h("td", {}, `${model.preprocessing.image_size} px`),
    h("td", {}, model.job_id ? h("a", { href: `#/jobs/${model.job_id}` }, ago(model.created_at)) : `imported ${ago(model.created_at)}`),
    h("td", { class: "row-actions" },
      isProduction ? null : h("button", { class: "quiet small", onclick: press() }, "Make production"),
      isProduction || !hasProduction ? null : h("button", { class: "quiet small", onclick: press({ if_better: true }) }, "If better"),
      isProduction || !hasProduction || model.aliases.includes("shadow") ? null
        : h("button", { class: "quiet small", title: "Classifies a sample of production's traffic too; its answers are only compared", onclick: press({}, "shadow") }, "Make shadow"),
      rival ? h("a", { class: "button quiet small", href: `#/compare?models=${model.id},${rival.id}` }, "Compare") : null,
      h("a", { class: "button quiet small", href: `#/classify?model=${model.id}` }, "Classify")));
}

/** A refusal is shown in `notice`, in the card of the name. */
async function promote(button, model, notice, reload, conditions = {}, alias = "production") {
  button.disabled = true;
  show(notice, false);
  try {
    await request("PUT", `models/${model.name}/aliases/${alias}`, { json: { version: model.version, ...conditions } });
    announce(`${model.name}: version ${model.version} is now ${alias === "production" ? "in production" : alias}.`);
    reload();
  } catch (problem) {
    fill(notice, problem.message);
    show(notice, true);
  }
  button.disabled = false;
}
