/** A chart that updates live: uPlot in the dashboard's colours, a text summary and a table. New points keep the zoom. */

import uPlot from "../../vendor/uplot/uPlot.esm.js";
import { bindKeys } from "./keyboard.js";
import { colour } from "./colour.js";
import { fill, h, setText, show } from "../ui/dom.js";

const HEIGHT = 210;
const EPOCH_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500];

export class Chart {
  #rows = [];
  #isZoomed = false;

  /**
   * series: [{key, label, colour: name of a CSS variable}]; format and formatTick: value → text;
   * summarise: rows → sentence; onRange({min, max} or null) is called when the reader zooms or resets the zoom;
   * group: charts with the same group share one cursor.
   */
  constructor({ title, series, format, formatTick = format, summarise, startsAtZero = false, group, onRange }) {
    Object.assign(this, { title, series, format, formatTick, summarise, startsAtZero, onRange });
    this.plot = h("div", { class: "plot", tabindex: "0", role: "group", "aria-label": `${title} chart. Arrow keys read points, plus and minus zoom, Escape shows all.` });
    this.summary = h("p", { class: "chart-summary" });
    this.reading = h("p", { class: "hidden", role: "status" });
    this.range = h("span", { class: "muted small" });
    this.reset = h("button", { class: "quiet small", hidden: true, onclick: () => this.onRange(null) }, "Show all");
    this.table = h("details", { class: "chart-table", ontoggle: () => this.#drawTable() }, h("summary", {}, "Table"));
    this.element = h("figure", { class: "card chart" },
      h("figcaption", {}, h("h3", {}, title), this.range, this.reset), this.summary, this.plot, this.reading, this.table);
    this.uplot = new uPlot(this.#options(group), this.#columns(), this.plot);
    this.resizer = new ResizeObserver(() => this.#resize());
    this.resizer.observe(this.plot);
    this.onTheme = () => this.#recolour();
    document.addEventListener("ninefold:theme", this.onTheme);
    bindKeys(this);
  }

  close() {
    this.resizer.disconnect();
    document.removeEventListener("ninefold:theme", this.onTheme);
    this.uplot.destroy();
  }

  /** Replaces the data: one row per epoch, oldest first. */
  setRows(rows) {
    this.#rows = rows;
    const { min, max } = this.uplot.scales.x;
    this.uplot.batch(() => {
      this.uplot.setData(this.#columns());
      if (this.#isZoomed) this.uplot.setScale("x", { min, max });
    });
    if (this.uplot.cursor.idx === null || this.uplot.cursor.idx === undefined) this.#showLatest();
    this.element.classList.toggle("has-no-rows", rows.length === 0);
    setText(this.summary, rows.length ? this.summarise(rows) : "The first point appears at the end of the first epoch.");
    this.#drawTable();
  }

  /** Zooms to a range of epochs; null shows all epochs. */
  setRange(range) {
    this.#setZoomed(range !== null);
    if (range) this.uplot.setScale("x", range);
    else this.setRows(this.#rows);
  }

  /** uPlot reads the colour of a line at each drawing, but the colour of the legend only once. */
  #recolour() {
    this.uplot.redraw(false);
    const markers = [...this.plot.querySelectorAll(".u-series:not(:first-child) .u-marker")];
    this.series.forEach((line, i) => markers[i].style.setProperty("border-color", colour(line.colour)));
  }

  #setZoomed(isZoomed) {
    this.#isZoomed = isZoomed;
    show(this.reset, isZoomed);
    if (!isZoomed) setText(this.range, "");
  }

  #showRange({ min, max }) {
    if (this.#isZoomed) setText(this.range, `Epochs ${min.toFixed(1)} to ${max.toFixed(1)}`);
  }

  #showLatest() {
    if (this.#rows.length) this.uplot.setLegend({ idx: this.#rows.length - 1 }, false);
  }

  #columns() {
    return [this.#rows.map((row) => row.epoch), ...this.series.map(({ key }) => this.#rows.map((row) => row[key] ?? null))];
  }

  #resize() {
    const width = Math.floor(this.plot.clientWidth);
    if (width > 0 && width !== this.uplot.width) this.uplot.setSize({ width, height: HEIGHT });
  }

  #options(group) {
    return {
      width: 480,
      height: HEIGHT,
      cursor: {
        sync: { key: group, setSeries: false },
        drag: { x: true, y: false },
        points: { size: 8 },
        bind: { dblclick: () => () => { this.onRange(null); return null; } },
      },
      scales: {
        x: { time: false, range: (_, min, max) => (min === max ? [min - 0.5, max + 0.5] : [min, max]) },
        y: this.startsAtZero ? { range: (_, min, max) => [0, max * 1.1 || 1] } : {},
      },
      axes: [axisOptions({ incrs: EPOCH_STEPS, size: 34 }), axisOptions({ values: (_, splits) => splits.map(this.formatTick), size: 58 })],
      series: [{ label: "Epoch", value: (_, value) => value ?? "–" }, ...this.series.map((line) => this.#lineOptions(line))],
      hooks: {
        setSelect: [(plot) => { if (plot.select.width > 0) this.#setZoomed(true); }],
        setScale: [(plot, key) => { if (key === "x") this.#showRange(plot.scales.x); }],
        setCursor: [(plot) => { if (plot.cursor.idx === null) this.#showLatest(); }],
      },
    };
  }

  #lineOptions({ label, colour: name }) {
    const stroke = () => colour(name);
    return { label, stroke, width: 2, spanGaps: true, points: { size: 6, fill: stroke }, value: (_, value) => this.format(value) };
  }

  #drawTable() {
    if (!this.table.open) return;
    const head = ["Epoch", ...this.series.map(({ label }) => label)];
    const body = this.#rows.map((row) => h("tr", {}, h("th", { scope: "row" }, row.epoch), this.series.map(({ key }) => h("td", {}, this.format(row[key])))));
    const table = h("table", {}, h("caption", { class: "hidden" }, this.title),
      h("thead", {}, h("tr", {}, head.map((text) => h("th", { scope: "col" }, text)))), h("tbody", {}, body.reverse()));
    fill(this.table, this.table.firstElementChild, h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${this.title} table` }, table));
  }
}

function axisOptions(options) {
  return {
    stroke: () => colour("--muted"),
    grid: { stroke: () => colour("--line"), width: 1 },
    ticks: { show: false },
    font: "12px system-ui, sans-serif",
    ...options,
  };
}
