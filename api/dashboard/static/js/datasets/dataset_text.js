/** Facts about a dataset as text, and its status as a coloured word. */

import { h } from "../ui/dom.js";
import { ago, bytes, whole } from "../ui/format.js";

/** The address of the page of a dataset. The name alone finds the latest version only, the id this one. */
export function datasetHref({ id }, path = "") {
  return `#/datasets/${encodeURIComponent(id)}${path}`;
}

/** "1,234 images in 5 classes". */
export function contentsText({ images, classes }) {
  return `${counted(images, "image")} in ${counted(classes.length, "class", "classes")}`;
}

export function counted(count, one, many = `${one}s`) {
  return `${whole(count)} ${count === 1 ? one : many}`;
}

export function originText({ size_bytes: size, created_at: created, created_by: author, ...dataset }) {
  if (dataset.is_built_in) return `${dataset.median_width} × ${dataset.median_height} pixels`;
  return [size && bytes(size), created && `added ${ago(created)}${author ? ` by ${author}` : ""}`].filter(Boolean).join(" · ");
}

export function datasetPill({ status, is_built_in: isBuiltIn }) {
  return h("span", { class: "pill", "data-status": isBuiltIn ? null : status }, isBuiltIn ? "built in" : status === "processing" ? "importing" : status);
}

export function versionBadge({ version, is_built_in: isBuiltIn }) {
  return version && !isBuiltIn ? h("span", { class: "badge" }, `version ${version}`) : null;
}

const MODES = { RGB: "colour", L: "grey", RGBA: "colour, transparent", LA: "grey, transparent", P: "palette", 1: "black and white" };

/** Pillow's word for a pixel format, in a plain one. */
export function modeName(mode) {
  return MODES[mode] ?? mode;
}
