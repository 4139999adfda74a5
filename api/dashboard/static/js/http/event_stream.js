/** A server-sent event stream that comes back by itself, and lets go while its tab is hidden. */

const KINDS = ["snapshot", "state", "progress", "epoch", "log", "checkpoint", "rewind", "model", "reset", "end"];
const RETRY_MS = 2000;

export class EventStream {
  #source = null;
  #retry = null;
  #isWanted = true;

  /**
   * onEvent(kind, data) hears each event; onLive(isLive) each change of the connection;
   * beforeRetry() runs after a refusal and may ask for a key.
   */
  constructor(path, { onEvent, onLive = () => {}, beforeRetry = async () => {} }) {
    Object.assign(this, { path, onEvent, onLive, beforeRetry });
    // browsers allow six connections to a host over all tabs: a hidden tab must not hold one
    this.onVisibility = () => (document.hidden ? this.#disconnect() : this.#connect());
    document.addEventListener("visibilitychange", this.onVisibility);
    this.#connect();
  }

  close() {
    this.#isWanted = false;
    document.removeEventListener("visibilitychange", this.onVisibility);
    this.#disconnect();
  }

  #connect() {
    if (this.#source || !this.#isWanted || document.hidden) return;
    this.#source = new EventSource(this.path);
    this.#source.onopen = () => this.onLive(true);
    this.#source.onerror = () => this.#onError();
    for (const kind of KINDS) {
      this.#source.addEventListener(kind, (message) => this.onEvent(kind, JSON.parse(message.data)));
    }
  }

  #onError() {
    this.onLive(false);
    if (this.#source?.readyState !== EventSource.CLOSED) return; // the browser reconnects by itself
    this.#disconnect();
    this.#retry = setTimeout(async () => {
      await this.beforeRetry().catch(() => {});
      this.#connect();
    }, RETRY_MS);
  }

  #disconnect() {
    clearTimeout(this.#retry);
    this.#source?.close();
    this.#source = null;
  }
}
