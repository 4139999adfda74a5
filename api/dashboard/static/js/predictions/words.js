/** What a batch prediction is about and how far it is, as text and links. */

import { datasetName } from "../datasets/names.js";
import { counted, datasetHref } from "../datasets/dataset_text.js";
import { h } from "../ui/dom.js";
import { ago, bytes, duration, elapsed, percent, whole, words } from "../ui/format.js";

const ENDED = new Set(["succeeded", "failed", "cancelled"]);
const SPLITS = { test: "the test images", train: "the training images", all: "all images" };

export const hasEnded = ({ status }) => ENDED.has(status);

export function predictionHref({ id }) {
  return `#/predictions/${encodeURIComponent(id)}`;
}

/** "flowers:2", or the name alone. */
export function modelText({ name, version }) {
  return version ? `${name}:${version}` : name;
}

/** "the test images of garden-photos", or "a zip of 1.2 MB". */
export function sourceText({ dataset, split, size_bytes: size }) {
  return dataset ? `${SPLITS[split] ?? split} of ${datasetName(dataset)}` : `a zip of ${bytes(size)}`;
}

/** The same with a link to the dataset. */
export function sourceParts({ dataset, split, size_bytes: size }) {
  return dataset ? [`${SPLITS[split] ?? split} of `, h("a", { href: datasetHref({ id: dataset }) }, datasetName(dataset))] : [`a zip of ${bytes(size)}`];
}

/** What it does now, or what came of it. */
export function stateText({ status, phase, queued_reason: reason, progress, result, error }) {
  if (result) return resultText(result);
  if (status === "failed") return error?.message ?? "It failed.";
  if (status === "cancelled") return "cancelled";
  if (status === "queued") return reason === "no_worker" ? "waits: no worker of the lane light runs" : "waits for a worker";
  if (progress?.total) return `${whole(progress.images)} of ${counted(progress.total, "image")} classified`;
  return words(phase ?? status);
}

function resultText({ images, failed, abstained }) {
  return [counted(images, "image"), abstained ? `${whole(abstained)} unsure` : "", failed ? `${whole(failed)} not classified` : ""].filter(Boolean).join(", ");
}

/** "made 5 min ago by alice, took 12 s". */
export function whenText({ created_at: created, created_by: author, started_at: started, finished_at: ended }) {
  return [`asked ${ago(created)}${author ? ` by ${author}` : ""}`, started && ended ? `took ${elapsed(started, ended)}` : ""].filter(Boolean).join(", ");
}

/** About how long the rest takes, once a part of this attempt is known. */
export function timeLeft({ started_at: started, progress }) {
  const spent = (Date.now() - Date.parse(started)) / 1000;
  const left = progress?.fraction > 0.02 ? (spent * (1 - progress.fraction)) / progress.fraction : NaN;
  return Number.isFinite(left) ? `about ${duration(left)} left` : "";
}

/** "90 to 95 %". */
export function rangeText({ above, below }) {
  return `${Math.round(100 * above)} to ${percent(below ?? 1, 0)}`;
}

/** The record with what an event tells of it. */
export function afterEvent(prediction, kind, data) {
  if (kind === "progress") return { ...prediction, progress: data };
  if (kind === "state" && ["queued", "running"].includes(data.status)) return { ...prediction, status: data.status, phase: data.phase };
  return prediction; // its end is read
}
