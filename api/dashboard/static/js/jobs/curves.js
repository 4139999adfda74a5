/** The four charts of a job, which share one cursor and one zoom. */

import { Chart } from "../charts/chart.js";
import { h } from "../ui/dom.js";
import { decimal, percent, significant, whole } from "../ui/format.js";

const CHARTS = [
  {
    title: "Loss",
    series: [{ key: "train_loss", label: "Training", colour: "--series-train" }, { key: "val_loss", label: "Validation", colour: "--series-val" }],
    format: (value) => decimal(value),
    formatTick: significant,
    summarise: (rows) => latestAndBest(rows, "val_loss", decimal, Math.min, "lowest"),
  },
  {
    title: "Accuracy",
    series: [{ key: "train_accuracy", label: "Training", colour: "--series-train" }, { key: "val_accuracy", label: "Validation", colour: "--series-val" }],
    format: (value) => percent(value),
    formatTick: (value) => `${significant(value * 100)} %`,
    summarise: (rows) => latestAndBest(rows, "val_accuracy", percent, Math.max, "highest"),
  },
  {
    title: "Learning rate",
    series: [{ key: "learning_rate", label: "Learning rate", colour: "--series-other" }],
    format: significant,
    summarise: (rows) => `${significant(rows.at(-1).learning_rate)} at epoch ${rows.at(-1).epoch}, highest ${significant(Math.max(...rows.map((row) => row.learning_rate)))}.`,
  },
  {
    title: "Throughput",
    series: [{ key: "images_per_s", label: "Images a second", colour: "--series-other" }],
    format: whole,
    formatTick: significant,
    startsAtZero: true,
    summarise: (rows) => `${whole(rows.at(-1).images_per_s)} images a second at epoch ${rows.at(-1).epoch}.`,
  },
];

export function jobCurves(jobId) {
  const onRange = (range) => charts.forEach((chart) => chart.setRange(range));
  const charts = CHARTS.map((chart) => new Chart({ ...chart, group: jobId, onRange }));
  return {
    element: h("div", { class: "charts" }, charts.map((chart) => chart.element)),
    setRows: (rows) => charts.forEach((chart) => chart.setRows(rows)),
    close: () => charts.forEach((chart) => chart.close()),
  };
}

function latestAndBest(rows, key, format, best, adjective) {
  const measured = rows.filter((row) => typeof row[key] === "number");
  if (measured.length === 0) return "No validation result yet.";
  const bestValue = best(...measured.map((row) => row[key]));
  const at = measured.find((row) => row[key] === bestValue).epoch;
  const last = measured.at(-1);
  return `Validation ${format(last[key])} at epoch ${last.epoch}, ${adjective} ${format(bestValue)} at epoch ${at}.`;
}
