/** The scores below which answers through an alias abstain: a field for all classes and one for each class. */

import { announce } from "../ui/announcements.js";
import { h, fill, setText } from "../ui/dom.js";
import { get, request } from "../http/requests.js";

const EVERY_CLASS = "*";

export function leastScores(path, reload) {
  const form = h("form", { class: "least-scores" }, h("p", { class: "muted" }, "Loading…"));
  const onToggle = ({ target }) => {
    if (target.open && !form.elements.length) showFields(form, path, reload);
  };
  return h("details", { ontoggle: onToggle }, h("summary", {}, "Least scores"), form);
}

/** Tells the scores in one line. */
export function leastScoresText(scores) {
  const texts = Object.entries(scores).map(([label, score]) => (label === EVERY_CLASS ? `${score}` : `${label} ${score}`));
  return texts.join(", ") || "nothing";
}

async function showFields(form, path, reload) {
  try {
    const state = await get(path);
    const { classes } = await get(`models/${state.model_id}`);
    const error = h("p", { class: "field-error", role: "alert" });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      save(form, path, state, error, reload);
    });
    fill(form,
      h("p", { class: "muted" }, "Answers through this alias with a lower score say that they are unsure."),
      [EVERY_CLASS, ...classes].map((label) => field(label, state.min_scores[label])),
      h("button", { type: "submit", class: "small" }, "Save"), error);
  } catch (problem) {
    fill(form, h("p", { class: "muted" }, problem.message));
  }
}

function field(label, score) {
  const input = h("input", { name: label, type: "number", min: "0", max: "1", step: "any", value: score ?? "" });
  return h("label", { class: "field inline" }, h("span", {}, label === EVERY_CLASS ? "Every other class" : label), input);
}

/** The version that the page shows is sent along: the alias may have moved meanwhile. */
async function save(form, path, state, error, reload) {
  const given = [...form.querySelectorAll("input")].filter((input) => input.value !== "");
  const scores = Object.fromEntries(given.map((input) => [input.name, input.valueAsNumber]));
  const body = { version: state.version, expected_version: state.version, min_scores: scores };
  try {
    const now = await request("PUT", path, { json: body });
    announce(`${now.name}: answers are unsure below ${leastScoresText(now.min_scores)}.`);
    reload();
  } catch (problem) {
    setText(error, problem.message);
  }
}
