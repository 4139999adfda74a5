/** A still plot of shares against shares, 0 to 100 %: lines with intervals, a sentence, and a table of the same numbers. */

import { h } from "../ui/dom.js";
import { s } from "../ui/svg.js";

/** Width and height; on a phone the drawing is not made smaller, so that its text can be read. */
const SIZES = { desk: [560, 330], phone: [340, 270] };
const [LEFT, RIGHT, TOP, BOTTOM] = [56, 26, 12, 44];

/**
 * lines: [{label, name (its CSS class), points: [{x, y, low, high}]}]; yMin: the lowest share that is shown;
 * hasDiagonal: whether a line shows where x and y are equal; table: {head: [text], rows: [[text]]}.
 */
export function sharePlot({ title, xLabel, yLabel, summary, lines, yMin = 0, hasDiagonal = false, table }) {
  const [width, height] = SIZES[matchMedia("(max-width: 640px)").matches ? "phone" : "desk"];
  const x = (share) => LEFT + share * (width - LEFT - RIGHT);
  const y = (share) => height - BOTTOM - ((Math.max(yMin, share) - yMin) / (1 - yMin)) * (height - TOP - BOTTOM);
  const figure = s("svg", { viewBox: `0 0 ${width} ${height}`, class: "share-plot", role: "img", "aria-label": `${title}. ${summary}` },
    ticks(0).map((share) => [s("line", { class: "grid-line", x1: x(share), x2: x(share), y1: TOP, y2: height - BOTTOM }), text(x(share), height - BOTTOM + 18, tick(share), "middle")]).flat(),
    ticks(yMin).map((share) => [s("line", { class: "grid-line", x1: LEFT, x2: width - RIGHT, y1: y(share), y2: y(share) }), text(LEFT - 8, y(share) + 4, tick(share), "end")]).flat(),
    text((LEFT + width - RIGHT) / 2, height - 6, xLabel, "middle"),
    s("text", { class: "plot-text", transform: `translate(13 ${(TOP + height - BOTTOM) / 2}) rotate(-90)`, "text-anchor": "middle" }, yLabel),
    hasDiagonal ? s("line", { class: "diagonal", x1: x(yMin), y1: y(yMin), x2: x(1), y2: y(1) }) : null,
    lines.map((line) => lineParts(line, x, y)).flat());
  const legend = lines.length > 1 ? h("ul", { class: "plot-legend" }, lines.map(({ label, name }) => h("li", { class: name }, label))) : null;
  return h("figure", { class: "card chart" }, h("figcaption", {}, h("h3", {}, title), legend), h("p", { class: "chart-summary" }, summary), figure, tableOf(title, table));
}

function lineParts({ name, points }, x, y) {
  const path = points.map((one, i) => `${i ? "L" : "M"}${x(one.x).toFixed(1)} ${y(one.y).toFixed(1)}`).join("");
  return [
    ...points.map((one) => s("line", { class: `whisker ${name}`, x1: x(one.x), x2: x(one.x), y1: y(one.low), y2: y(one.high) })),
    s("path", { class: `line ${name}`, d: path || "M0 0" }),
    ...points.map((one) => s("circle", { class: `point ${name}`, cx: x(one.x), cy: y(one.y), r: 3 })),
  ];
}

function ticks(from) {
  const step = from >= 0.8 ? 0.05 : from >= 0.5 ? 0.1 : 0.2;
  const count = Math.round((1 - from) / step);
  return Array.from({ length: count + 1 }, (_, i) => 1 - i * step).filter((share) => share >= from - 1e-9);
}

function tick(share) {
  return `${Math.round(share * 100)} %`;
}

function text(x, y, content, anchor) {
  return s("text", { class: "plot-text", x, y, "text-anchor": anchor }, content);
}

function tableOf(title, { head, rows }) {
  return h("details", { class: "chart-table" }, h("summary", {}, "Table"),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${title} table` }, h("table", {}, h("caption", { class: "hidden" }, title),
      h("thead", {}, h("tr", {}, head.map((one) => h("th", { scope: "col" }, one)))),
      h("tbody", {}, rows.map(([first, ...cells]) => h("tr", {}, h("th", { scope: "row" }, first), cells.map((cell) => h("td", {}, cell))))))));
}
