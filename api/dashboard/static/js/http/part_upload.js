/** Sends a large file in parts, by the tus protocol: a lost connection or a restart of the service repeats one part. */

import { get, Problem, request } from "./requests.js";
import { acceptedKeys, signIn } from "./sign_in.js";
import { MAX_INTERRUPTIONS, pause, problemOf, randomKey, send } from "./upload.js";

export const PART_BYTES = 16 * 2 ** 20;
const TUS = { "Tus-Resumable": "1.0.0" };
const REFUSED_FOR_NOW = [409, 429, 503];

/** Sends the zip of a dataset and returns the dataset. `query` holds its name, or its parent and note, and the options of its import; the AbortSignal aborts it. onProgress(sent, total) is called with bytes. */
export async function uploadInParts(query, file, { onProgress, signal }) {
  const headers = { ...TUS, "Upload-Length": String(file.size), "Upload-Metadata": metadata(query), "Idempotency-Key": randomKey() };
  const path = `uploads/${(await request("POST", "uploads", { headers })).id}`;
  try {
    await sendParts(path, file, { onProgress, signal });
  } catch (problem) {
    request("DELETE", path, { headers: TUS }).catch(() => {}); // the parts expire
    throw problem;
  }
  return get(`datasets/${(await get(path)).dataset_id}`);
}

function metadata(query) {
  const inBase64 = (value) => btoa(String.fromCharCode(...new TextEncoder().encode(String(value))));
  return Object.entries(query).map(([key, value]) => `${key} ${inBase64(value)}`).join(",");
}

async function sendParts(path, file, { onProgress, signal }) {
  for (let offset = 0, interruptions = 0; offset < file.size; ) {
    const part = file.slice(offset, offset + PART_BYTES);
    const headers = { ...TUS, "Content-Type": "application/offset+octet-stream", "Upload-Offset": String(offset) };
    const before = offset;
    const keys = acceptedKeys();
    const { status, body } = await send("PATCH", path, part, { headers, onProgress: (sent) => onProgress(before + sent, file.size), signal });
    if (status >= 200 && status < 300) {
      offset += part.size;
      interruptions = 0;
    } else if (status === 401) {
      await signIn(keys);
    } else {
      const isOver = status !== 0 && !REFUSED_FOR_NOW.includes(status);
      if (isOver || ++interruptions === MAX_INTERRUPTIONS) throw new Problem(status, problemOf(status, body));
      await pause(signal);
      offset = await arrived(path, offset);
      if (offset > before) interruptions = 0;
    }
  }
}

/** How many bytes have arrived; what is known already while the service does not answer. */
async function arrived(path, known) {
  try {
    return (await get(path)).offset;
  } catch (problem) {
    if (problem.status === 0 || problem.status === 503) return known;
    throw problem;
  }
}
