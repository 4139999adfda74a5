/** Turns the review of a model on, changes its threshold, or ends it. */

import { confirmed } from "../ui/confirm_dialog.js";
import { h, fill } from "../ui/dom.js";
import { request } from "../http/requests.js";

const BELOW = 0.7;

/** `reload` is called after a change. `settings` is null while nothing is kept. */
export function settingsForm(path, settings, reload) {
  const below = h("input", { type: "number", min: "1", max: "100", step: "1", required: true, value: String(Math.round(100 * (settings?.below ?? BELOW))) });
  const most = h("input", { type: "number", min: "1", max: "10000", step: "1", required: true, value: String(settings?.max_images ?? 1000) });
  const error = h("p", { class: "field-error", role: "alert" });
  const change = async (method, json) => {
    try {
      await request(method, path, { json });
      reload();
    } catch (problem) {
      fill(error, problem.message);
    }
  };
  const onsubmit = (event) => {
    event.preventDefault();
    change("PUT", { ...settings, below: Number(below.value) / 100, max_images: Number(most.value) });
  };
  const end = async () => {
    if (await confirmed("End the review?", "The images and labels that are kept are deleted. Dataset versions stay.", "End it")) change("DELETE");
  };
  return h("form", { class: "review-settings", onsubmit },
    h("label", {}, "Keep answers below (%)", below), h("label", {}, "Images at most", most),
    h("button", { class: settings ? "quiet" : "primary" }, settings ? "Change" : "Keep uncertain answers"),
    settings ? h("button", { type: "button", class: "quiet danger", onclick: end }, "End the review") : null, error);
}
