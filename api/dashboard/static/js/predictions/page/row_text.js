/** One row of a batch as text and as a small picture. */

import { h } from "../../ui/dom.js";

const SHARP_SIDE = 64;

/** The path of a file in the zip, or the id of an image of a dataset. */
export function nameOf({ file, image }) {
  return file ?? image;
}

export function stateOf({ status, abstained }) {
  return status === "error" ? "error" : abstained ? "unsure" : "sure";
}

/** The thumbnail; a square without one for a file that is no image, and when the dataset lists no images or was deleted. */
export function picture(prediction, row) {
  const empty = h("span", { class: "thumbnail no-picture" }, "no picture");
  if (row.status === "error") return empty;
  const image = h("img", { class: "thumbnail is-small", src: addressOf(prediction, row), alt: "", loading: "lazy", decoding: "async", width: 160, height: 160, draggable: "false" });
  image.addEventListener("error", () => image.replaceWith(empty));
  image.addEventListener("load", () => image.classList.toggle("is-small", Math.max(image.naturalWidth, image.naturalHeight) <= SHARP_SIDE));
  return image;
}

function addressOf({ id, dataset }, { image, index }) {
  return dataset ? `datasets/${encodeURIComponent(dataset)}/images/${encodeURIComponent(image)}?size=thumbnail` : `predictions/${encodeURIComponent(id)}/images/${index}`;
}

/** The uploaded file, which only datasets keep. */
export function originalOf({ dataset }, { image }) {
  return dataset ? `datasets/${encodeURIComponent(dataset)}/images/${encodeURIComponent(image)}?size=original` : null;
}
