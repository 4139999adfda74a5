/** What the page just did, as a command to paste into a shell. */

import { announce } from "./announcements.js";
import { h } from "./dom.js";

const DEFAULTS = new Set(["promote", "seed"]);

export function snippet(title, text) {
  const code = h("pre", { tabindex: "0" }, text);
  const button = h("button", { type: "button", class: "quiet small", onclick: () => copy(code) }, "Copy");
  return h("details", { class: "snippet" }, h("summary", {}, title), h("div", { class: "snippet-body" }, code, button));
}

export function jobCommand(spec) {
  const kept = Object.entries(spec).filter(([name, value]) => !DEFAULTS.has(name) && !(Array.isArray(value) && value.length === 0));
  return `curl ${address("jobs")} --json ${quoted(JSON.stringify(Object.fromEntries(kept)))}`;
}

export function predictCommand(model, filename) {
  const query = model ? `?model=${encodeURIComponent(model)}` : "";
  return `curl ${quoted(address("predict") + query)} --data-binary ${quoted(`@${filename}`)}`;
}

function address(path) {
  return new URL(path, document.baseURI).href;
}

function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** The clipboard exists on https and localhost alone; elsewhere the text is selected instead. */
async function copy(code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    announce("Copied.");
  } catch {
    getSelection().selectAllChildren(code);
    announce("Selected: press Ctrl+C to copy.");
  }
}
