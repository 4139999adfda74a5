/** Who is signed in. */

import { get, request } from "./requests.js";

export const session = { name: "", needsKey: false };

/** Reads who is signed in, once the service has accepted a request of this page. */
export async function readSession() {
  const { name, needs_key: needsKey } = await get("session");
  Object.assign(session, { name, needsKey });
}

export async function signOut() {
  await request("DELETE", "session");
  location.reload();
}
