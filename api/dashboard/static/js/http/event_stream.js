/** A server-sent event stream that reconnects by itself and disconnects while the browser tab is hidden. */

const KINDS = ["snapshot", "state", "progress", "epoch", "log", "checkpoint", "rewind", "model", "dataset", "reset", "end"];
const RETRY_MS = 2000;

export class EventStream {
  #source = null;
  #retryTimer = null;
  #isClosed = false;

  /**
   * onEvent(kind, data) is called for each event, onLive(isLive) when the connection opens or fails,
   * beforeRetry() before reconnecting after an error response; it may open the sign-in dialog.
   */
  constructor(path, { onEvent, onLive = () => {}, beforeRetry = async () => {} }) {
    Object.assign(this, { path, onEvent, onLive, beforeRetry });
    // Browsers allow six connections per host over all tabs: a hidden tab must not occupy one of them.
    this.onVisibility = () => (document.hidden ? this.#disconnect() : this.#connect());
    document.addEventListener("visibilitychange", this.onVisibility);
    this.#connect();
  }

  close() {
    this.#isClosed = true;
    document.removeEventListener("visibilitychange", this.onVisibility);
    this.#disconnect();
  }

  #connect() {
    if (this.#source || this.#isClosed || document.hidden) return;
    this.#source = new EventSource(this.path);
    this.#source.onopen = () => this.onLive(true);
    this.#source.onerror = () => this.#onError();
    for (const kind of KINDS) {
      this.#source.addEventListener(kind, (message) => this.onEvent(kind, JSON.parse(message.data)));
    }
  }

  #onError() {
    this.onLive(false);
    if (this.#source?.readyState !== EventSource.CLOSED) return; // the browser reconnects this stream by itself
    this.#disconnect();
    this.#retryTimer = setTimeout(async () => {
      await this.beforeRetry().catch(() => {});
      this.#connect();
    }, RETRY_MS);
  }

  #disconnect() {
    clearTimeout(this.#retryTimer);
    this.#source?.close();
    this.#source = null;
  }
}
