/** Sends requests to the API. An error response becomes a Problem; a 401 opens the sign-in dialog and then retries. */

import { acceptedKeys, signIn } from "./sign_in.js";

/** An error response of the API (RFC 9457). */
export class Problem extends Error {
  constructor(status, body) {
    super(withoutCalls(body.detail || body.title || `The service answered ${status}.`));
    this.status = status;
    this.code = body.code ?? "unknown";
    /** [{param, message}] for each invalid field */
    this.errors = body.errors ?? [];
  }
}

/** Without the sentence that names the HTTP call of a list: the tabs lead there. */
function withoutCalls(detail) {
  return detail.replace(/ GET \/\w+ lists all \w+\./, "");
}

/** Sends a request and returns the parsed body: an object for JSON, else a string. */
export async function request(method, path, { json, body, headers = {} } = {}) {
  const options = { method, headers: { Accept: "application/json", ...headers }, body };
  if (json !== undefined) {
    options.body = JSON.stringify(json);
    options.headers["Content-Type"] = "application/json";
  }
  const keys = acceptedKeys();
  const response = await send(path, options);
  if (response.status === 401) {
    await signIn(keys);
    return request(method, path, { json, body, headers });
  }
  const content = await parsed(response);
  if (!response.ok) throw new Problem(response.status, content ?? {});
  return content;
}

export const get = (path) => request("GET", path);
export const post = (path, json = {}, headers = {}) => request("POST", path, { json, headers });

async function send(path, options) {
  try {
    return await fetch(path, options);
  } catch {
    throw new Problem(0, { detail: "The service does not answer. The dashboard retries automatically." });
  }
}

async function parsed(response) {
  if (response.status === 204) return null;
  return /[/+]json\b/.test(response.headers.get("Content-Type") ?? "") ? response.json() : response.text();
}
