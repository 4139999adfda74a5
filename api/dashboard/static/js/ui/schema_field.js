/** A form field for one property of a job spec or one query field, made from its JSON Schema. */

import { h, setText } from "./dom.js";
import { words } from "./format.js";

/** Resolves `$ref` and removes the null option of an optional property. */
function resolved(schema, all) {
  const options = schema.anyOf ?? [schema];
  const first = options.find((option) => option.type !== "null") ?? {};
  return first.$ref ? all[first.$ref.split("/").at(-1)] : first;
}

export class SchemaField {
  /** `form`: the id of the form, if the field stands outside it. `hint`: a sentence below the field. `offered`: texts to choose. */
  constructor(name, schema, all, { placeholder, form, hint, label = words(name), offered = [] } = {}) {
    this.name = name;
    this.form = form;
    this.hint = hint ? h("p", { class: "muted small", id: `hint-${name}` }, hint) : null;
    this.schema = resolved(schema, all);
    this.default = schema.default ?? null;
    this.input = this.#makeInput(placeholder ?? this.#defaultPlaceholder());
    this.error = h("p", { class: "field-error", id: `error-${name}` });
    this.input.addEventListener("input", () => this.setError(""));
    this.element = h("div", { class: "field" },
      h("label", { for: this.input.id }, label[0].toUpperCase() + label.slice(1)), this.input, ...(this.hint ? [this.hint] : []), this.error);
    if (offered.length) this.#offer(offered);
  }

  #offer(texts) {
    const list = h("datalist", { id: `offered-${this.name}` }, texts.map((value) => h("option", { value })));
    this.input.setAttribute("list", list.id);
    this.element.append(list);
  }

  #defaultPlaceholder() {
    if (Array.isArray(this.default)) return "none";
    return this.default === null ? "auto" : String(this.default);
  }

  #makeInput(placeholder) {
    const describedBy = this.hint ? `${this.hint.id} error-${this.name}` : `error-${this.name}`;
    const common = { id: `field-${this.name}`, name: this.name, form: this.form, "aria-describedby": describedBy };
    if (this.schema.enum) return this.#select(common, this.schema.enum, placeholder);
    if (this.schema.type === "boolean") return this.#select(common, ["true", "false"], placeholder);
    if (this.schema.type === "integer") return h("input", { ...common, type: "number", step: "1", placeholder, ...limits(this.schema) });
    if (this.schema.type === "number") return h("input", { ...common, type: "number", step: "any", placeholder, ...limits(this.schema) });
    return h("input", { ...common, type: "text", placeholder, autocomplete: "off", spellcheck: "false", autocapitalize: "none" });
  }

  #select(common, values, placeholder) {
    const emptyOption = this.default === null ? [h("option", { value: "" }, placeholder)] : [];
    const labels = { true: "yes", false: "no" };
    const select = h("select", common, emptyOption, values.map((value) => h("option", { value }, labels[value] ?? words(value))));
    if (this.default !== null) select.value = String(this.default);
    return select;
  }

  /** The entered value, as JSON; undefined if the field is empty. */
  get value() {
    const text = this.input.value.trim();
    if (text === "") return this.input.validity.badInput ? "not a number" : undefined;
    if (this.schema.type === "boolean") return text === "true";
    if (this.schema.type === "integer" || this.schema.type === "number") return Number(text);
    if (this.schema.type === "array") return text.split(/[\s,]+/);
    return text;
  }

  set value(value) {
    this.input.value = value === null || value === undefined ? "" : Array.isArray(value) ? value.join(", ") : String(value);
  }

  setError(message) {
    setText(this.error, message);
    if (message) this.input.setAttribute("aria-invalid", "true");
    else this.input.removeAttribute("aria-invalid");
  }
}

function limits(schema) {
  return { min: schema.minimum ?? schema.exclusiveMinimum, max: schema.maximum ?? schema.exclusiveMaximum };
}
