/** The tables of a dataset: its classes with their images in each split, and the sizes and formats of the images. */

import { h, fill } from "../../ui/dom.js";
import { bytes, percent, whole } from "../../ui/format.js";
import { datasetHref, modeName } from "../dataset_text.js";

const FIRST_CLASSES = 30;

export function tablesPart(dataset, report) {
  return h("section", { class: "dataset-tables" }, classesCard({ dataset, hasImages: Boolean(report) }, report?.classes ?? classesOf(dataset)), report ? factsCard(report) : null);
}

/** The classes of a dataset without a report. */
function classesOf({ classes, train_counts: train, test_counts: test }) {
  return classes.map((name, index) => ({ name, train: train[index], test: test[index] }));
}

function classesCard(table, classes) {
  const most = Math.max(1, ...classes.map(({ train }) => train), ...classes.map(({ test }) => test));
  const head = ["Class", "Training", "Test"].map((text) => h("th", { scope: "col" }, text));
  const body = h("tbody", {}, classes.slice(0, FIRST_CLASSES).map((one) => classRow(table, one, most)));
  const more = h("button", { class: "quiet small", hidden: classes.length <= FIRST_CLASSES }, `All ${whole(classes.length)} classes`);
  more.addEventListener("click", () => { fill(body, classes.map((one) => classRow(table, one, most))); more.remove(); });
  return h("div", { class: "card" }, h("h2", {}, "Classes"), h("div", { class: "scroll" }, h("table", { class: "class-table" }, h("thead", {}, h("tr", {}, head)), body)), more);
}

function classRow({ dataset, hasImages }, { name, train, test }, most) {
  const href = dataset.is_built_in && !hasImages ? null : datasetHref(dataset, `/images?class=${encodeURIComponent(name)}`);
  return h("tr", {}, h("th", { scope: "row" }, href ? h("a", { href, title: name }, name) : name), barCell(train, most), barCell(test, most, "is-test"));
}

function barCell(count, most, kind = "") {
  const bar = h("span", { class: "bar-fill" });
  bar.style.setProperty("transform", `scaleX(${count / most})`);
  return h("td", {}, h("div", { class: `count-bar ${kind}` }, h("span", { class: "count" }, whole(count)), h("span", { class: "bar", "aria-hidden": "true" }, bar)));
}

function factsCard({ images, splits, sizes, formats, modes, aspect_ratios: ratios }) {
  const facts = {
    Images: whole(images),
    Width: rangeText(sizes.width, "px"),
    Height: rangeText(sizes.height, "px"),
    "File size": `${bytes(sizes.file_bytes.median)}, ${bytes(sizes.file_bytes.min)} to ${bytes(sizes.file_bytes.max)}`,
    Total: bytes(sizes.total_bytes),
  };
  return h("div", { class: "card" }, h("h2", {}, "Images"),
    h("dl", { class: "facts" }, Object.entries(facts).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    shares("Splits", splits, images), shares("Formats", formats, images), shares("Pixels", named(modes), images), shares("Width to height", ratios, images));
}

function rangeText({ min, median, max }, unit) {
  return min === max ? `${whole(min)} ${unit}` : `${whole(median)} ${unit}, ${whole(min)} to ${whole(max)}`;
}

function named(modes) {
  return Object.fromEntries(Object.entries(modes).map(([mode, count]) => [modeName(mode), count]));
}

function shares(title, counts, total) {
  const rows = Object.entries(counts).map(([name, count]) => {
    const bar = h("span", { class: "bar-fill" });
    bar.style.setProperty("transform", `scaleX(${count / total})`);
    return h("li", {}, h("span", { class: "bar-label", title: name }, name), h("span", { class: "bar", "aria-hidden": "true" }, bar), h("span", { class: "bar-score" }, `${whole(count)} · ${percent(count / total, 0)}`));
  });
  return h("div", { class: "shares" }, h("h3", {}, title), h("ul", { class: "bars" }, rows));
}
