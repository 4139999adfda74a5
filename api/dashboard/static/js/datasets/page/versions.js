/** The versions of a dataset's name, the latest first. */

import { h } from "../../ui/dom.js";
import { ago, whole } from "../../ui/format.js";
import { datasetHref } from "../dataset_text.js";

export function versionsPart(dataset, versions) {
  const head = ["Version", "Images", "Note", "Made"].map((text) => h("th", { scope: "col" }, text));
  return h("section", { class: "card" }, h("h2", {}, "Versions"),
    h("div", { class: "scroll" }, h("table", { class: "version-table" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, versions.map((version) => row(dataset, version))))),
    versions.length === 1 ? h("p", { class: "muted small" }, "Correct images in the grid, or add images, to make the next version. This one stays as it is.") : null);
}

function row(dataset, version) {
  const isShown = version.id === dataset.id;
  const number = isShown ? h("strong", { "aria-current": "true" }, `${version.version}`) : h("a", { href: datasetHref(version), "aria-label": `Version ${version.version}` }, `${version.version}`);
  return h("tr", {}, h("th", { scope: "row" }, number, isShown ? h("span", { class: "badge" }, "this one") : null),
    h("td", {}, whole(version.images)), h("td", { class: "note" }, version.note ?? h("span", { class: "muted" }, version.parent ? "no note" : "as added")),
    h("td", { class: "muted" }, [ago(version.created_at), version.created_by && `by ${version.created_by}`].filter(Boolean).join(" ")));
}
