/** The images of a dataset in a grid with filters, where they are looked at and corrected. */

import { announce } from "../../ui/announcements.js";
import { h, fill, setText, show } from "../../ui/dom.js";
import { whole } from "../../ui/format.js";
import { get } from "../../http/requests.js";
import { correctionsBar } from "../corrections/bar.js";
import { correctionsOf } from "../corrections/corrections.js";
import { counted, datasetHref, versionBadge } from "../dataset_text.js";
import { CorrectionCommands, NoCorrections } from "./commands.js";
import { ImageFilters } from "./filters.js";
import { ImageGrid } from "./grid.js";
import { ImageDialog } from "./image_dialog.js";
import { showKeys } from "./keys_help.js";
import { SelectionBar } from "./selection_bar.js";

const PAGE_SIZE = 60;
const KEYS_OF_FINDINGS = { label_errors: "Enter accepts the suggested class, ", near_duplicates: "k keeps one of a group, " };
/** The findings whose images are in the order of their groups. */
const GROUPED = ["label_conflicts", "split_leaks", "near_duplicates"];

export function imagesView({ id, query }) {
  const view = new ImagesView(id, query);
  return { title: `Images of ${id}`, element: view.element, close: () => view.close() };
}

class ImagesView {
  constructor(ref, query) {
    Object.assign(this, { ref, wanted: query.get("image") });
    this.filters = new ImageFilters(query, () => { this.#remember(); this.readFirst(); });
    this.back = h("a", { class: "back", href: `#/datasets/${encodeURIComponent(ref)}` }, "Report");
    this.title = h("h1", {}, "Images");
    this.badge = h("span");
    this.keys = h("button", { class: "quiet small", onclick: showKeys }, "Keys (?)");
    this.hint = h("p", { id: "grid-hint", class: "muted small grid-hint" });
    this.selectAll = h("button", { class: "quiet small", onclick: () => this.grid?.selection.all(this.grid.images) }, "Select all shown");
    this.keepAll = h("button", { class: "quiet small", hidden: true, onclick: () => this.#keepOneOfEach() }, "Keep one of each group shown");
    this.body = h("div");
    this.bar = h("div", { class: "bar-place" });
    this.element = h("section", { class: "images-view" }, this.back,
      h("div", { class: "view-head" }, this.title, this.badge, h("div", { class: "actions" }, this.selectAll, this.keepAll, this.keys)), this.filters.element, this.hint, this.body, this.bar);
    this.#load();
  }

  close() {
    this.isClosed = true;
    this.grid?.close();
    this.correctionsBar?.close();
    this.viewer?.close();
  }

  async #load() {
    try {
      const dataset = await get(`datasets/${encodeURIComponent(this.ref)}`);
      const path = `datasets/${encodeURIComponent(dataset.id)}`;
      const report = await get(`${path}/report`);
      if (this.isClosed) return;
      Object.assign(this, { dataset, report, path, corrections: correctionsOf(dataset.id) });
      this.#build();
      await this.readFirst();
      this.#openWanted();
    } catch (problem) {
      if (!this.isClosed) fill(this.body, h("p", { class: "notice", role: "alert" }, problem.message));
    }
  }

  #build() {
    const { dataset, corrections } = this;
    document.title = `Images of ${dataset.name} · Ninefold`;
    this.back.href = datasetHref(dataset);
    setText(this.back, dataset.name);
    fill(this.badge, versionBadge(dataset));
    const classes = this.report.classes.map(({ name }) => name);
    this.commands = dataset.is_built_in ? new NoCorrections({ onHelp: showKeys }) : new CorrectionCommands({ corrections, classes, onHelp: showKeys });
    this.grid = new ImageGrid({ corrections, onOpen: (index) => this.#open(index), onKey: (...args) => this.#onKey(...args), onMore: () => this.#readMore() });
    this.grid.showLoading();
    this.correctionsBar = dataset.is_built_in ? null : correctionsBar(dataset, corrections);
    this.filters.build(this.report.classes, this.report.findings);
    fill(this.body, this.grid.element);
    fill(this.bar, this.correctionsBar && [new SelectionBar({ grid: this.grid, commands: this.commands }).element, this.correctionsBar.element]);
  }

  /** Keeps the filters in the address, so that a reload and a link show the same images. */
  #remember() {
    const query = String(this.filters.query);
    history.replaceState(null, "", datasetHref({ id: this.ref }, `/images${query && `?${query}`}`));
  }

  readFirst = async () => {
    const { finding } = this.filters.values;
    setText(this.hint, this.dataset.is_built_in ? NoCorrections.TEXT : `Arrow keys move, with Shift they select, x removes, a letter relabels, ${KEYS_OF_FINDINGS[finding] ?? ""}u undoes, ? shows all keys.`);
    show(this.selectAll, !this.dataset.is_built_in);
    show(this.keepAll, finding === "near_duplicates" && !this.dataset.is_built_in);
    this.grid.showLoading();
    await this.#readMore();
  };

  #keepOneOfEach() {
    const groups = new Set(this.grid.images.map(({ group }) => group).filter(Boolean));
    this.corrections.keepOneOfEach(groups);
    announce(`One image is kept of ${counted(groups.size, "group")}.`);
  }

  async #readMore() {
    const query = this.filters.query;
    const asked = String(query);
    if (this.reading === asked && this.grid.tiles.length) return;
    this.reading = asked;
    const last = this.grid.tiles.at(-1)?.image.id;
    if (last) query.set("after", last);
    query.set("limit", PAGE_SIZE);
    try {
      const page = await get(`${this.path}/images?${query}`);
      if (this.isClosed || asked !== String(this.filters.query)) return;
      this.#show(page, this.grid.tiles.length + page.data.length);
    } catch (problem) {
      this.grid.clear();
      setText(this.grid.count, problem.message);
    } finally {
      this.reading = null;
    }
  }

  #show({ data, has_more: hasMore }, shown) {
    const total = this.filters.total(this.report.classes);
    const text = shown === 0 ? "No image matches these filters." : total === null || !hasMore ? `${whole(shown)} images${hasMore ? " so far" : ""}` : `${whole(shown)} of ${whole(total)} images`;
    const isGrouped = GROUPED.includes(this.filters.values.finding);
    this.grid.add(data, { hasMore, countText: text.replace(/^1 images/, "1 image"), isGrouped });
  }

  #openWanted() {
    const index = this.grid.images.findIndex(({ id }) => id === this.wanted);
    if (index >= 0) this.#open(index);
  }

  #open(index) {
    const { dataset, grid, corrections, commands } = this;
    this.viewer = new ImageDialog({ dataset, grid, corrections, commands, onClose: () => { const last = this.viewer.index; this.viewer = null; grid.focus(last); } });
    this.viewer.open(index);
  }

  #onKey(event, image, index) {
    const isAccept = event.key === "Enter" && image.suggested_class && this.filters.values.finding === "label_errors";
    const { selected, selection } = this.grid;
    const outcome = this.commands.press(isAccept ? "y" : event.key, selected);
    if (!outcome) return;
    event.preventDefault();
    if (outcome === "next" && selection.size === 0) this.grid.focus(index + 1);
  }
}
