/** The choice of what classifies: an alias, a version, or a job that was asked for. */

import { h, fill } from "../ui/dom.js";
import { get } from "../http/requests.js";
import { modelPages } from "../models/pages.js";

const PRODUCTION = "production";
/** Of this many models the aliases are offered; versions only of the newest page. */
const MOST_MODELS = 1000;

export class ModelPicker {
  /** `models`: those that are offered, instead of the newest ones of the service. */
  constructor(requested, { id = "model", models = null } = {}) {
    Object.assign(this, { requested, models, choices: [] });
    this.element = h("select", { id });
  }

  /** The reference that is chosen: `name@alias`, or the id of a model or a job; empty without any. */
  get ref() {
    return this.element.value;
  }

  /** The model or the job that is chosen. */
  get chosen() {
    return this.choices.find(({ ref }) => ref === this.ref)?.model;
  }

  /** Offers the newest models, the aliases also of older ones, and what was asked for whatever its age. Keeps the choice; returns whether there is one. */
  async load() {
    const wanted = this.ref || this.requested;
    if (this.models) return this.#offer(this.models, this.models, wanted);
    const pages = modelPages();
    await pages.readNext();
    const newest = [...pages.models];
    const hasAny = await this.#offer(newest, newest, wanted);
    if (pages.hasMore) this.#offerOlderAliases(pages, newest, wanted).catch(() => {}); // what was offered stays
    return hasAny;
  }

  /** Where nothing was wanted or chosen meanwhile, a model in production is chosen instead of the newest version. */
  async #offerOlderAliases(pages, newest, wanted) {
    const before = this.ref;
    while (pages.hasMore && pages.models.length < MOST_MODELS) await pages.readNext();
    await this.#offer(pages.models, newest, wanted || this.ref !== before || this.chosenAlias ? this.ref : null);
    if (this.ref !== before) this.element.dispatchEvent(new Event("change"));
  }

  get chosenAlias() {
    return this.choices.find(({ ref }) => ref === this.ref)?.alias;
  }

  /** Offers the aliases of some models, and some models as versions. */
  async #offer(aliased, versions, wanted) {
    const aliases = aliased.flatMap(aliasesOf).sort(byAlias);
    const others = versions.map((model) => ({ ref: model.id, model, text: versionText(model) }));
    if (wanted && ![...aliases, ...others].some(({ ref }) => ref === wanted)) others.push(await requestedChoice(wanted));
    this.choices = [...aliases, ...others];
    fill(this.element, group("Aliases", aliases), group("Versions", others));
    if (wanted) this.element.value = wanted;
    this.element.disabled = this.choices.length === 0;
    return this.choices.length > 0;
  }
}

/** Whether a model is a job, which answers with its best epoch so far. */
export function isJob(id) {
  return id.startsWith("job_");
}

function aliasesOf(model) {
  return model.aliases.map((alias) => ({ ref: `${model.name}@${alias}`, model, alias, text: `${model.name}@${alias} (version ${model.version})` }));
}

/** Production first: its newest model is chosen when nothing was asked for. */
function byAlias(one, other) {
  return (other.alias === PRODUCTION) - (one.alias === PRODUCTION);
}

function versionText({ name, version, aliases }) {
  return `${name}:${version}${aliases.length ? ` (${aliases.join(", ")})` : ""}`;
}

async function requestedChoice(ref) {
  const model = await get(`${isJob(ref) ? "jobs" : "models"}/${encodeURIComponent(ref)}`);
  return { ref, model, text: isJob(ref) ? `${model.name}, best epoch so far of ${ref}` : versionText(model) };
}

function group(label, choices) {
  return choices.length ? h("optgroup", { label }, choices.map(({ ref, text }) => h("option", { value: ref }, text))) : null;
}
