/** Says what is corrected and not yet a version, with a note and the button that makes the version. */

import { announce } from "../../ui/announcements.js";
import { h, setText, show } from "../../ui/dom.js";
import { whole } from "../../ui/format.js";
import { get, post } from "../../http/requests.js";

const ENDED_WITHOUT = ["rejected", "cancelled"];

export function correctionsBar(dataset, corrections) {
  const bar = new CorrectionsBar(dataset, corrections);
  return { element: bar.element, close: () => corrections.removeEventListener("changed", bar.draw) };
}

class CorrectionsBar {
  constructor(dataset, corrections) {
    Object.assign(this, { dataset, corrections });
    this.text = h("strong", { role: "status" });
    this.note = h("input", { id: "version-note", type: "text", maxlength: "1000", placeholder: "Note: what did you correct?", "aria-label": "Note of the version", autocomplete: "off" });
    this.note.value = corrections.note;
    this.note.addEventListener("input", () => corrections.setNote(this.note.value));
    this.make = h("button", { class: "primary" }, "Make version");
    this.error = h("p", { class: "field-error", role: "alert" });
    this.form = h("form", { class: "correction-form" }, this.note,
      h("button", { type: "button", class: "quiet", onclick: () => corrections.undo() }, "Undo"),
      h("button", { type: "button", class: "quiet danger", onclick: () => { corrections.clear(); this.note.value = ""; } }, "Discard all"), this.make);
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.#make(); });
    this.element = h("section", { class: "card correction-bar", "aria-label": "Corrections" }, this.text, this.form, this.error);
    corrections.addEventListener("changed", this.draw);
    this.draw();
    if (corrections.importId) this.#readImport();
  }

  draw = () => {
    const { corrections } = this;
    const isMaking = Boolean(corrections.importId);
    show(this.element, !corrections.isEmpty || Boolean(this.error.textContent));
    setText(this.text, isMaking ? "The next version is being made…" : summary(corrections.counts));
    show(this.form, !isMaking && !corrections.isEmpty);
    if (corrections.isEmpty) setText(this.error, "");
  };

  async #make() {
    this.make.disabled = true;
    setText(this.error, "");
    try {
      const { corrections } = this;
      const path = `datasets/${encodeURIComponent(this.dataset.id)}/versions`;
      const made = await post(path, corrections.body, { "Idempotency-Key": corrections.idempotencyKey });
      corrections.importId = made.id;
      location.hash = `#/datasets/${encodeURIComponent(made.id)}`;
    } catch (problem) {
      setText(this.error, [problem.message, ...(problem.errors ?? []).map(({ param, message }) => `${param}: ${message}`)].join(" "));
    } finally {
      this.make.disabled = false;
    }
  }

  /** Finds out what became of a version whose making was not watched to its end. */
  async #readImport() {
    const { corrections } = this;
    try {
      const made = await get(`datasets/${encodeURIComponent(corrections.importId)}`);
      if (made.status === "ready") {
        corrections.clear();
        announce(`${made.name} has version ${made.version} with your corrections.`);
      } else if (ENDED_WITHOUT.includes(made.status)) {
        setText(this.error, made.error?.message ?? "The making of the version was cancelled.");
        corrections.importId = null;
      }
    } catch (problem) {
      if (problem.status === 404) corrections.importId = null;
      else setText(this.error, problem.message);
    }
  }
}

/** "3 relabelled, 2 removed, one kept in 1 group". */
export function summary({ relabelled, removed, groups }) {
  return [
    relabelled && `${whole(relabelled)} relabelled`,
    removed && `${whole(removed)} removed`,
    groups && `one kept of ${groups === 1 ? "1 group" : `${whole(groups)} groups`}`,
  ].filter(Boolean).join(", ");
}
