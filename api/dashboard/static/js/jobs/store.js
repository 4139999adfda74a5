/** All jobs that the dashboard has read, kept up to date by the event stream of all work. */

import { get } from "../http/requests.js";
import { followEvents } from "../http/live_events.js";

const PAGE_SIZE = 50;
const RELOAD_MS = 1000;
const RETRY_MS = 2000;
const ENDED = new Set(["succeeded", "failed", "cancelled"]);
/** Events after which the record of a job differs in more than the event tells. */
const RECORD_CHANGES = new Set(["state", "end", "model", "rewind"]);

export const hasEnded = (job) => ENDED.has(job.status);

export class JobStore extends EventTarget {
  #byId = new Map();
  #reloadTimer = null;
  #reloadedAt = 0;
  /** The oldest job of the pages of all jobs that were read; the pages of single statuses go further back. */
  #oldest = "";
  /** The statuses whose jobs were asked for by name, each with the oldest of them and whether there are more. */
  #byStatus = new Map();

  /**
   * Opens the event stream. The store fires `changed` after any change of a job, `status` when a job has a new status,
   * `event` for each event of a job or import ({kind, data}), `dataset` when an import was queued or has ended, and `live`
   * when the stream connects or disconnects.
   */
  start() {
    followEvents({
      onEvent: (kind, data) => this.#onEvent(kind, data),
      onLive: (isLive) => this.#setLive(isLive),
      onRefused: () => this.load(),
    });
  }

  isLive = false;
  wasLive = false;
  isLoaded = false;
  hasMore = false;

  newestFirst() {
    return [...this.#byId.values()].sort((a, b) => (a.id < b.id ? 1 : -1));
  }

  put(job) {
    const before = this.#byId.get(job.id);
    this.#byId.set(job.id, job);
    this.#reportStatusChange(before, job);
    this.#changed();
  }

  /** Reads the newest page; older jobs keep the state in which they were read. */
  async load() {
    this.#reloadedAt = performance.now();
    this.#addPageOfAll(await get(`jobs?limit=${PAGE_SIZE}`));
  }

  async loadOlder() {
    this.#addPageOfAll(await get(`jobs?limit=${PAGE_SIZE}${this.#oldest && `&after=${this.#oldest}`}`));
  }

  /** Reads the next page of the jobs of each of these statuses: the newest page of all jobs may hold few of them. */
  async loadStatuses(statuses) {
    await Promise.all(statuses.map((status) => this.#loadStatus(status)));
  }

  /** Whether the service may have jobs of these statuses that were not read. */
  mayHaveMore(statuses) {
    return this.hasMore && statuses.some((status) => this.#byStatus.get(status)?.hasMore ?? true);
  }

  async #loadStatus(status) {
    const known = this.#byStatus.get(status) ?? { after: "", hasMore: true };
    if (!known.hasMore) return;
    this.#byStatus.set(status, { ...known, hasMore: false }); // a second call meanwhile must not read the same page
    const page = await get(`jobs?limit=${PAGE_SIZE}&status=${status}${known.after && `&after=${known.after}`}`).catch((problem) => {
      this.#byStatus.set(status, known);
      throw problem;
    });
    this.#byStatus.set(status, { after: page.data.at(-1)?.id ?? known.after, hasMore: page.has_more });
    this.#addPage(page);
  }

  /** Adds a page of all jobs. A newer page than the oldest one tells nothing about what lies behind that one. */
  #addPageOfAll(page) {
    const last = page.data.at(-1)?.id ?? this.#oldest;
    if (!this.#oldest || last <= this.#oldest) {
      this.#oldest = last;
      this.hasMore = page.has_more;
    }
    this.#addPage(page);
  }

  #addPage(page) {
    for (const job of page.data) {
      const before = this.#byId.get(job.id);
      this.#byId.set(job.id, job);
      this.#reportStatusChange(before, job);
    }
    this.isLoaded = true;
    this.#changed();
  }

  #reportStatusChange(before, after) {
    if (before && before.status !== after.status) {
      this.dispatchEvent(new CustomEvent("status", { detail: after }));
    }
  }

  #setLive(isLive) {
    this.isLive = isLive;
    this.wasLive ||= isLive;
    this.dispatchEvent(new Event("live"));
    if (isLive) this.#scheduleReload();
  }

  #onEvent(kind, data) {
    this.dispatchEvent(new CustomEvent("event", { detail: { kind, data } }));
    if (data.dataset_id) {
      if (kind === "state" && data.status !== "running") this.dispatchEvent(new CustomEvent("dataset", { detail: data }));
      return;
    }
    if (data.evaluation_id || data.model_import_id || data.prediction_id) return;
    const job = this.#byId.get(data.job_id);
    if (job && !hasEnded(job)) this.#byId.set(job.id, afterEvent(job, kind, data));
    // A new status also moves other jobs in the queue: one read a second covers all of them.
    if (RECORD_CHANGES.has(kind)) this.#scheduleReload();
    else this.#changed();
  }

  #scheduleReload(interval = RELOAD_MS) {
    clearTimeout(this.#reloadTimer);
    const delay = Math.max(0, this.#reloadedAt + interval - performance.now());
    this.#reloadTimer = setTimeout(() => this.load().catch(() => this.#scheduleReload(RETRY_MS)), delay);
  }

  #changed() {
    this.dispatchEvent(new Event("changed"));
  }
}

/** The job with what an event tells: progress, and the metrics of an epoch. */
export function afterEvent(job, kind, data) {
  if (kind === "progress") return { ...job, progress: data };
  if (kind !== "epoch") return job;
  const best = data.is_best ? { epoch: data.epoch, val_accuracy: data.val_accuracy } : job.best;
  return { ...job, metrics: data, best };
}
