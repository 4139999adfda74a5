/** The dataset that is being added: its upload, then its import. Continues while the user looks at other views. */

import { get, request } from "../http/requests.js";
import { importState } from "./import_progress.js";
import { PART_BYTES, uploadInParts } from "../http/part_upload.js";
import { upload } from "../http/upload.js";

const NONE = { step: "none", name: "", phase: null, done: 0, total: 0, reason: "", message: "", dataset: null, isOwn: false };

/** Fires `changed` after any change, and `ended` with the ready dataset, or null, when the import or upload ends. */
export class DatasetAdding extends EventTarget {
  /** step: none, packing, uploading, importing, ready, rejected or cancelled. isOwn: this page uploaded it. */
  state = { ...NONE };
  #abort = null;

  constructor(jobs) {
    super();
    jobs.addEventListener("event", ({ detail: { kind, data } }) => this.#onEvent(kind, data));
    jobs.addEventListener("live", () => { if (jobs.isLive) this.#readIfImporting(); });
    addEventListener("beforeunload", (event) => { if (this.isSending) event.preventDefault(); });
  }

  get isActive() {
    return this.isSending || this.state.step === "importing";
  }

  get isSending() {
    return this.state.step === "packing" || this.state.step === "uploading";
  }

  /**
   * Uploads a chosen zip or folder as a new dataset, or, with `parent`, the id of a dataset, as images that its next version adds.
   * `query` holds the note of a version and the fields that say where the classes are.
   */
  async start(chosen, { name, parent }, query = {}) {
    this.#abort = new AbortController();
    const calls = { onProgress: (done, total) => this.#set({ done, total }), signal: this.#abort.signal };
    this.#set({ ...NONE, step: chosen.files ? "packing" : "uploading", name, total: chosen.files?.length ?? chosen.size, isOwn: true });
    try {
      const file = await chosen.zip(calls);
      this.#set({ step: "uploading", done: 0, total: file.size });
      this.follow(await send(parent ? { parent, ...query } : { name, ...query }, file, calls));
    } catch (problem) {
      if (this.#abort.signal.aborted) this.#end({ step: "cancelled", message: "The upload was cancelled." });
      else this.#end({ step: "rejected", message: messageOf(problem) });
    }
  }

  /** Follows the import of a dataset until its end. */
  follow(dataset) {
    const { isOwn } = this.state;
    if (dataset.status !== "processing") return this.#endAs(dataset);
    this.#set({ ...NONE, step: "importing", name: dataset.name, dataset, isOwn, ...importState(dataset) });
    this.#readIfImporting(); // the import may have gone on since the answer
  }

  async cancel() {
    if (this.isSending) return this.#abort.abort();
    const dataset = await request("DELETE", `datasets/${encodeURIComponent(this.state.dataset.id)}`);
    if (!dataset) this.#end({ step: "cancelled", message: "The import had ended without a dataset." });
    else if (dataset.status !== "processing") this.#endAs(dataset);
  }

  #onEvent(kind, data) {
    if (this.state.step !== "importing" || data.dataset_id !== this.state.dataset.id) return;
    if (kind === "state" && ["queued", "running"].includes(data.status)) this.#set({ phase: data.phase });
    if (kind === "progress") this.#set({ done: data.files, total: data.total });
    if (kind === "end") this.#readIfImporting();
  }

  /** Reads the dataset: events tell that the import has ended, the record what became of it. */
  async #readIfImporting() {
    if (this.state.step !== "importing") return;
    const { id } = this.state.dataset;
    const dataset = await get(`datasets/${encodeURIComponent(id)}`).catch(() => null); // read again when the stream is live
    if (!dataset || this.state.step !== "importing" || this.state.dataset.id !== id) return;
    if (dataset.status === "processing") this.#set(importState(dataset));
    else this.#endAs(dataset);
  }

  #endAs(dataset) {
    const step = dataset.status;
    const message = { ready: "", cancelled: "The import was cancelled.", rejected: dataset.error?.message }[step];
    this.#end({ step, name: dataset.name, dataset, message });
  }

  #end(change) {
    if (!this.isActive) return;
    this.#set(change);
    this.dispatchEvent(new CustomEvent("ended", { detail: change.step === "ready" ? change.dataset : null }));
  }

  #set(change) {
    this.state = { ...this.state, ...change };
    this.dispatchEvent(new Event("changed"));
  }
}

/** `query` holds the name of a new dataset, or the dataset that gets the images as `parent`, and the options of the import. */
function send(query, file, calls) {
  if (file.size > PART_BYTES) return uploadInParts(query, file, calls);
  const { parent, ...fields } = query;
  return upload(`${parent ? `datasets/${encodeURIComponent(parent)}/versions` : "datasets"}?${new URLSearchParams(fields)}`, file, calls);
}

/** The message of a problem and of its field errors. */
function messageOf(problem) {
  return [problem.message, ...(problem.errors ?? []).map(({ param, message }) => `${param}: ${message}`)].join(" ");
}
