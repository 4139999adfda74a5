/** All jobs that the dashboard has read, kept up to date by the event stream of all jobs. */

import { get } from "../http/requests.js";
import { EventStream } from "../http/event_stream.js";

const PAGE_SIZE = 50;
const RELOAD_MS = 1000;
const PROGRESS_INTERVAL_MS = 2000;
const ENDED = new Set(["succeeded", "failed", "cancelled"]);

export const hasEnded = (job) => ENDED.has(job.status);

export class JobStore extends EventTarget {
  #byId = new Map();
  #reloadTimer = null;
  #reloadedAt = 0;

  /**
   * Opens the event stream. The store fires `changed` after any change of a job, `status` when a job has a new status,
   * `dataset` when an import was queued or has ended, and `live` when the stream connects or disconnects.
   */
  start() {
    // The page reads the list itself: it needs no events from before the connection.
    new EventStream("events?from=now", {
      onEvent: (kind, data) => this.#onEvent(kind, data),
      onLive: (isLive) => this.#setLive(isLive),
      beforeRetry: () => this.load(),
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
    this.#byId.set(job.id, job);
    this.#changed();
  }

  /** Reads the newest page; older jobs keep the state in which they were read. */
  async load() {
    this.#reloadedAt = performance.now();
    this.#addPage(await get(`jobs?limit=${PAGE_SIZE}`), this.#byId.size <= PAGE_SIZE);
    if (this.#needsPolling()) this.#scheduleReload(PROGRESS_INTERVAL_MS);
  }

  /** True if progress must be polled: within an epoch, which may take minutes, the stream sends no event. */
  #needsPolling() {
    return !document.hidden && this.newestFirst().some((job) => job.status === "running");
  }

  async loadOlder() {
    const last = this.newestFirst().at(-1);
    this.#addPage(await get(`jobs?limit=${PAGE_SIZE}&after=${last.id}`), true);
  }

  #addPage(page, isOldest) {
    for (const job of page.data) {
      this.#reportStatusChange(this.#byId.get(job.id), job);
      this.#byId.set(job.id, job);
    }
    if (isOldest) this.hasMore = page.has_more;
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
    if (data.dataset_id) {
      if (data.status !== "running") this.dispatchEvent(new CustomEvent("dataset", { detail: data }));
      return;
    }
    const job = this.#byId.get(data.job_id);
    if (kind !== "log" && !this.#isOutdated(job, data)) this.#scheduleReload();
  }

  /** After a reconnection the stream starts with the events that were missed: an event from before the end of a finished job brings nothing new. */
  #isOutdated(job, data) {
    return Boolean(job && hasEnded(job) && job.finished_at && data.at <= job.finished_at);
  }

  /** An event tells that a job changed, the record tells how: one read per second covers all events. */
  #scheduleReload(interval = RELOAD_MS) {
    clearTimeout(this.#reloadTimer);
    const delay = Math.max(0, this.#reloadedAt + interval - performance.now());
    this.#reloadTimer = setTimeout(() => this.load().catch(() => this.#scheduleReload(PROGRESS_INTERVAL_MS)), delay);
  }

  #changed() {
    this.dispatchEvent(new Event("changed"));
  }
}
