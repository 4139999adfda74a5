/** Finds the name of a dataset by its id: a job's spec holds the id, the page shows the name. */

import { get } from "../http/requests.js";

const names = new Map();
const reads = new Map();

/** Reads the list of datasets and remembers their names. */
export async function loadDatasets() {
  const { data } = await get("datasets?limit=100");
  for (const { id, name } of data) names.set(id, name);
  return data;
}

/** The names of the datasets that a job can use: those that are ready or being imported. */
export function usable(datasets) {
  return datasets.filter(({ status }) => status === "ready" || status === "processing");
}

/** The name of a dataset, or its id while the name of a new dataset is still being read. */
export function datasetName(id) {
  readName(id);
  return names.get(id) ?? id;
}

/** Reads the name of a dataset unless it is known or was asked for. */
export async function readName(id) {
  if (names.has(id)) return;
  if (!reads.has(id)) reads.set(id, loadDatasets().catch(() => reads.delete(id)));
  await reads.get(id);
}
