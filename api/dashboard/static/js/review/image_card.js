/** One image of the review, with production's answer and a button for each class. */

import { h } from "../ui/dom.js";
import { percent } from "../ui/format.js";
import { hint } from "./keys.js";

const SMALL = 64;
const SHOWN_CLASSES = 30;

/** `decide` takes a class, or null to throw the image away; `pick` asks for a class by its name; `undo` may be null. */
export function imageCard(image, classes, { decide, pick, undo }) {
  const picture = h("img", { src: image.image.replace(/^\//, ""), alt: "The image to review", onload: ({ target }) => target.classList.toggle("is-small", Math.max(target.naturalWidth, target.naturalHeight) <= SMALL) });
  const buttons = classes.slice(0, SHOWN_CLASSES).map((name, index) => classButton(name, hint(classes, index), () => decide(name)));
  return h("div", { class: "card review-card", "data-image": image.id },
    h("div", { class: "review-picture" }, picture),
    h("div", {},
      h("h2", { tabindex: "-1" }, `${image.label}?`),
      h("p", { class: "muted" }, image.scores.slice(0, 3).map(({ label, score }) => `${label} ${percent(score)}`).join(", "), ` by version ${image.version}`),
      h("div", { class: "review-classes", role: "group", "aria-label": "Classes" }, buttons, classes.length > SHOWN_CLASSES ? h("button", { class: "quiet small", onclick: pick }, "Another class…") : null),
      h("div", { class: "actions" },
        h("button", { class: "primary", onclick: () => decide(image.label) }, `Yes, ${image.label}`),
        h("button", { class: "quiet", onclick: () => decide(null) }, "Throw away"),
        undo ? h("button", { class: "quiet", onclick: undo }, "Undo") : null),
      h("p", { class: "muted review-keys" }, "Keys: Enter confirms, a number or the first letter gives a class, Backspace throws away, u undoes.")));
}

function classButton(name, key, onclick) {
  return h("button", { class: "quiet small", onclick, "aria-label": name, "aria-keyshortcuts": key || null }, key && key !== name ? h("kbd", {}, key) : null, name);
}
