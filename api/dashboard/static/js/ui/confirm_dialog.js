/** Asks before something that cannot be undone. */

import { h } from "./dom.js";

/** Resolves to true if the user presses the button with the label `verb`. */
export function confirmed(title, text, verb) {
  return new Promise((resolve) => {
    const form = h("form", { class: "stack", method: "dialog" }, h("h2", {}, title), h("p", { class: "muted" }, text),
      h("div", { class: "actions" }, h("button", { value: "yes", class: "quiet danger" }, verb), h("button", { value: "no", autofocus: true }, "Keep")));
    const dialog = h("dialog", { class: "sign-in", "aria-label": title }, form);
    dialog.addEventListener("close", () => { dialog.remove(); resolve(dialog.returnValue === "yes"); });
    document.body.append(dialog);
    dialog.showModal();
  });
}
