/** Shows the keys of the grid. */

import { h } from "../../ui/dom.js";
import { KEYS } from "./commands.js";

export function showKeys() {
  const dialog = h("dialog", { class: "sign-in keys", "aria-label": "Keys" }, h("h2", {}, "Keys"),
    h("dl", {}, KEYS.map(([key, what]) => h("div", {}, h("dt", {}, key), h("dd", {}, what)))),
    h("form", { method: "dialog", class: "actions" }, h("button", { autofocus: true }, "Close")));
  dialog.addEventListener("keydown", (event) => event.stopPropagation());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
