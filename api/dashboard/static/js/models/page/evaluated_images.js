/** The images behind a figure of an evaluation: what the model takes them for, and how sure it is. */

import { announce } from "../../ui/announcements.js";
import { overlayImage } from "../../classify/overlay.js";
import { h, fill, setText, show } from "../../ui/dom.js";
import { percent } from "../../ui/format.js";
import { get } from "../../http/requests.js";

const PAGE_SIZE = 48;
const ORDERS = { worst: "Least likely label first", best: "Most likely label first" };

export class EvaluatedImages {
  /** `path`: of the list of images; onClose() is called when the reader closes the panel. */
  constructor({ path, onClose }) {
    this.path = path;
    this.title = h("h2", { tabindex: "-1" });
    this.order = h("select", { "aria-label": "Order", onchange: () => this.#readFirst() }, Object.entries(ORDERS).map(([value, text]) => h("option", { value }, text)));
    this.list = h("ul", { class: "image-grid" });
    this.more = h("button", { class: "quiet", hidden: true, onclick: () => this.#readMore() }, "More images");
    this.note = h("p", { class: "muted small", role: "status" });
    this.element = h("section", { class: "card evaluated-images", hidden: true, "aria-label": "Images" },
      h("div", { class: "view-head" }, this.title, h("div", { class: "actions" }, this.order, h("button", { class: "quiet", onclick: () => { show(this.element, false); onClose(); } }, "Close"))),
      this.list, h("div", { class: "grid-foot" }, this.more, this.note));
  }

  /** Shows the images of this label and this predicted class; either may be left out. */
  async open({ label, predicted }) {
    this.wanted = { label, predicted };
    setText(this.title, titleOf(this.wanted));
    show(this.element, true);
    this.element.scrollIntoView({ block: "nearest" });
    this.title.focus({ preventScroll: true });
    await this.#readFirst();
  }

  async #readFirst() {
    this.images = [];
    fill(this.list, Array.from({ length: 8 }, () => h("li", {}, h("span", { class: "tile is-loading" }))));
    setText(this.note, "");
    await this.#readMore();
  }

  async #readMore() {
    const { wanted } = this;
    const order = this.order.value;
    const query = new URLSearchParams(Object.entries({ ...wanted, order, limit: PAGE_SIZE, after: this.images.at(-1)?.image }).filter(([, value]) => value !== undefined));
    show(this.more, false);
    try {
      const { data, has_more: hasMore } = await get(`${this.path}?${query}`);
      if (wanted !== this.wanted || order !== this.order.value) return;
      if (!this.images.length) fill(this.list);
      this.images.push(...data);
      this.list.append(...data.map(tile));
      show(this.more, hasMore);
      setText(this.note, this.images.length ? `${this.images.length} image${this.images.length === 1 ? "" : "s"}${hasMore ? " so far" : ""}` : "No test image is there.");
    } catch (problem) {
      if (wanted !== this.wanted) return;
      if (!this.images.length) fill(this.list);
      setText(this.note, problem.message);
    }
  }
}

function titleOf({ label, predicted }) {
  if (label === predicted) return `${label}, recognised`;
  if (label && predicted) return `${label}, taken for ${predicted}`;
  return label ? `All test images of ${label}` : `Everything taken for ${predicted}`;
}

function tile({ image, label, predicted, score, label_score: labelScore, rank, links }) {
  const isRight = rank === 1;
  const text = isRight ? `${label} ${percent(score, 0)}` : `${predicted} ${percent(score, 0)}`;
  const parts = [picture(links), h("span", { class: "tile-class" }, text), h("span", { class: "tile-split" }, isRight ? "right" : `is ${label}: ${percent(labelScore)}`)];
  const about = { class: "tile", title: image, "data-right": String(isRight) };
  return h("li", { "data-image": image }, links ? h("a", { ...about, href: `${links.self}?size=original`, target: "_blank", rel: "noopener" }, parts) : h("div", about, parts),
    links?.explanation ? lookButton(links.explanation, parts[0]) : null);
}

/** Shows the heat map in place of the thumbnail, while it is pressed. */
function lookButton(address, thumbnail) {
  let overlay = null;
  const canvas = h("canvas", { class: "thumbnail", width: 160, height: 160 });
  const button = h("button", { type: "button", class: "quiet small", "aria-pressed": "false" }, "Where it looked");
  button.addEventListener("click", async () => {
    const isPressed = button.getAttribute("aria-pressed") !== "true";
    button.disabled = true;
    try {
      if (isPressed) overlay ??= await overlayImage((await get(address.replace(/^\//, ""))).explanation);
      if (isPressed) {
        canvas.getContext("2d").drawImage(overlay, 0, 0, canvas.width, canvas.height);
        thumbnail.replaceWith(canvas);
      } else canvas.replaceWith(thumbnail);
      button.setAttribute("aria-pressed", String(isPressed));
    } catch (problem) {
      announce(problem.message);
    }
    button.disabled = false;
  });
  return button;
}

/** The thumbnail; a square without one when the dataset lists no images, or was deleted since. */
function picture(links) {
  const empty = h("span", { class: "thumbnail no-picture" }, "no picture");
  if (!links) return empty;
  const image = h("img", { class: "thumbnail is-small", src: links.thumbnail, alt: "", loading: "lazy", decoding: "async", width: 160, height: 160, onerror: () => image.replaceWith(empty) });
  image.addEventListener("load", () => image.classList.toggle("is-small", Math.max(image.naturalWidth, image.naturalHeight) <= 64));
  return image;
}
