/** Datasets by id: specs name them by content, people by name. */

import { get } from "../http/requests.js";

const names = new Map();

/** Every dataset as the service lists it. */
export async function loadDatasets() {
  const { data } = await get("datasets?limit=100");
  for (const { id, name } of data) names.set(id, name);
  return data;
}

/** The name behind an id; a dataset that came later is looked up for the next drawing. */
export function datasetName(id) {
  if (!names.has(id)) {
    names.set(id, id);
    loadDatasets().catch(() => names.delete(id));
  }
  return names.get(id);
}
