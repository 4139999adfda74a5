/** The events of all work while this page is visible; all windows of the browser share one connection. */

import { serve } from "./event_hub.js";

/**
 * Calls onEvent(kind, data) for each event, onLive(isLive) when the connection opens or breaks and when the page is shown
 * again, and onRefused() after an error response; it may open the sign-in dialog, and the stream is opened again after it.
 */
export function followEvents({ onEvent, onLive, onRefused }) {
  const port = connect();
  const tell = () => port.postMessage({ url: new URL("events", document.baseURI).href, isVisible: !document.hidden });
  port.onmessage = async ({ data }) => {
    if (data.kind) onEvent(data.kind, data.data);
    else if (data.refused) onRefused().then(() => port.postMessage({ retry: true }), () => {});
    else onLive(data.isLive);
  };
  document.addEventListener("visibilitychange", tell);
  addEventListener("pagehide", () => port.postMessage({ leave: true }));
  addEventListener("pageshow", ({ persisted }) => { if (persisted) tell(); });
  tell();
}

/** Connects to the hub in the shared worker, or to one in this page in a browser without shared workers. */
function connect() {
  if ("SharedWorker" in globalThis) {
    return new SharedWorker(new URL("event_worker.js", import.meta.url), { type: "module", name: "ninefold events" }).port;
  }
  const { port1, port2 } = new MessageChannel();
  serve(port2);
  return port1;
}
