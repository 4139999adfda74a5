/** Buttons of a job that submit another one: repeat it, or train it longer. Each opens the page of the new job. */

import { announce } from "../ui/announcements.js";
import { h } from "../ui/dom.js";
import { get, post } from "../http/requests.js";

/** Repeats the job, to see whether its weights are the same. */
export function rerunButton(jobs, id) {
  const button = h("button", { type: "button", class: "quiet", title: "Train again with the same settings, and compare the weights" }, "Rerun");
  button.addEventListener("click", () => submit(jobs, { rerun_of: id }, button));
  return button;
}

/** Opens a dialog that asks how much longer. */
export function longerButton(jobs, id) {
  return h("button", { type: "button", class: "quiet", title: "Continue from where this training ended", onclick: () => askHowLong(jobs, id) }, "Train longer");
}

function askHowLong(jobs, id) {
  const amount = h("input", { type: "number", min: "1", value: "10", required: true, "aria-label": "How much longer" });
  const unit = h("select", { "aria-label": "Unit" }, h("option", { value: "epochs" }, "epochs"), h("option", { value: "minutes" }, "minutes"));
  const button = h("button", { class: "primary", value: "yes" }, "Train longer");
  const form = h("form", { class: "stack" }, h("h2", {}, "Train longer"),
    h("p", { class: "muted" }, "A new job continues from the last state of this training. The learning rate rises again and falls to its final value."),
    h("div", { class: "actions" }, amount, unit),
    h("div", { class: "actions" }, button, h("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Close")));
  const dialog = h("dialog", { class: "sign-in", "aria-label": "Train longer" }, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const value = Number(amount.value);
    const more = unit.value === "epochs" ? { epochs: value } : { time_budget_s: value * 60 };
    await submit(jobs, { extend: id, ...more }, button);
    dialog.close();
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

async function submit(jobs, body, button) {
  button.disabled = true;
  try {
    const job = await post("jobs", body);
    jobs.put(job.spec ? job : await get(`jobs/${job.id}`));
    location.hash = `#/jobs/${job.id}`;
  } catch (problem) {
    announce(problem.message);
  } finally {
    button.disabled = false;
  }
}
