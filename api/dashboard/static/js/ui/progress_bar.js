/** A progress as a bar, with its value for screen readers. */

import { h } from "./dom.js";

export function progressBar(label) {
  const fill = h("span", { class: "progress-fill" });
  const bar = h("span", { class: "progress", role: "progressbar", "aria-label": label, "aria-valuemin": "0", "aria-valuemax": "100" }, fill);
  return {
    element: bar,
    /** `state` is a job, or any object with `status` and `progress.fraction`. */
    update(state) {
      const fraction = state.status === "succeeded" ? 1 : (state.progress?.fraction ?? 0);
      bar.dataset.status = state.status;
      bar.setAttribute("aria-valuenow", String(Math.round(fraction * 100)));
      fill.style.setProperty("transform", `scaleX(${fraction})`);
    },
  };
}
