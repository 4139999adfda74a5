/** The page of one model: how good it is on its test images, and which images it takes for which class. */

import { h, fill, setText, show } from "../../ui/dom.js";
import { ago, decimal, interval, percent, whole } from "../../ui/format.js";
import { get } from "../../http/requests.js";
import { classTablePart } from "./class_table.js";
import { curvesPart } from "./curves.js";
import { EvaluatedImages } from "./evaluated_images.js";
import { matrixPart } from "./matrix.js";
import { OtherDatasets } from "./other_datasets.js";
import { BatchesPart } from "../../predictions/model_part.js";

export function modelView({ jobs, id, query }) {
  const view = new ModelView(jobs, id, query);
  return { title: id, element: view.element, close: () => view.close() };
}

class ModelView {
  constructor(jobs, ref, query) {
    Object.assign(this, { jobs, ref, run: query.get("evaluation") });
    this.asked = { label: query.get("label") ?? undefined, predicted: query.get("predicted") ?? undefined };
    this.name = h("h1", {}, ref.startsWith("mdl_") ? "Model" : ref);
    this.badges = h("span");
    this.actions = h("div", { class: "actions" });
    this.about = h("p", { class: "muted model-about" }, "Loading…");
    this.body = h("div", { class: "model-body" }, h("div", { class: "card is-loading", "aria-hidden": "true" }));
    this.element = h("section", { class: "model-view" }, h("a", { class: "back", href: "#/models" }, "All models"),
      h("div", { class: "view-head" }, this.name, this.badges, this.actions), this.about, this.body);
    this.load();
  }

  close() {
    this.isClosed = true;
    this.others?.close();
    this.batches?.close();
  }

  load = async () => {
    try {
      const model = await get(`models/${encodeURIComponent(this.ref)}`);
      const path = `models/${encodeURIComponent(model.id)}/${this.run ? `evaluations/${encodeURIComponent(this.run)}` : "evaluation"}`;
      const evaluation = await readEvaluation(path);
      if (this.isClosed) return;
      this.#drawHead(model);
      this.#drawBody(model, evaluation, path);
    } catch (problem) {
      if (this.isClosed) return;
      fill(this.about);
      fill(this.body, h("p", { class: "notice", role: "alert" }, problem.message, " ", h("button", { class: "quiet small", onclick: this.load }, "Try again")));
    }
  };

  #drawHead(model) {
    setText(this.name, `${model.name}:${model.version}`);
    document.title = `${model.name}:${model.version} · Ninefold`;
    fill(this.badges, model.aliases.map((alias) => h("span", { class: "badge", "data-alias": alias }, alias)));
    fill(this.about, "Trained on ", h("a", { href: `#/datasets/${encodeURIComponent(model.dataset.id)}` }, model.dataset.name),
      ` · ${whole(model.classes.length)} classes · ${model.preprocessing.image_size} px · made ${ago(model.created_at)}`, model.job_id ? [" by ", h("a", { href: `#/jobs/${model.job_id}` }, "this job")] : null, importedFrom(model));
    const files = h("details", { class: "downloads" }, h("summary", { class: "button quiet" }, "Download"),
      h("ul", {}, h("li", {}, h("a", { href: `models/${encodeURIComponent(model.id)}/bundle`, download: true }, "All in one zip")),
        ["README.md", ...Object.keys(model.files), "manifest.json"].map((file) => h("li", {}, h("a", { href: `models/${encodeURIComponent(model.id)}/files/${encodeURIComponent(file)}`, download: true }, file)))));
    fill(this.actions, h("a", { class: "button primary", href: `#/classify?model=${model.id}` }, "Classify"), files);
  }

  #drawBody(model, evaluation, path) {
    this.others?.close();
    this.batches?.close();
    this.others = new OtherDatasets(this.jobs, model);
    this.batches = new BatchesPart(this.jobs, model);
    if (evaluation.message) return void fill(this.body, h("p", { class: "card muted" }, evaluation.message), this.others.element, this.batches.element);
    const images = new EvaluatedImages({ path: `${path}/images`, onClose: () => this.#remember({}) });
    const choose = (wanted) => { this.#remember(wanted); images.open(wanted); };
    fill(this.body, this.run ? runNotice(this.ref, evaluation) : null, figures(evaluation), h("div", { class: "matrix-part" }, matrixPart(evaluation, choose), images.element), curvesPart(evaluation), classTablePart(evaluation, choose), this.others.element, this.batches.element);
    const { label, predicted } = this.asked;
    if (label || predicted) images.open({ label, predicted });
  }

  /** Keeps the chosen cell in the address, so that a reload and a link show the same images. */
  #remember(wanted) {
    const query = String(new URLSearchParams(Object.entries({ evaluation: this.run ?? undefined, ...wanted }).filter(([, value]) => value !== undefined)));
    history.replaceState(null, "", `#/models/${encodeURIComponent(this.ref)}${query && `?${query}`}`);
  }
}

function importedFrom({ lineage }) {
  const origin = lineage.imported_from;
  return origin ? ` · imported from ${origin.name}:${origin.version} (${origin.id}) of another service` : null;
}

/** The evaluation at a path; `{message}` when there is none that could be shown. */
async function readEvaluation(path) {
  try {
    const found = await get(path);
    if (found.object === "evaluation") return found;
    return found.evaluation ?? { message: found.error?.message ?? `This evaluation is ${found.status}.` };
  } catch (problem) {
    if (problem.code !== "no_evaluation") throw problem;
    return { message: problem.message };
  }
}

/** Says that the page shows another dataset than the model's own. */
function runNotice(ref, { dataset, split, unknown_classes: unknown, training_overlap: overlap }) {
  const left = Object.entries(unknown).map(([name, count]) => `${whole(count)} of ${name}`);
  return h("div", {}, h("p", { class: "run-notice" }, `On the ${split === "all" ? "" : `${split} `}images of `, h("a", { href: `#/datasets/${encodeURIComponent(dataset.id)}` }, dataset.name),
    left.length ? `; not counted are images of classes that the model does not have: ${left.join(", ")}` : "", ". ",
    h("a", { href: `#/models/${encodeURIComponent(ref)}` }, "Back to its own test images")), overlap ? overlapNotice(overlap) : null);
}

/** Says how many of the images the model has seen in its training, and how good it is on the others. */
function overlapNotice({ trained_on: trainedOn, near_training: near, is_complete: isComplete, unseen }) {
  const seen = trainedOn + near;
  const others = unseen ? `On the ${whole(unseen.images)} others its accuracy is ${percent(unseen.accuracy)}, ${interval(unseen.ci95)}; the figures below are of all.`
    : "No other image is left: the figures below do not tell how good the model is on new images.";
  return [seen ? h("p", { class: "warning training-overlap" }, `The model was trained on ${whole(trainedOn)} of these images, and on images that look nearly like ${whole(near)} more. ${others}`) : null,
    isComplete ? null : h("p", { class: "warning" }, "Not all training images of the model are known: it may have seen more of these.")];
}

function figures(evaluation) {
  const { accuracy, ci95, ci95_by_group: byGroup, groups, images, balanced_accuracy: balanced, top_k: topK, log_loss: loss, log_loss_uncalibrated: rawLoss, calibration } = evaluation;
  const grouped = groups < images ? `${interval(byGroup)} by ${whole(groups)} groups of near-duplicates` : null;
  const [k, share] = Object.entries(topK).find(([rank]) => rank === "3") ?? Object.entries(topK)[0] ?? [];
  const all = [
    ["Accuracy", percent(accuracy), `${interval(ci95)} on ${whole(images)} images`, grouped],
    ["Balanced accuracy", percent(balanced), "each class counts the same"],
    k ? [`Top ${k}`, percent(share), `the label is among the ${k} likeliest`] : null,
    ["Log loss", decimal(loss), `${decimal(rawLoss)} without the temperature`],
    ["Calibration error", percent(calibration.ece), `${percent(calibration.ece_uncalibrated)} without the temperature`],
  ];
  return h("dl", { class: "figures model-figures" }, all.filter(Boolean).map(([name, value, ...notes]) =>
    h("div", {}, h("dt", {}, name), h("dd", { class: "figure" }, value), notes.filter(Boolean).map((note) => h("dd", { class: "muted" }, note)))));
}
