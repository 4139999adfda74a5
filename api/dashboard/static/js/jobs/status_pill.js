/** A job's status as a coloured word; the colour never carries the meaning alone. */

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

/** What the job is doing, in a few words. */
export function situation(job) {
  if (job.status === "queued") return queued(job);
  if (job.status === "running" && job.phase && job.phase !== "training") return words(job.phase);
  if (job.status === "failed") return job.error?.message ?? "failed";
  return "";
}

function queued(job) {
  const place = job.queue_position ? `no. ${job.queue_position} in the queue` : "waiting";
  return job.queued_reason ? `${place}: ${words(job.queued_reason)}` : place;
}
