/** A button that imports a model which another service exported, and says how far the import is. */

import { announce } from "../ui/announcements.js";
import { h, setText, show } from "../ui/dom.js";
import { percent } from "../ui/format.js";
import { get } from "../http/requests.js";
import { upload } from "../http/upload.js";

const ENDED = new Set(["succeeded", "failed", "cancelled"]);

/** Returns the button, and the line that says how far the import is; `reload` is called when there is a new model. */
export function importButton(reload) {
  const note = h("p", { class: "muted import-note", role: "status", hidden: true });
  const input = h("input", { id: "model-bundle", type: "file", accept: ".zip,application/zip", class: "hidden", onchange: () => choose() });
  const button = h("label", { for: "model-bundle", class: "button quiet" }, "Import a model");
  const say = (text, { isError = false } = {}) => { setText(note, text); note.classList.toggle("notice", isError); show(note, true); };
  const choose = async () => {
    const [file] = input.files;
    input.value = "";
    if (!file) return;
    input.disabled = true;
    try {
      const { model } = await importBundle(file, say);
      say(`${model.name}: version ${model.version} was imported. It is not in production yet.`);
      announce(`${model.name}: version ${model.version} was imported.`);
      reload();
    } catch (problem) {
      say(problem.message, { isError: true });
    }
    input.disabled = false;
  };
  return { elements: [input, button], note };
}

async function importBundle(file, say) {
  const onProgress = (sent, total) => say(`Sending ${file.name}: ${percent(total ? sent / total : 1, 0)}`);
  let found = await upload("models/import", file, { onProgress, signal: new AbortController().signal });
  say(`Checking ${file.name}…`);
  while (!ENDED.has(found.status)) found = await get(`models/imports/${found.id}?wait_s=20`);
  if (found.status !== "succeeded") throw new Error(found.error?.message ?? "The import was cancelled.");
  return found.result;
}
