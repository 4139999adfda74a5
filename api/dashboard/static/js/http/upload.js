/** Sends a file and reports how many bytes were sent, which fetch cannot do. */

import { Problem } from "./requests.js";
import { acceptedKeys, signIn } from "./sign_in.js";

export const MAX_INTERRUPTIONS = 5;
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
  const headers = { "Content-Type": "application/zip", "Idempotency-Key": randomKey() };
  for (let interruptions = 0; ; ) {
    const keys = acceptedKeys();
    const { status, body } = await send("POST", path, file, { headers, onProgress: (sent) => onProgress(sent, file.size), signal });
    if (status >= 200 && status < 300) return body;
    if (status === 401) await signIn(keys);
    else if (status !== 0 || ++interruptions === MAX_INTERRUPTIONS) throw new Problem(status, problemOf(status, body));
    else await pause(signal);
  }
}

export function problemOf(status, body) {
  return status === 0 ? { detail: "The connection was lost again and again: upload the file once more later." } : (body ?? {});
}

/** Sends bytes once; the status is 0 if the connection was lost. */
export function send(method, path, data, { headers, onProgress, signal }) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    signal.addEventListener("abort", abort);
    request.open(method, path);
    request.responseType = "json";
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => onProgress(event.loaded));
    request.addEventListener("abort", () => reject(signal.reason));
    request.addEventListener("loadend", () => {
      signal.removeEventListener("abort", abort);
      resolve({ status: request.status, body: request.response });
    });
    onProgress(0);
    request.send(data);
  });
}

/** Waits before an interrupted upload goes on. */
export async function pause(signal) {
  await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  signal.throwIfAborted();
}
