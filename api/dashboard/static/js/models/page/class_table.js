/** The scores of each class with their intervals, in the chosen order. */

import { fill, h } from "../../ui/dom.js";
import { interval, percent, whole } from "../../ui/format.js";

const FIRST_CLASSES = 50;
const COLUMNS = [
  { title: "Class", value: ({ name }) => name, isText: true },
  { title: "Images", value: ({ support }) => support },
  { title: "Predicted", value: ({ predicted }) => predicted },
  { title: "Precision", value: ({ precision }) => precision },
  { title: "Recall", value: ({ recall }) => recall },
  { title: "F1", value: ({ f1 }) => f1 },
];

export function classTablePart({ classes }, onChoose) {
  let [sorted, isDown, limit] = [COLUMNS[5], false, FIRST_CLASSES];
  const body = h("tbody");
  const heads = COLUMNS.map((column) => h("th", { scope: "col" }, h("button", { class: "bare", onclick: () => sortBy(column) }, column.title)));
  const more = h("button", { class: "quiet small", hidden: classes.length <= limit, onclick: () => { limit = Infinity; more.hidden = true; draw(); } }, `All ${whole(classes.length)} classes`);
  const draw = () => {
    heads.forEach((head, i) => (COLUMNS[i] === sorted ? head.setAttribute("aria-sort", isDown ? "descending" : "ascending") : head.removeAttribute("aria-sort")));
    fill(body, [...classes].sort((a, b) => compare(a, b, sorted, isDown)).slice(0, limit).map((one) => row(one, onChoose)));
  };
  const sortBy = (column) => {
    isDown = sorted === column ? !isDown : !column.isText;
    sorted = column;
    draw();
  };
  draw();
  return h("section", { class: "card" }, h("h2", {}, "Classes"), h("div", { class: "scroll" }, h("table", { class: "class-scores" }, h("thead", {}, h("tr", {}, heads)), body)), more);
}

/** Orders classes; those without a value come last. */
function compare(a, b, { value, isText }, isDown) {
  const [first, second] = [value(a), value(b)];
  if (first === null || second === null) return (first === null) - (second === null);
  return (isDown ? -1 : 1) * (isText ? first.localeCompare(second) : first - second);
}

function row(one, onChoose) {
  return h("tr", {}, h("th", { scope: "row" }, h("button", { class: "bare", title: `All images of ${one.name}`, onclick: () => onChoose({ label: one.name }) }, one.name)),
    h("td", {}, whole(one.support)), h("td", {}, whole(one.predicted)),
    scoreCell(one.precision, one.precision_ci95), scoreCell(one.recall, one.recall_ci95), scoreCell(one.f1, one.f1_ci95));
}

function scoreCell(value, bounds) {
  return h("td", {}, h("strong", {}, percent(value)), bounds ? h("span", { class: "muted" }, ` ${interval(bounds)}`) : null);
}
