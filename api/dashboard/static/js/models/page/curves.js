/** The curves of an evaluation: confidence against accuracy, and coverage against accuracy. */

import { sharePlot } from "../../charts/share_plot.js";
import { h } from "../../ui/dom.js";
import { interval, percent, whole } from "../../ui/format.js";

export function curvesPart(evaluation) {
  return h("section", { class: "charts" }, reliability(evaluation), coverage(evaluation));
}

function reliability({ calibration, temperature }) {
  const { bins, bins_uncalibrated: raw, ece, ece_uncalibrated: rawEce } = calibration;
  const summary = `A score is off by ${percent(ece)} on average; without the temperature (${temperature.toFixed(2)}) by ${percent(rawEce)}. On the diagonal, scores are what they say.`;
  return sharePlot({
    title: "Reliability", xLabel: "Mean score of the prediction", yLabel: "Predictions that are right", summary, hasDiagonal: true,
    lines: [{ label: "without the temperature", name: "is-raw", points: pointsOf(raw) }, { label: "calibrated", name: "is-main", points: pointsOf(bins) }],
    table: { head: ["Mean score", "Right", "95 % interval", "Images"], rows: bins.map((bin) => [percent(bin.confidence), percent(bin.accuracy), interval(bin.ci95), whole(bin.images)]) },
  });
}

function pointsOf(bins) {
  return bins.map(({ confidence, accuracy, ci95: [low, high] }) => ({ x: confidence, y: accuracy, low, high }));
}

function coverage({ thresholds, accuracy }) {
  const used = thresholds.filter(({ images }) => images > 0);
  const lowest = Math.min(...used.map(({ ci95 }) => ci95[0]));
  const yMin = Math.max(0, Math.floor(lowest * 10) / 10 - (lowest > 0.9 ? 0 : 0.1));
  return sharePlot({
    title: "Accuracy by coverage", xLabel: "Predictions that are used", yLabel: "Of these, right", summary: coverageText(used, accuracy), yMin: Number(yMin.toFixed(1)),
    lines: [{ label: "accuracy", name: "is-main", points: used.map((one) => ({ x: one.coverage, y: one.accuracy, low: one.ci95[0], high: one.ci95[1] })) }],
    table: { head: ["Lowest score", "Used", "Right", "95 % interval", "Images"],
      rows: thresholds.map((one) => [percent(one.min_score), percent(one.coverage), percent(one.accuracy), one.ci95 ? interval(one.ci95) : "–", whole(one.images)]) },
  });
}

function coverageText(used, accuracy) {
  const strict = used.findLast(({ coverage: share }) => share >= 0.5) ?? used[0];
  if (strict.min_score === 0) return `All predictions: ${percent(accuracy)} are right.`;
  return `All predictions: ${percent(accuracy)} are right. With a score of at least ${percent(strict.min_score)}: ${percent(strict.accuracy)} of ${percent(strict.coverage, 0)} of the images.`;
}
