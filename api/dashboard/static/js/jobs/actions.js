/** What may be done to a job as it stands: pause, resume, stop, cancel. */

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

/** All that may be done, or only these verbs where there is little room. */
export function jobActions(job, jobs, verbs = ACTIONS.map((action) => action.verb)) {
  const buttons = ACTIONS.filter((action) => verbs.includes(action.verb)).map((action) => ({ action, button: actionButton(action, job, jobs) }));
  return {
    element: h("div", { class: "job-actions" }, ...buttons.map(({ button }) => button)),
    update(now) {
      for (const { action, button } of buttons) show(button, action.isOffered(now) && now.phase !== "publishing");
    },
  };
}

/** Asks for one change and puts the answer into the store. */
function actionButton({ verb, label, kind = "", hint = "" }, job, jobs) {
  const button = h("button", { class: `quiet ${kind}`.trim(), "aria-label": `${label} ${job.name}`, title: hint }, label);
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
