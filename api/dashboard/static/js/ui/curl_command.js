/** Shows a request of the page as a curl command to copy into a shell. */

import { announce } from "./announcements.js";
import { h } from "./dom.js";
import { session } from "../http/session.js";

/** These values say no more than leaving the field out does; an `init_from` of null does. */
const OMITTED = { promote: "first", seed: 0 };

/** A collapsible block with a command and a Copy button. */
export function commandBlock(title, text, { isOpen = false } = {}) {
  const code = h("pre", { tabindex: "0" }, text);
  const button = h("button", { type: "button", class: "quiet small", onclick: () => copy(code) }, "Copy");
  return h("details", { class: "snippet", open: isOpen }, h("summary", {}, title), h("div", { class: "snippet-body" }, code, button));
}

/** A rerun copies its settings, so the command has the settings and not `rerun_of`; a job that continues another names it. */
export function jobCommand({ extended_from: source, ...spec }) {
  if (source) return postJob({ extend: source.job, ...(spec.time_budget_s ? { time_budget_s: spec.time_budget_s } : { epochs: spec.epochs - source.epochs }) });
  const kept = Object.entries(spec).filter(([name, value]) => OMITTED[name] !== value && name !== "rerun_of" && (value !== null || name === "init_from") && !(Array.isArray(value) && value.length === 0));
  return postJob(Object.fromEntries(kept));
}

function postJob(body) {
  return `curl ${absoluteUrl("jobs")}${keyHeader()} --json ${shellQuoted(JSON.stringify(body))}`;
}

export function predictCommand(model, filename, options = "") {
  const query = model ? `?model=${encodeURIComponent(model)}${options}` : "";
  return `curl ${shellQuoted(absoluteUrl("predict") + query)}${keyHeader()} --data-binary ${shellQuoted(`@${filename}`)}`;
}

/** The shell inserts the key: it is in no page, and would be in the history of the shell. */
function keyHeader() {
  return session.needsKey ? ' -H "Authorization: Bearer $NINEFOLD_API_KEY"' : "";
}

function absoluteUrl(path) {
  return new URL(path, document.baseURI).href;
}

function shellQuoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Browsers offer the clipboard only on https and localhost; elsewhere this selects the text instead. */
async function copy(code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    announce("Copied.");
  } catch {
    getSelection().selectAllChildren(code);
    announce("Selected: press Ctrl+C to copy.");
  }
}
