/** Two models or more side by side: settings that differ, metrics, classes, and the images on which two disagree. */

import { counted } from "../datasets/dataset_text.js";
import { h, fill, show } from "../ui/dom.js";
import { comparisonText, interval, percent, valueText, words } from "../ui/format.js";
import { get } from "../http/requests.js";

const CLASSES = 15;

export function comparisonView({ query }) {
  const view = new ComparisonView((query.get("models") ?? "").split(",").filter(Boolean));
  return { title: "Compare models", element: view.element, close: () => { view.isClosed = true; } };
}

class ComparisonView {
  constructor(ids) {
    this.ids = ids;
    this.body = h("div", { class: "model-groups" }, h("p", { class: "muted" }, "Loading…"));
    this.add = h("select", { "aria-label": "Add a model", onchange: () => this.#open([...this.ids, this.add.value]) });
    this.element = h("section", { class: "models-view" }, h("a", { class: "back", href: "#/models" }, "All models"),
      h("div", { class: "view-head" }, h("h1", {}, "Compare models"), h("div", { class: "actions" }, this.add)), this.body);
    this.load();
  }

  #open(ids) {
    location.hash = `#/compare?models=${ids.map(encodeURIComponent).join(",")}`;
  }

  async load() {
    try {
      const page = await get("models?limit=100");
      if (this.isClosed) return;
      fill(this.add, h("option", { value: "" }, "Add a model"),
        page.data.filter(({ id }) => !this.ids.includes(id)).map((model) => h("option", { value: model.id }, `${model.name}:${model.version}`)));
      if (this.ids.length < 2) return void fill(this.body, h("p", { class: "card muted" }, "Choose a second model to compare with."));
      const [first, ...others] = this.ids.map(encodeURIComponent);
      const found = await get(`models/${first}/comparison?${others.map((id) => `with=${id}`).join("&")}`);
      if (!this.isClosed) fill(this.body, this.#models(found), found.pairs.map((pair) => pairCard(found.models, pair)));
    } catch (problem) {
      if (!this.isClosed) fill(this.body, h("p", { class: "notice", role: "alert" }, problem.message));
    }
  }

  #models({ models, settings }) {
    const cells = (label, values) => h("tr", {}, h("th", { scope: "row" }, label), values.map((value) => h("td", {}, value)));
    const head = models.map((model) => h("th", { scope: "col" }, h("a", { href: `#/models/${model.id}` }, name(model)),
      models.length > 2 ? h("button", { class: "quiet small", "aria-label": `Leave out ${name(model)}`, onclick: () => this.#open(this.ids.filter((id) => id !== model.id)) }, "×") : null));
    return h("section", { class: "card scroll" }, h("table", {},
      h("thead", {}, h("tr", {}, h("td"), head)),
      h("tbody", {}, cells("Dataset", models.map((model) => model.dataset.name)),
        cells("Test accuracy", models.map(({ metrics }) => [h("strong", {}, percent(metrics.test_accuracy)), h("span", { class: "muted" }, ` ${interval(metrics.ci95)}`)])),
        settings.filter((setting) => setting.name !== "dataset" || !areNamesEnough(models)).map((setting) => cells(words(setting.name), setting.values.map((value) => (value === null ? "–" : valueText(value))))))),
    settings.length ? null : h("p", { class: "muted" }, "All settings are the same."));
  }
}

const name = (model) => `${model.name}:${model.version}`;

/** Whether the names of the datasets tell them apart; versions of a dataset have one name. */
function areNamesEnough(models) {
  return new Set(models.map(({ dataset }) => dataset.name)).size === new Set(models.map(({ dataset }) => dataset.id)).size;
}

function pairCard(models, pair) {
  const [first, other] = [models[0], models.find(({ id }) => id === pair.with_model)];
  const metrics = pair.metrics.filter(({ images }) => images);
  const classes = pair.classes.filter(({ difference }) => difference).slice(0, CLASSES);
  return h("section", { class: "card" }, h("h2", {}, `${name(first)} against ${name(other)}`), h("p", {}, pair.detail),
    metrics.length ? h("ul", {}, metrics.map((metric) => h("li", {}, comparisonText(metric)))) : null,
    classes.length ? classTable(first, other, classes) : null,
    pair.disagreements ? disputed(first, other, pair.disagreements) : null);
}

function classTable(first, other, classes) {
  const head = ["Class", "Images", name(first), name(other), "Difference"].map((text) => h("th", { scope: "col" }, text));
  return h("details", {}, h("summary", {}, "Classes that differ most"), h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, head)),
    h("tbody", {}, classes.map((one) => h("tr", {}, h("th", { scope: "row" }, one.name), [one.images, percent(one.candidate), percent(one.current), `${(one.difference * 100).toFixed(1)} points`].map((value) => h("td", {}, `${value}`))))))));
}

function disputed(first, other, count) {
  const grid = h("ul", { class: "disputed-images" });
  const more = h("button", { class: "quiet small", hidden: true }, "More images");
  const note = h("p", { class: "notice", role: "alert", hidden: true });
  let last = "";
  const readMore = async () => {
    more.disabled = true;
    try {
      const page = await get(`models/${first.id}/comparison/images?with=${other.id}${last ? `&after=${encodeURIComponent(last)}` : ""}`);
      grid.append(...page.data.map((image) => tile(image, first, other)));
      last = page.data.at(-1).image;
      show(more, page.has_more);
    } catch (problem) {
      fill(note, problem.message);
      show(note, true);
    }
    more.disabled = false;
  };
  more.addEventListener("click", readMore);
  return h("details", { ontoggle: ({ target }) => { if (target.open && !last) readMore(); } },
    h("summary", {}, `${counted(count, "image")} with different predictions`), note, grid, more);
}

function tile(image, first, other) {
  const answer = (model, { predicted, score }) => h("span", { class: predicted === image.label ? "" : "muted" }, `${name(model)}: ${predicted} ${percent(score, 0)}`);
  return h("li", {}, image.links ? h("img", { src: image.links.thumbnail.replace(/^\//, ""), alt: "", loading: "lazy" }) : null,
    h("strong", {}, image.label), answer(first, image.candidate), answer(other, image.current));
}
