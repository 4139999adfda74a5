/** All batch predictions, and the form that begins one. */

import { h, fill, show } from "../ui/dom.js";
import { commandBlock } from "../ui/curl_command.js";
import { PredictionForm } from "./form.js";
import { PredictionList } from "./list.js";

export function predictionsView({ jobs, query }) {
  const place = h("div", {}, h("div", { class: "card is-loading prediction-form", "aria-hidden": "true" }));
  const empty = h("div", { class: "first-data", hidden: true }, h("p", {}, "No batch yet. Choose images above; or in a shell:"),
    commandBlock("Command", "ninefold predictions create flowers --zip photos.zip", { isOpen: true }));
  const list = new PredictionList(jobs, { onRead: (count) => show(empty, count === 0) });
  showForm(place, query.get("dataset") ?? "");
  const element = h("section", { class: "predictions-view" },
    h("a", { class: "back", href: "#/classify" }, "Classify single images"),
    h("div", { class: "view-head" }, h("h1", {}, "Batches")), place, empty, list.element);
  return { title: "Batches", element, close: () => list.close() };
}

async function showForm(place, dataset) {
  try {
    const form = new PredictionForm({ dataset });
    if (await form.load()) fill(place, form.element);
    else fill(place, h("div", { class: "empty" }, h("h2", {}, "No model yet"), h("p", {}, "A model classifies the images of a dataset or a zip. Train one first."), h("a", { class: "button primary", href: "#/jobs" }, "Train a model")));
  } catch (problem) {
    fill(place, h("p", { class: "notice", role: "alert" }, problem.message, " ", h("button", { class: "quiet small", onclick: () => showForm(place, dataset) }, "Try again")));
  }
}
