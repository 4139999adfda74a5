/** The choice of what classifies: an alias, a version, or a job that was asked for. */

import { h, fill } from "../ui/dom.js";
import { get } from "../http/requests.js";

const PRODUCTION = "production";

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

  /** Offers the newest models, and what was asked for whatever its age. Keeps the choice; returns whether there is one. */
  async load() {
    const data = this.models ?? (await get("models?limit=100")).data;
    const wanted = this.ref || this.requested;
    const aliases = data.flatMap(aliasesOf).sort(byAlias);
    const others = data.map((model) => ({ ref: model.id, model, text: versionText(model) }));
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
