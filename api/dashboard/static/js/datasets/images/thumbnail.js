/** A small picture of an image of a dataset, in a square of fixed size, loaded when it comes into view. */

import { h } from "../../ui/dom.js";

/** An image of this side or less is shown with its pixels, larger than it is. */
const SHARP_SIDE = 64;

export function thumbnail({ links, width, height }, alt = "") {
  const isSmall = Math.max(width, height) <= SHARP_SIDE;
  return h("img", { class: isSmall ? "thumbnail is-small" : "thumbnail", src: links.thumbnail, alt, loading: "lazy", decoding: "async", width: 160, height: 160, draggable: "false" });
}
