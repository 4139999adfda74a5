/** Every job that the dashboard knows, kept current by the stream of all jobs' events. */

import { get } from "../http/requests.js";
import { EventStream } from "../http/event_stream.js";

const PAGE = 50;
const RELOAD_MS = 1000;
const BETWEEN_EPOCHS_MS = 2000;
const ENDED = new Set(["succeeded", "failed", "cancelled"]);

export const hasEnded = (job) => ENDED.has(job.status);

export class Jobs extends EventTarget {
  #byId = new Map();
  #reload = null;
  #reloadedAt = 0;

  /** Opens the stream; `changed` fires when anything is new, `live` when the connection comes or goes. */
  start() {
    new EventStream("events", {
      onEvent: (kind, data) => this.#hear(kind, data),
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

  find(id) {
    return this.#byId.get(id);
  }

  put(job) {
    this.#byId.set(job.id, job);
    this.#changed();
  }

  remove(id) {
    this.#byId.delete(id);
    this.#changed();
  }

  /** Reads the newest page; what is older stays as it was. */
  async load() {
    this.#reloadedAt = performance.now();
    this.#take(await get(`jobs?limit=${PAGE}`), this.#byId.size <= PAGE);
    if (this.#isAnyRunning()) this.#planReload(BETWEEN_EPOCHS_MS);
  }

  /** The stream of all jobs is silent within an epoch, which may take minutes: progress is read. */
  #isAnyRunning() {
    return !document.hidden && this.newestFirst().some((job) => job.status === "running");
  }

  async loadOlder() {
    const last = this.newestFirst().at(-1);
    this.#take(await get(`jobs?limit=${PAGE}&after=${last.id}`), true);
  }

  #take(page, isTail) {
    for (const job of page.data) {
      this.#announceEnd(this.#byId.get(job.id), job);
      this.#byId.set(job.id, job);
    }
    if (isTail) this.hasMore = page.has_more;
    this.isLoaded = true;
    this.#changed();
  }

  #announceEnd(before, after) {
    if (before && before.status !== after.status) {
      this.dispatchEvent(new CustomEvent("status", { detail: after }));
    }
  }

  #setLive(isLive) {
    this.isLive = isLive;
    this.wasLive ||= isLive;
    this.dispatchEvent(new Event("live"));
    if (isLive) this.#planReload();
  }

  #hear(kind, data) {
    const job = this.#byId.get(data.job_id);
    if (kind !== "log" && !this.#isOld(job, data)) this.#planReload();
  }

  /** The stream begins with what is kept of the past: of a job that has ended, nothing is news. */
  #isOld(job, data) {
    return Boolean(job && hasEnded(job) && job.finished_at && data.at <= job.finished_at);
  }

  /** Events say that a job changed; the record says how. One read a second serves them all. */
  #planReload(interval = RELOAD_MS) {
    clearTimeout(this.#reload);
    const delay = Math.max(0, this.#reloadedAt + interval - performance.now());
    this.#reload = setTimeout(() => this.load().catch(() => this.#planReload(BETWEEN_EPOCHS_MS)), delay);
  }

  #changed() {
    this.dispatchEvent(new Event("changed"));
  }
}
