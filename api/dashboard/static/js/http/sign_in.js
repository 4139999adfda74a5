/** Exchanges an API key for the session cookie; requests that fail at the same time share one dialog. */

import { h, setText } from "../ui/dom.js";

let pending = null;
let accepted = 0;

/** How many keys the service accepted so far; to be read before a request and passed to `signIn` after its 401. */
export const acceptedKeys = () => accepted;

/** Opens the dialog, unless a key was accepted since the request was sent; resolves once the service accepted a key. */
export function signIn(acceptedBefore) {
  if (acceptedBefore !== accepted) return Promise.resolve();
  pending ??= new Promise(openDialog).finally(() => { pending = null; accepted += 1; });
  return pending;
}

function openDialog(resolve) {
  const key = h("input", { id: "key", name: "key", type: "password", required: true, autocomplete: "current-password", "aria-describedby": "key-error" });
  const error = h("p", { id: "key-error", class: "field-error", role: "alert" });
  const form = h("form", { class: "stack", method: "dialog" },
    h("h2", {}, "Sign in"),
    h("p", { class: "muted" }, "This service asks for an API key. It is kept in a cookie that scripts cannot read."),
    h("label", { for: "key" }, "API key"), key, error,
    h("button", { class: "primary" }, "Sign in"));
  const dialog = h("dialog", { class: "sign-in", "aria-label": "Sign in" }, form);
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    setText(error, await startSession(key.value));
    if (error.textContent) return key.select();
    dialog.remove();
    resolve();
  });
  document.body.append(dialog);
  dialog.showModal();
}

/** Returns an empty string if the service accepts the key, else an error message. */
async function startSession(key) {
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ key: key.trim() }) };
  try {
    const response = await fetch("session", options);
    if (response.ok) return "";
    return response.status === 401 ? "That key is not known to this service." : `The service answered ${response.status}.`;
  } catch {
    return "The service does not answer.";
  }
}
