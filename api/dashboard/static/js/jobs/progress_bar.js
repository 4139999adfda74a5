/** The progress of a job as a bar, with its value for screen readers. */

import { h } from "../ui/dom.js";

export function progressBar(label) {
  const fill = h("span", { class: "progress-fill" });
  const bar = h("span", { class: "progress", role: "progressbar", "aria-label": label, "aria-valuemin": "0", "aria-valuemax": "100" }, fill);
  return {
    element: bar,
    update(job) {
      const fraction = job.status === "succeeded" ? 1 : (job.progress?.fraction ?? 0);
      bar.dataset.status = job.status;
      bar.setAttribute("aria-valuenow", String(Math.round(fraction * 100)));
      fill.style.setProperty("transform", `scaleX(${fraction})`);
    },
  };
}
