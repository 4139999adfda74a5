/** Shows a message for a few seconds in the page's status line, which screen readers read aloud. */

import { setText } from "./dom.js";

const SHOWN_MS = 5000;
let timer = null;

export function announce(text) {
  const line = document.getElementById("status");
  setText(line, text);
  line.classList.add("is-shown");
  clearTimeout(timer);
  timer = setTimeout(() => line.classList.remove("is-shown"), SHOWN_MS);
}
