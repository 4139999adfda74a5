/** An alias of a model: a button that rolls it back, and its history. */

import { announce } from "../ui/announcements.js";
import { h, fill, show } from "../ui/dom.js";
import { ago, comparisonText } from "../ui/format.js";
import { get, post } from "../http/requests.js";
import { leastScores, leastScoresText } from "./least_scores.js";

/** The histories that are open: a page that is drawn again, because a job has ended, opens them again. */
const open = new Set();

/** `reload` is called after the alias was rolled back. */
export function aliasPanel(name, alias, reload) {
  const path = `models/${encodeURIComponent(name)}/aliases/${alias}`;
  const back = h("button", { class: "quiet small", hidden: true });
  showRollback(back, path, reload);
  return h("div", { class: "alias-panel" }, history(path, alias), leastScores(path, reload), back);
}

async function showRollback(button, path, reload) {
  try {
    const state = await get(path);
    if (state.previous_version === null) return;
    fill(button, `Roll back to version ${state.previous_version}`);
    button.setAttribute("aria-label", `Roll ${state.name} back to version ${state.previous_version}`);
    button.addEventListener("click", () => rollBack(button, path, state, reload));
    show(button, true);
  } catch (problem) {
    if (problem.status !== 404) announce(problem.message);
  }
}

/** The version that the page shows is sent along: two presses, or two people, roll back once. */
async function rollBack(button, path, state, reload) {
  button.disabled = true;
  try {
    const now = await post(`${path}/rollback`, { expected_version: state.version });
    announce(`${now.name}: version ${now.version} is ${now.alias} again.`);
  } catch (problem) {
    announce(problem.message);
  }
  reload();
}

function history(path, alias) {
  const rows = h("tbody");
  const older = h("button", { class: "quiet small", hidden: true }, "Older changes");
  const note = h("p", { class: "muted" }, "Loading…");
  const head = ["When", "Who", "Version", "Why"].map((text) => h("th", { scope: "col" }, text));
  const table = h("div", { class: "scroll", hidden: true }, h("table", {}, h("thead", {}, h("tr", {}, head)), rows));
  let last = "";
  const readMore = async () => {
    older.disabled = true;
    try {
      const page = await get(`${path}/history${last ? `?after=${last}` : ""}`);
      rows.append(...page.data.map(row));
      last = page.data.at(-1).id;
      show(note, false);
      show(table, true);
      show(older, page.has_more);
    } catch (problem) {
      fill(note, problem.message);
    }
    older.disabled = false;
  };
  older.addEventListener("click", readMore);
  const onToggle = ({ target }) => {
    if (target.open) open.add(path);
    else open.delete(path);
    if (target.open && !last) readMore();
  };
  return h("details", { open: open.has(path), ontoggle: onToggle },
    h("summary", {}, `History of ${alias}`), note, table, older);
}

function row(change) {
  const moved = change.refused_version
    ? [`${change.to_version} stays`, h("span", { class: "muted" }, ` ${change.refused_version} refused`)]
    : change.from_version === change.to_version ? `${change.to_version} stays`
    : [`${change.from_version ?? "none"} → ${change.to_version ?? "none"}`, change.returns_to ? h("span", { class: "muted" }, " rollback") : null];
  const job = change.job_id ? h("a", { href: `#/jobs/${change.job_id}` }, "by its job") : null;
  const why = [change.reason, change.min_scores && `unsure below ${leastScoresText(change.min_scores)}`, change.gate && comparisonText(change.gate)].filter(Boolean).join(" · ");
  return h("tr", {}, h("td", { title: change.at }, ago(change.at)), h("td", {}, change.by ?? "anybody"),
    h("td", {}, moved), h("td", {}, why, why && job ? " · " : null, job));
}
