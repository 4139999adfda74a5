/** What an import does, as text and as numbers; and a dataset with what an event tells of its import. */

import { whole } from "../ui/format.js";

const PHASES = { starting: "Starting the import of", reading: "Reading", storing: "Storing" };

/** {phase, reason, done, total} of a dataset that is being imported. */
export function importState({ phase, queued_reason: reason, progress }) {
  return { phase, reason, done: progress?.files ?? 0, total: progress?.total ?? 0 };
}

/** "Reading pets: 20 of 80 files". */
export function importText(name, { phase, reason, done, total }) {
  if (!phase) return reason === "no_worker" ? `${name} waits: no worker imports datasets` : `${name} waits for a worker`;
  return `${PHASES[phase] ?? phase} ${name}${total ? `: ${whole(done)} of ${whole(total)} files` : ""}`;
}

/** The dataset after an event of its import. */
export function afterImportEvent(dataset, kind, data) {
  if (kind === "progress") return { ...dataset, progress: data };
  if (kind === "state" && ["queued", "running"].includes(data.status)) return { ...dataset, phase: data.phase };
  return dataset;
}

/** What a progress bar shows of a dataset. */
export function importBar(dataset) {
  const { done, total } = importState(dataset);
  return { status: dataset.status, progress: { fraction: total ? done / total : 0 } };
}
