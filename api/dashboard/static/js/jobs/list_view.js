/** The list of jobs, with the form for a new job. */

import { announce } from "../ui/announcements.js";
import { h, fill, setText, show } from "../ui/dom.js";
import { JobRow } from "./list_row.js";
import { hasEnded } from "./store.js";
import { scheduleDraw } from "../ui/draw_scheduler.js";
import { submitForm } from "./submit_form.js";

/** The statuses that each filter shows; an empty list shows all. */
const FILTERS = {
  all: ["All", []],
  active: ["Active", ["queued", "running", "pausing", "paused", "stopping", "cancelling"]],
  succeeded: ["Succeeded", ["succeeded"]],
  failed: ["Failed", ["failed", "cancelled"]],
};

export function jobsView({ jobs, adding, query }) {
  const view = new JobsView(jobs, adding, { cloneId: query.get("clone"), dataset: query.get("dataset") });
  return { title: "Jobs", element: view.element, close: () => view.close() };
}

class JobsView {
  rows = new Map();
  filter = "all";

  /** `prefilled`: the id of a job to clone, or a dataset, for the form. */
  constructor(jobs, adding, prefilled) {
    this.jobs = jobs;
    this.list = h("ul", { class: "job-list", "aria-label": "Jobs" });
    this.count = h("span", { class: "muted" });
    this.empty = h("div", { class: "empty", hidden: true });
    this.older = h("button", { class: "quiet", hidden: true, onclick: () => this.#loadOlder() }, "Older jobs");
    this.form = submitForm({ jobs, adding, ...prefilled });
    const form = this.form.element;
    const toForm = h("button", { class: "primary to-form", onclick: () => form.querySelector("select, input").focus() }, "New job");
    this.element = h("div", { class: "jobs-view" },
      h("section", { class: "jobs-main", "aria-labelledby": "jobs-title" },
        h("div", { class: "view-head" }, h("h1", { id: "jobs-title" }, "Jobs"), this.count, toForm, this.#filters()),
        this.list, this.empty, this.older),
      form);
    this.scheduleDraw = () => scheduleDraw(this.draw);
    jobs.addEventListener("changed", this.scheduleDraw);
    this.draw();
  }

  close() {
    this.jobs.removeEventListener("changed", this.scheduleDraw);
    this.form.close();
  }

  draw = () => {
    const all = this.jobs.newestFirst();
    const statuses = this.#statuses;
    const shown = statuses.length ? all.filter((job) => statuses.includes(job.status)) : all;
    this.#arrange(shown.map((job) => this.#row(job)));
    const active = all.filter((job) => !hasEnded(job)).length;
    const mayBeMore = this.jobs.hasMore && !hasEnded(all.at(-1));
    setText(this.count, active ? `${active}${mayBeMore ? "+" : ""} active` : "");
    this.#drawEmpty(all.length, shown.length);
    show(this.older, statuses.length ? this.jobs.mayHaveMore(statuses) : this.jobs.hasMore);
  };

  get #statuses() {
    return FILTERS[this.filter][1];
  }

  async #loadOlder() {
    this.older.disabled = true;
    await (this.#statuses.length ? this.jobs.loadStatuses(this.#statuses) : this.jobs.loadOlder()).catch((problem) => announce(problem.message));
    this.older.disabled = false;
  }

  /** Shows the jobs of a filter; asks the service for them, as the newest page may hold none. */
  #choose(filter) {
    this.filter = filter;
    if (this.jobs.mayHaveMore(this.#statuses)) this.#loadOlder();
    this.draw();
  }

  #row(job) {
    const known = this.rows.get(job.id);
    if (known) {
      known.update(job);
      return known.element;
    }
    const row = new JobRow(job, this.jobs);
    this.rows.set(job.id, row);
    return row.element;
  }

  /** Replaces the list only if the order changed: moving an element takes its focus away. */
  #arrange(elements) {
    const isSame = elements.length === this.list.children.length && elements.every((e, i) => e === this.list.children[i]);
    if (!isSame) fill(this.list, elements);
  }

  #drawEmpty(total, shown) {
    show(this.empty, shown === 0);
    if (this.empty.hidden) return;
    if (!this.jobs.isLoaded) return void fill(this.empty, h("p", {}, "Loading…"));
    if (total > 0) return void fill(this.empty, h("p", {}, "No job matches this filter."));
    fill(this.empty,
      h("h2", {}, "Train your first model"),
      h("p", {}, "The digits dataset comes with Ninefold and trains in a minute, with no download. Choose it in the form, press ",
        h("strong", {}, "Train"), ", and watch its progress here. Or upload your own images in the form."));
  }

  #filters() {
    const group = h("fieldset", { class: "segments" }, h("legend", { class: "hidden" }, "Filter by status"));
    for (const [key, [label]] of Object.entries(FILTERS)) {
      const radio = h("input", { type: "radio", name: "filter", value: key, onchange: () => this.#choose(key) });
      radio.checked = key === this.filter;
      group.append(h("label", {}, radio, h("span", {}, label)));
    }
    return group;
  }
}
