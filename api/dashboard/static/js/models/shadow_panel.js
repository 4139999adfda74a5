/** The shadow of a model: how often it agreed with production on a sample of the traffic, and the images where it did not. */

import { announce } from "../ui/announcements.js";
import { h, fill, show } from "../ui/dom.js";
import { ago, percent } from "../ui/format.js";
import { get, request } from "../http/requests.js";

const CONFUSIONS = 10;

/** `reload` is called after the shadow was ended. */
export function shadowPanel(name, reload) {
  const path = `models/${encodeURIComponent(name)}/aliases/shadow`;
  const text = h("p", { class: "muted" }, "Loading…");
  const confusions = h("ul", {});
  const end = h("button", { class: "quiet small", "aria-label": `End the shadow of ${name}`, onclick: () => endShadow(path, reload) }, "End shadow");
  const element = h("div", { class: "alias-panel" }, h("div", {}, text, confusions, disagreements(path)), end);
  get(`${path}/traffic`).then((found) => {
    fill(text, summary(found));
    fill(confusions, found.confusions.slice(0, CONFUSIONS).map((one) => h("li", {}, `${one.production} in production, ${one.shadow} by the shadow: ${one.images}`)));
  }).catch((problem) => fill(text, problem.message));
  return element;
}

function summary({ production, shadow, agreement, compared, dropped, failed, fraction }) {
  const pair = `Shadow: version ${shadow.version} beside version ${production.version}`;
  if (!compared && !dropped && !failed) return `${pair}, no image yet (${percent(fraction, 0)} of the traffic is sampled).`;
  return `${pair}: ${agreement === null ? "nothing compared" : `the same label for ${percent(agreement)} of ${compared} images`}, ${dropped} dropped, ${failed} failed.`;
}

async function endShadow(path, reload) {
  try {
    await request("DELETE", path);
  } catch (problem) {
    announce(problem.message);
  }
  reload();
}

function disagreements(path) {
  const grid = h("ul", { class: "disputed-images" });
  const more = h("button", { class: "quiet small", hidden: true }, "More images");
  const note = h("p", { class: "muted" }, "Loading…");
  let last = "";
  const readMore = async () => {
    more.disabled = true;
    try {
      const page = await get(`${path}/disagreements?limit=20${last ? `&after=${last}` : ""}`);
      grid.append(...page.data.map(tile));
      last = page.data.at(-1)?.id ?? last;
      fill(note, last ? "" : "None so far.");
      show(more, page.has_more);
    } catch (problem) {
      fill(note, problem.message);
    }
    more.disabled = false;
  };
  more.addEventListener("click", readMore);
  return h("details", { ontoggle: ({ target }) => { if (target.open && !last) readMore(); } },
    h("summary", {}, "Where they disagree"), note, grid, more);
}

function tile({ at, production, shadow, image }) {
  return h("li", { title: at }, image ? h("img", { src: image.replace(/^\//, ""), alt: "", loading: "lazy" }) : h("span", { class: "muted" }, "image not kept"),
    h("span", {}, `production: ${production.label} ${percent(production.score, 0)}`), h("span", {}, `shadow: ${shadow.label} ${percent(shadow.score, 0)}`), h("span", { class: "muted" }, ago(at)));
}
