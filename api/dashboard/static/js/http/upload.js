/** Sends a file and reports how many bytes were sent, which fetch cannot do. */

import { Problem } from "./requests.js";
import { acceptedKeys, signIn } from "./sign_in.js";

const MAX_INTERRUPTIONS = 5;
const RETRY_MS = 2000;

/** Browsers offer crypto.randomUUID only on https and localhost; getRandomValues works everywhere. */
export function randomKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Posts a file and returns the parsed answer; the AbortSignal aborts it. onProgress(sent, total) is called with bytes.
 * An interrupted upload is sent again with the same Idempotency-Key, so that the service takes it once.
 */
export async function upload(path, file, { onProgress, signal }) {
  const key = randomKey();
  for (let interruptions = 0; ; ) {
    const keys = acceptedKeys();
    const { status, body } = await send(path, file, { key, onProgress, signal });
    if (status >= 200 && status < 300) return body;
    if (status === 401) await signIn(keys);
    else if (status !== 0 || ++interruptions === MAX_INTERRUPTIONS) throw new Problem(status, problemOf(status, body));
    else await pause(RETRY_MS, signal);
  }
}

function problemOf(status, body) {
  return status === 0 ? { detail: "The connection was lost again and again: upload the file once more later." } : (body ?? {});
}

/** Sends the file once; the status is 0 if the connection was lost. */
function send(path, file, { key, onProgress, signal }) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    signal.addEventListener("abort", abort);
    request.open("POST", path);
    request.responseType = "json";
    request.setRequestHeader("Content-Type", "application/zip");
    request.setRequestHeader("Idempotency-Key", key);
    request.upload.addEventListener("progress", (event) => onProgress(event.loaded, file.size));
    request.addEventListener("abort", () => reject(signal.reason));
    request.addEventListener("loadend", () => {
      signal.removeEventListener("abort", abort);
      resolve({ status: request.status, body: request.response });
    });
    onProgress(0, file.size);
    request.send(file);
  });
}

async function pause(ms, signal) {
  await new Promise((resolve) => setTimeout(resolve, ms));
  signal.throwIfAborted();
}
