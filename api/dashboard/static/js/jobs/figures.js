/** The row of key figures of a job: epoch, accuracies, speed and time. */

import { h, setText } from "../ui/dom.js";
import { duration, elapsed, interval, percent, whole } from "../ui/format.js";
import { hasEnded } from "./store.js";

export function jobFigures() {
  const tiles = new Map(["Epoch", "Validation accuracy", "Test accuracy", "Images a second", "Time"].map((label) => [label, tile(label)]));
  return {
    element: h("dl", { class: "figures" }, [...tiles.values()].map(({ element }) => element)),
    update(job, rows) {
      for (const [label, [value, note]] of Object.entries(figures(job, rows))) tiles.get(label).update(value, note);
    },
  };
}

function figures(job, rows) {
  const progress = job.progress ?? {};
  const result = job.result;
  const speed = hasEnded(job) ? rows.at(-1)?.images_per_s : (progress.images_per_s ?? rows.at(-1)?.images_per_s);
  const eta = job.status === "running" && typeof progress.eta_s === "number" ? `${duration(progress.eta_s)} left` : "";
  return {
    Epoch: [`${Math.max(progress.epoch ?? 0, rows.at(-1)?.epoch ?? 0)}`, epochsNote(progress.epochs ?? job.spec.epochs)],
    "Validation accuracy": [percent(job.best?.val_accuracy), job.best ? `best epoch: ${job.best.epoch}` : noBestNote(job)],
    "Test accuracy": [percent(result?.test_accuracy), result?.ci95 ? `95 %: ${interval(result.ci95)}` : hasEnded(job) ? "" : "after training"],
    "Images a second": [whole(speed), ""],
    Time: [elapsed(job.started_at, job.finished_at), eta],
  };
}

/** A continuation publishes the best epoch of the job before unless one of its own is better. */
function noBestNote(job) {
  return job.spec.extended_from && job.result ? "no new epoch is better: the weights are those before" : "";
}

function epochsNote(epochs) {
  return typeof epochs === "number" ? `of ${epochs}` : "number chosen later";
}

function tile(label) {
  const value = h("dd", { class: "figure" });
  const note = h("dd", { class: "muted" });
  return {
    element: h("div", {}, h("dt", {}, label), value, note),
    update(text, noteText) {
      setText(value, text);
      setText(note, noteText);
    },
  };
}
