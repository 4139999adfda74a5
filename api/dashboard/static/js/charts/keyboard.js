/** Keyboard control of a chart: arrow keys move the cursor and announce the values, plus and minus zoom, Escape resets. */

import { setText } from "../ui/dom.js";

export function bindKeys(chart) {
  const actions = {
    ArrowLeft: () => moveCursor(chart, -1),
    ArrowRight: () => moveCursor(chart, 1),
    "+": () => zoom(chart, 0.5),
    "=": () => zoom(chart, 0.5),
    "-": () => zoom(chart, 2),
    Escape: () => chart.onRange(null),
  };
  chart.plot.addEventListener("keydown", (event) => {
    if (!(event.key in actions)) return;
    event.preventDefault();
    actions[event.key]();
  });
}

function moveCursor(chart, by) {
  const plot = chart.uplot;
  const last = plot.data[0].length - 1;
  if (last < 0) return;
  const index = Math.min(last, Math.max(0, (plot.cursor.idx ?? (by > 0 ? -1 : last + 1)) + by));
  plot.setCursor({ left: plot.valToPos(plot.data[0][index], "x"), top: 0 });
  const values = chart.series.map(({ label }, i) => `${label} ${chart.format(plot.data[i + 1][index])}`);
  setText(chart.reading, `Epoch ${plot.data[0][index]}: ${values.join(", ")}`);
}

function zoom(chart, factor) {
  const plot = chart.uplot;
  const epochs = plot.data[0];
  if (epochs.length < 3) return;
  const { min, max } = plot.scales.x;
  const centre = epochs[plot.cursor.idx] ?? (min + max) / 2;
  const half = Math.max(1, ((max - min) * factor) / 2);
  const from = Math.max(epochs[0], centre - half);
  const to = Math.min(epochs.at(-1), centre + half);
  chart.onRange(from === epochs[0] && to === epochs.at(-1) ? null : { min: from, max: to });
}
