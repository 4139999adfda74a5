/** One image large, with its facts and the buttons that correct it. The arrow keys move, Escape closes. */

import { h, fill, setText } from "../../ui/dom.js";
import { bytes, words } from "../../ui/format.js";
import { datasetHref, modeName } from "../dataset_text.js";

export class ImageDialog {
  /** `grid` has the images; onClose() is called after the dialog was closed. */
  constructor({ dataset, grid, corrections, commands, onClose }) {
    Object.assign(this, { dataset, grid, corrections, commands });
    this.picture = h("div", { class: "viewer-picture" });
    this.title = h("h2", { tabindex: "-1" });
    this.state = h("p", { class: "viewer-state", role: "status" });
    this.facts = h("dl", { class: "facts" });
    this.previous = h("button", { class: "quiet", "aria-label": "Previous image", onclick: () => this.#move(-1) }, "←");
    this.next = h("button", { class: "quiet", "aria-label": "Next image", onclick: () => this.#move(1) }, "→");
    this.remove = h("button", { class: "quiet danger", onclick: () => commands.toggleRemoved([this.image]) });
    this.accept = h("button", { class: "primary", onclick: () => { commands.accept([this.image]); this.#move(1); } });
    this.keep = h("button", { class: "quiet", onclick: () => commands.keepOne([this.image]) });
    const close = h("button", { class: "quiet", "aria-label": "Close", onclick: () => this.dialog.close() }, "✕");
    this.dialog = h("dialog", { class: "viewer", "aria-label": "Image" }, this.picture, h("div", { class: "viewer-side" },
      h("div", { class: "viewer-nav" }, this.previous, this.next, close), this.title, this.state,
      h("div", { class: "actions" }, this.accept, h("button", { class: "quiet", onclick: () => commands.choose([this.image]) }, "Relabel…"), this.remove, this.keep,
        h("button", { class: "quiet", onclick: () => commands.undo() }, "Undo")), this.facts));
    this.dialog.addEventListener("keydown", (event) => this.#onKeyDown(event));
    this.dialog.addEventListener("close", () => { corrections.removeEventListener("changed", this.draw); this.dialog.remove(); onClose(); });
    corrections.addEventListener("changed", this.draw);
  }

  get image() {
    return this.grid.images[this.index];
  }

  open(index) {
    document.body.append(this.dialog);
    this.dialog.showModal();
    this.#show(index);
    this.title.focus();
  }

  close() {
    this.dialog.close();
  }

  #move(step) {
    const next = this.index + step;
    if (next < 0 || next >= this.grid.tiles.length) return;
    if (next >= this.grid.tiles.length - 2 && !this.grid.more.hidden) this.grid.onMore();
    this.#show(next);
  }

  #show(index) {
    this.index = index;
    const { image } = this;
    const large = h("img", { src: image.links.original, alt: `${image.class}, ${image.path}`, width: image.width, height: image.height });
    if (Math.max(image.width, image.height) <= 64) large.classList.add("is-small");
    fill(this.picture, large);
    const facts = {
      Class: image.class, Split: image.split, Size: `${image.width} × ${image.height} pixels`, File: `${image.format}, ${modeName(image.mode)}, ${bytes(image.size_bytes)}`, Path: image.path,
      Group: image.group && h("a", { href: datasetHref(this.dataset, `/images?group=${image.group}`) }, "its near-duplicates"),
      Findings: image.findings.length ? image.findings.map(words).join(", ") : "none", Id: h("code", {}, image.id),
    };
    fill(this.facts, Object.entries(facts).filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
    this.draw();
  }

  draw = () => {
    const { image } = this;
    const corrected = this.corrections.of(image);
    setText(this.title, corrected.class ?? image.class);
    setText(this.state, corrected.isRemoved ? "Removed in the next version" : corrected.class !== undefined ? `Relabelled from ${image.class}` : corrected.isOneKept ? "One image of its group is kept"
      : image.suggested_class ? `Likely ${image.suggested_class}` : "");
    setText(this.remove, corrected.isRemoved ? "Keep it" : "Remove");
    setText(this.keep, corrected.isOneKept ? "Keep its group" : "Keep one of its group");
    setText(this.accept, image.suggested_class ? `It is ${image.suggested_class}` : "");
    this.accept.hidden = !image.suggested_class || corrected.class === image.suggested_class;
    this.keep.hidden = !image.group;
    this.previous.disabled = this.index === 0;
    this.next.disabled = this.index === this.grid.tiles.length - 1 && this.grid.more.hidden;
  };

  #onKeyDown(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.key === "Escape" || event.key === "Tab") return;
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const outcome = step ? "" : this.commands.press(event.key, [this.image]);
    if (!step && !outcome) return;
    event.preventDefault();
    event.stopPropagation();
    if (step || outcome === "next") this.#move(step ?? 1);
  }
}
