/** The buttons of a job: pause, resume, stop, cancel; each shown only in the states that allow the action. */

import { announce } from "../ui/announcements.js";
import { h, show } from "../ui/dom.js";
import { post } from "../http/requests.js";
import { hasEnded } from "./store.js";

const ACTIONS = [
  { verb: "pause", label: "Pause", isOffered: (job) => ["queued", "running"].includes(job.status) },
  { verb: "resume", label: "Resume", isOffered: (job) => job.status === "paused" },
  { verb: "stop", label: "Stop", hint: "End now and publish the best epoch so far",
    isOffered: (job) => Boolean(job.metrics) && ["queued", "running", "pausing", "paused"].includes(job.status) },
  { verb: "cancel", label: "Cancel", kind: "danger", hint: "End without a model",
    isOffered: (job) => !hasEnded(job) && job.status !== "cancelling" },
];

/** Buttons for `verbs`; by default for all actions. size: "small" in a list. */
export function jobActions(job, jobs, { verbs = ACTIONS.map((action) => action.verb), size = "" } = {}) {
  const buttons = ACTIONS.filter((action) => verbs.includes(action.verb)).map((action) => ({ action, button: actionButton({ ...action, size }, job, jobs) }));
  return {
    element: h("div", { class: "job-actions" }, ...buttons.map(({ button }) => button)),
    update(current) {
      for (const { action, button } of buttons) show(button, action.isOffered(current) && current.phase !== "publishing");
    },
  };
}

/** A button that posts one action and puts the returned job into the store. */
function actionButton({ verb, label, kind = "", hint = "", size }, job, jobs) {
  const button = h("button", { class: `quiet ${kind} ${size}`.trim(), "aria-label": `${label} ${job.name}`, title: hint }, label);
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      jobs.put(await post(`jobs/${job.id}/${verb}`));
    } catch (problem) {
      announce(problem.message);
    } finally {
      button.disabled = false;
    }
  });
  return button;
}
