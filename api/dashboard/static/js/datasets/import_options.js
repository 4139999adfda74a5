/** The options that say where the classes of an upload are: one field for each query field of the service's upload. */

import { h, show } from "../ui/dom.js";
import { SchemaField } from "../ui/schema_field.js";

const NOT_OPTIONS = ["name", "wait_s"];

/** The fields belong to the form with the id `form`, which may stand elsewhere. */
export class ImportOptionFields {
  fields = new Map();

  constructor(form) {
    this.form = form;
    this.grid = h("div", { class: "field-grid" });
    this.element = h("details", { class: "import-options", hidden: true }, h("summary", {}, "Options for tables and folders"), this.grid);
    this.element.addEventListener("invalid", () => { this.element.open = true; }, true); // the browser shows what is wrong
  }

  /** Makes the fields from the OpenAPI document. */
  build(openapi) {
    for (const { name, in: place, schema, description } of openapi.paths["/datasets"].post.parameters) {
      if (place !== "query" || NOT_OPTIONS.includes(name)) continue;
      const field = new SchemaField(name, schema, openapi.components.schemas, { form: this.form, hint: description.replaceAll("`", "") });
      this.fields.set(name, field);
      this.grid.append(field.element);
    }
    show(this.element, this.fields.size > 0);
  }

  /** The fields that are filled in, as query fields. */
  get values() {
    return Object.fromEntries([...this.fields].map(([name, field]) => [name, field.value]).filter(([, value]) => value !== undefined));
  }

  clear() {
    for (const field of this.fields.values()) field.value = null;
    this.element.open = false;
  }

  /** The field that may help against a rejection: the first that the message names, else the first that is filled in. */
  helpfulFor(message) {
    const fields = [...this.fields.values()];
    return fields.find(({ name }) => new RegExp(`\\b${name}\\b`).test(message)) ?? fields.find(({ value }) => value !== undefined);
  }
}
