/** What is wrong with a dataset: each finding with what to do, and its first images, which are read when it comes into view. */

import { h, fill } from "../../ui/dom.js";
import { whole } from "../../ui/format.js";
import { get } from "../../http/requests.js";
import { counted, datasetHref } from "../dataset_text.js";
import { thumbnail } from "../images/thumbnail.js";

const SHOWN = 8;
const SEVERITIES = { high: "costs most", medium: "costs some", low: "costs little" };

export function findingsPart(dataset, report) {
  const { findings } = report;
  const title = h("h2", { class: "part-title" }, findings.length ? "What to do about it" : "Nothing to do");
  if (findings.length === 0) return h("section", {}, title, h("p", { class: "card nothing-found" }, "No duplicates, no leaks between the splits, no rare classes, no blank images: nothing was found that costs a model accuracy."));
  return h("section", {}, title, h("div", { class: "findings" }, findings.map((finding) => findingCard(dataset, report, finding))));
}

function findingCard(dataset, report, finding) {
  const { code, severity, title, advice, count, images } = finding;
  const pictures = images.length ? pictureRow(dataset, finding) : null;
  const all = images.length ? h("a", { class: "button quiet small", href: datasetHref(dataset, `/images?finding=${encodeURIComponent(code)}`) }, allText(count)) : null;
  const skipped = code === "skipped_files" ? skippedList(report) : null;
  return h("article", { class: "card finding", "data-severity": severity, "data-code": code },
    h("div", { class: "finding-head" }, h("h3", {}, title), h("span", { class: "pill" }, SEVERITIES[severity] ?? severity)),
    h("p", { class: "finding-advice" }, withCode(advice.replaceAll("NAME", dataset.is_built_in ? `my-${dataset.name}` : `${dataset.name}@${dataset.version}`))), pictures, skipped, all);
}

function allText(count) {
  return count === 1 ? "See the image" : `All ${whole(count)} images`;
}

/** Text with `commands` in the font of code. */
export function withCode(text) {
  return text.split("`").map((part, index) => (index % 2 ? h("code", {}, part) : part));
}

/** A row of as many squares as there will be pictures, filled when it is seen. */
function pictureRow(dataset, { code, images }) {
  const row = h("ul", { class: "pictures" }, images.slice(0, SHOWN).map(() => h("li", {}, h("span", { class: "picture" }))));
  const observer = new IntersectionObserver(async (entries) => {
    if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
    observer.disconnect();
    const query = `finding=${encodeURIComponent(code)}`;
    const { data } = await get(`datasets/${encodeURIComponent(dataset.id)}/images?${query}&limit=${SHOWN}`).catch(() => ({ data: [] }));
    if (data.length) fill(row, data.map((image) => picture(dataset, image, query)));
  }, { rootMargin: "300px" });
  observer.observe(row);
  return row;
}

function picture(dataset, image, query) {
  const href = datasetHref(dataset, `/images?${query}&image=${encodeURIComponent(image.id)}`);
  const label = image.suggested_class ? `${image.class}, likely ${image.suggested_class}` : image.class;
  return h("li", {}, h("a", { class: "picture", href, title: image.path }, thumbnail(image, `${label}, ${image.split}`)),
    h("span", { class: "picture-class" }, image.suggested_class ? [h("s", {}, image.class), ` ${image.suggested_class}`] : image.class),
    h("span", { class: "muted small" }, image.split));
}

function skippedList({ skipped, skipped_count: count, links }) {
  const rows = skipped.map(({ path, reason }) => h("tr", {}, h("td", {}, path), h("td", { class: "muted" }, reason)));
  return h("div", {}, h("details", { class: "skipped" }, h("summary", {}, skipped.length < count ? `The first ${skipped.length} files` : counted(count, "file")),
    h("div", { class: "scroll" }, h("table", {}, h("tbody", {}, rows)))),
  h("a", { class: "button quiet small", href: links.skipped, download: true }, count === 1 ? "The file, as CSV" : `All ${whole(count)} files, as CSV`));
}
