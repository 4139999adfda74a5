/**
 * Holds one event stream of all work and hands its events to the pages that are visible. It runs in a shared worker, so
 * that all windows of a browser share one connection: a browser opens at most six to a host over HTTP/1.1.
 *
 * A page sends {url, isVisible} when it appears, hides or shows itself, {retry: true} after a refusal was settled, and
 * {leave: true}. It receives {kind, data} for an event, {isLive} when the connection opens or breaks, and {refused: true}
 * when the service answered with an error, such as 401.
 */

const KINDS = ["state", "progress", "epoch", "log", "checkpoint", "rewind", "model", "dataset", "end"];
const REOPEN_MS = 1000;
const MAX_REFUSED_MS = 15000;

const visible = new Set();
let source = null;
let timer = null;
let refusals = 0;
let address = "";

/** Serves the page at the other end of a MessagePort. */
export function serve(port) {
  port.onmessage = ({ data }) => {
    if (data.retry) return timer ? openIn(REOPEN_MS * 2 ** (refusals - 1)) : undefined;
    address = data.url ?? address;
    if (data.leave || !data.isVisible) visible.delete(port);
    else visible.add(port);
    if (visible.size === 0) close();
    else if (!source && !timer) open();
    else if (data.isVisible && source?.readyState === EventSource.OPEN) port.postMessage({ isLive: true });
  };
}

function open() {
  close();
  source = new EventSource(`${address}?from=now&${KINDS.map((kind) => `kind=${kind}`).join("&")}`);
  source.onopen = () => { refusals = 0; tell({ isLive: true }); };
  source.onerror = onError;
  for (const kind of KINDS) source.addEventListener(kind, ({ data }) => tell({ kind, data: JSON.parse(data) }));
}

/** Opens a new stream instead of letting the browser resume this one: the pages read anew what they show. */
function onError() {
  const isRefused = source.readyState === EventSource.CLOSED;
  close();
  refusals = isRefused ? refusals + 1 : 0;
  tell({ isLive: false });
  openIn(isRefused ? MAX_REFUSED_MS : REOPEN_MS);
  if (isRefused) tell({ refused: true });
}

function openIn(ms) {
  clearTimeout(timer);
  timer = setTimeout(open, Math.min(ms, MAX_REFUSED_MS));
}

function close() {
  clearTimeout(timer);
  timer = null;
  source?.close();
  source = null;
}

function tell(message) {
  for (const port of visible) port.postMessage(message);
}
