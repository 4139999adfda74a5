/** The part of a job's page below the charts: warnings, log, attempts, resolved spec, and the job as a curl command. */

import { datasetName } from "../datasets/names.js";
import { h, fill, setText, show } from "../ui/dom.js";
import { ago, elapsed, valueText, words } from "../ui/format.js";
import { commandBlock, jobCommand } from "../ui/curl_command.js";

/** Fields that stay empty when the user leaves them empty. */
const OPTIONAL_FIELDS = new Set(["init_from", "time_budget_s", "patience"]);

export function jobDetails(job) {
  const warnings = h("div", {}, job.warnings.map((warning) => h("p", { class: "warning" }, warning)));
  const log = h("pre", { class: "log", tabindex: "0", role: "region", "aria-label": "Log" });
  const attempts = h("tbody");
  const attemptsCard = h("section", { class: "card" }, h("h2", {}, "Attempts"), h("div", { class: "scroll" }, h("table", {}, attemptsHead(), attempts)));
  const spec = h("section", { class: "card" });
  let shownSpec = null;
  return {
    element: h("div", { class: "details" }, warnings, h("section", { class: "card log-card" }, h("h2", {}, "Log"), log), attemptsCard, spec),
    update(current, text) {
      writeLog(log, text);
      fill(attempts, current.attempts.map(attemptRow));
      show(attemptsCard, current.attempts.length > 0);
      if (shownSpec !== JSON.stringify(current.spec)) fill(spec, specCard(current));
      shownSpec = JSON.stringify(current.spec);
    },
  };
}

/** Updates the log; scrolls to its end only if the reader is already there. */
function writeLog(log, text) {
  const isAtEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 24;
  setText(log, text || "No log lines yet.");
  if (isAtEnd) log.scrollTop = log.scrollHeight;
}

function attemptsHead() {
  return h("thead", {}, h("tr", {}, ["No.", "Worker", "Started", "Ran", "From epoch", "Outcome"].map((text) => h("th", { scope: "col" }, text))));
}

function attemptRow(attempt) {
  return h("tr", {},
    h("th", { scope: "row" }, attempt.number), h("td", {}, attempt.worker), h("td", {}, ago(attempt.started_at)),
    h("td", {}, elapsed(attempt.started_at, attempt.ended_at)), h("td", {}, attempt.from_epoch ?? 0),
    h("td", {}, attempt.outcome ? words(attempt.outcome) : "running"));
}

/** The settings; of a job that waits for its dataset those that are known, and the names of the others. */
function specCard(job) {
  const command = commandBlock("As curl", jobCommand({ ...job.spec, ...(job.priority ? { priority: job.priority } : {}) }));
  if (job.queued_reason !== "waiting_for_dataset") return [h("h2", {}, "Resolved settings"), h("dl", { class: "spec" }, specRows(job.spec, job.priority)), command];
  const isOpen = ([name, value]) => value === null && !OPTIONAL_FIELDS.has(name);
  const fields = Object.entries({ ...job.spec, dataset: datasetName(job.spec.dataset) });
  const later = fields.filter(isOpen).map(([name]) => words(name));
  return [h("h2", {}, "Settings"), h("p", { class: "muted" }, `Chosen when the dataset is ready: ${later.join(", ")}.`),
    h("dl", { class: "spec" }, specRows(Object.fromEntries(fields.filter((field) => !isOpen(field))), job.priority)), command];
}

function specRows(spec, priority = 0) {
  return Object.entries({ ...spec, priority })
    .filter(([, value]) => !Array.isArray(value) || value.length)
    .map(([name, value]) => h("div", {}, h("dt", {}, words(name)), h("dd", {}, valueText(value))));
}
