/** The confusion matrix: labels in the rows, predictions in the columns. Each cell is a button that shows its images. */

import { h } from "../../ui/dom.js";
import { percent, whole } from "../../ui/format.js";

const MOST_CLASSES = 40;

/** onChoose({label, predicted}) is called with the names of the classes of a cell, or of a whole row or column. */
export function matrixPart(evaluation, onChoose) {
  const { confusion_matrix: matrix, classes } = evaluation;
  const isSmall = matrix !== null && classes.length <= MOST_CLASSES;
  return h("section", { class: "card matrix-card" }, h("h2", {}, isSmall ? "Confusion matrix" : "Most frequent confusions"),
    h("p", { class: "muted" }, isSmall ? "Rows are labels, columns what the model takes the images for. Choose a cell to see its images." : `Of ${whole(classes.length)} classes, the pairs with the most mistakes. Choose one to see its images.`),
    isSmall ? matrixTable(matrix, classes.map(({ name }) => name), onChoose) : confusionList(evaluation, onChoose));
}

function matrixTable(matrix, names, onChoose) {
  const table = h("table", { class: "matrix" }, h("caption", { class: "hidden" }, "Images by label and prediction"),
    h("thead", {}, h("tr", {}, h("td", { class: "corner" }, "label ↓ · prediction →"),
      names.map((name) => h("th", { scope: "col" }, h("button", { class: "bare", title: `All images taken for ${name}`, onclick: () => onChoose({ predicted: name }) }, h("span", {}, name)))))),
    h("tbody", {}, matrix.map((row, i) => matrixRow(row, i, names, onChoose))));
  const longest = Math.min(16, Math.max(...names.map(({ length }) => length)));
  table.style.setProperty("--head", `${24 + longest * 5}px`);
  table.addEventListener("keydown", (event) => moveFocus(event, table));
  return h("div", { class: "scroll matrix-scroll" }, table);
}

function matrixRow(row, i, names, onChoose) {
  const total = row.reduce((sum, count) => sum + count, 0);
  return h("tr", {}, h("th", { scope: "row" }, h("button", { class: "bare", title: `All images of ${names[i]}`, onclick: () => onChoose({ label: names[i] }) }, names[i])),
    row.map((count, j) => cell({ count, share: total ? count / total : 0, isRight: i === j, label: names[i], predicted: names[j], isFirst: i === 0 && j === 0 }, onChoose)));
}

function cell({ count, share, isRight, label, predicted, isFirst }, onChoose) {
  const button = h("button", { class: `cell ${isRight ? "is-right" : count ? "is-wrong" : "is-none"}`, tabindex: isFirst ? "0" : "-1", "aria-disabled": count ? null : "true",
    "aria-label": `${whole(count)} images of ${label} ${isRight ? "are right" : `are taken for ${predicted}`}`, title: `${label} → ${predicted}: ${whole(count)} (${percent(share, 0)} of the row)`,
    onclick: () => count && onChoose({ label, predicted }) }, count ? whole(count) : "·");
  button.style.setProperty("--share", count ? Math.max(0.06, share) : 0);
  return h("td", {}, button);
}

/** Arrow keys move through the cells, of which one is in the order of the Tab key. */
function moveFocus(event, table) {
  const steps = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };
  const from = event.target.closest(".cell");
  if (!from || !(event.key in steps)) return;
  event.preventDefault();
  const [down, right] = steps[event.key];
  const { parentElement: place } = from;
  const to = table.tBodies[0].rows[place.parentElement.sectionRowIndex + down]?.cells[place.cellIndex + right]?.querySelector(".cell");
  if (!to) return;
  from.tabIndex = -1;
  to.tabIndex = 0;
  to.focus();
}

function confusionList({ confusions, classes }, onChoose) {
  const support = new Map(classes.map((one) => [one.name, one.support]));
  return h("div", { class: "scroll confusion-list" }, h("table", {}, h("thead", {}, h("tr", {}, ["Label", "Taken for", "Images", "Of the class", ""].map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, confusions.map(({ label, predicted, images }) => h("tr", {}, h("th", { scope: "row" }, label), h("td", {}, predicted), h("td", {}, whole(images)), h("td", {}, percent(images / support.get(label), 0)),
      h("td", {}, h("button", { class: "quiet small", "aria-label": `Images of ${label} taken for ${predicted}`, onclick: () => onChoose({ label, predicted }) }, "See them")))))));
}
