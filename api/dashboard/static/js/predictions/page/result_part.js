/** What a batch answered: its numbers, the bars of classes and confidence, the filters, the downloads and the images. */

import { h, fill, setText, show } from "../../ui/dom.js";
import { counted } from "../../datasets/dataset_text.js";
import { percent, whole } from "../../ui/format.js";
import { get } from "../../http/requests.js";
import { predictionHref } from "../words.js";
import { RowFilters } from "./filters.js";
import { RowGrid } from "./rows.js";
import { Summary } from "./summary.js";

export class ResultPart {
  constructor(prediction, { path, query }) {
    Object.assign(this, { prediction, path });
    this.filters = new RowFilters(query, () => { this.#remember(); this.read(); });
    this.summary = new Summary((change) => this.filters.set(change));
    this.grid = new RowGrid(prediction, path);
    this.title = h("h2", { class: "part-title", role: "status" }, "Images");
    this.downloads = h("div", { class: "actions" });
    this.error = h("p", { class: "notice", role: "alert", hidden: true });
    const { images } = prediction.result;
    this.element = h("div", { class: "dataset-body" }, figures(prediction.result),
      images ? [this.summary.element, h("section", {}, h("div", { class: "view-head" }, this.title, this.downloads), this.filters.element, this.error, this.grid.element)] : h("div", { class: "empty" }, h("h2", {}, "No images"), h("p", {}, "The split or the zip has no files.")));
    if (images) this.read();
  }

  close() {
    this.isClosed = true;
  }

  read = async () => {
    const asked = (this.asked = {});
    const { query } = this.filters;
    this.#drawDownloads(query);
    try {
      const counts = await get(`${this.path}/summary?${query}`);
      if (asked !== this.asked || this.isClosed) return;
      show(this.error, false);
      this.filters.offer(counts.labels);
      this.summary.update(counts, this.filters.values);
      setText(this.title, this.filters.isSet ? `${counted(counts.images, "image")}: ${this.filters.text}` : "Images");
      await this.grid.open(query, this.filters.values.order || "index", counts.images);
    } catch (problem) {
      if (asked !== this.asked) return;
      fill(this.error, problem.message, " ", h("button", { class: "quiet small", onclick: this.read }, "Try again"));
      show(this.error, true);
    }
  };

  /** The files hold the rows that the filters choose. */
  #drawDownloads(query) {
    const link = (format, text) => h("a", { class: "button quiet small", download: true, href: `${this.path}/rows?${new URLSearchParams({ ...Object.fromEntries(query), format })}` }, text);
    fill(this.downloads, h("span", { class: "muted small" }, this.filters.isSet ? "Download these rows:" : "Download all rows:"), link("jsonl", "JSONL"), link("csv", "CSV"));
  }

  /** Keeps the filters in the address, so that a reload and a link show the same images. */
  #remember() {
    const { address } = this.filters;
    history.replaceState(null, "", `${predictionHref(this.prediction)}${address && `?${address}`}`);
  }
}

function figures({ images, failed, abstained, labels }) {
  const classified = images - failed;
  const [[first, count] = []] = Object.entries(labels).sort((a, b) => b[1] - a[1]);
  const all = [
    ["Images", whole(images), failed ? "" : "all classified"],
    ["Unsure", whole(abstained), classified && abstained ? `${percent(abstained / classified)} of the answers` : ""],
    ["Not classified", whole(failed), failed ? "files that are no image, or damaged" : ""],
    first ? ["Most frequent", first, `${percent(count / classified)} of the answers`] : null,
  ];
  return h("dl", { class: "figures prediction-figures" }, all.filter(Boolean).map(([name, value, note]) =>
    h("div", {}, h("dt", {}, name), h("dd", { class: "figure", title: value }, value), h("dd", { class: "muted" }, note))));
}
