/** A job's status as a coloured word; the word alone tells the status. */

import { datasetName } from "../datasets/names.js";
import { h, setText } from "../ui/dom.js";
import { words } from "../ui/format.js";

export function statusPill() {
  const pill = h("span", { class: "pill" });
  return {
    element: pill,
    update(job) {
      pill.dataset.status = job.status;
      setText(pill, words(job.status));
    },
  };
}

/** A short text that explains the status: position in the queue, phase of the run, or error message. */
export function statusDetail(job) {
  if (job.status === "queued") return queued(job);
  if (job.status === "running" && job.phase && job.phase !== "training") return words(job.phase);
  if (job.status === "failed") return job.error?.message ?? "failed";
  if (job.result?.promotion) return job.result.promotion.detail;
  if (job.status === "succeeded" && job.finish_reason === "patience") return `ended early: no better epoch for ${job.spec.patience} epochs`;
  if (job.spec.extended_from) return `continues ${job.spec.extended_from.job} after epoch ${job.spec.extended_from.epochs}`;
  return job.result?.rerun ? rerun(job.result.rerun) : "";
}

function rerun({ of, reproduced, differences }) {
  const weights = { true: "the weights are equal to those of", false: "the weights are other than those of" }[reproduced] ?? "not comparable with";
  return `${weights} ${of}${differences.length ? ` (${differences.join(", ")})` : ""}`;
}

function queued(job) {
  if (job.queued_reason === "waiting_for_dataset") return `waiting for the dataset ${datasetName(job.spec.dataset)}`;
  const position = job.queue_position ? `no. ${job.queue_position} in the queue` : "waiting";
  return job.queued_reason ? `${position}: ${words(job.queued_reason)}` : position;
}
