/** Numbers, durations and times as people read them. */

const MOST_EPOCHS = 1000;

export function percent(fraction, digits = 1) {
  return isNumber(fraction) ? `${(fraction * 100).toFixed(digits)} %` : "–";
}

export function decimal(value, digits = 3) {
  return isNumber(value) ? value.toFixed(digits) : "–";
}

/** Three significant digits; small values in scientific form. */
export function significant(value) {
  if (!isNumber(value)) return "–";
  return value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
}

export function whole(value) {
  return isNumber(value) ? Math.round(value).toLocaleString("en") : "–";
}

export function duration(seconds) {
  if (!isNumber(seconds)) return "–";
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const total = Math.round(seconds);
  const [hours, minutes] = [Math.floor(total / 3600), Math.floor((total % 3600) / 60)];
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${total % 60} s` : `${total} s`;
}

/** How long a job is to train: in epochs or, with a time budget, in what it may take. */
export function trainingLength({ epochs, time_budget_s: budget }) {
  if (!isNumber(budget)) return `${epochs} epochs`;
  return epochs < MOST_EPOCHS ? `${epochs} epochs or ${duration(budget)}` : duration(budget);
}

/** How long something ran: to its end, or until now. */
export function elapsed(startedAt, endedAt) {
  if (!startedAt) return "–";
  const end = endedAt ? Date.parse(endedAt) : Date.now();
  return duration(Math.max(0, (end - Date.parse(startedAt)) / 1000));
}

export function ago(time) {
  const seconds = Math.max(0, (Date.now() - Date.parse(time)) / 1000);
  if (seconds < 45) return "just now";
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  if (seconds < 86400) return `${Math.round(seconds / 3600)} h ago`;
  return new Date(time).toLocaleDateString("en", { day: "numeric", month: "short", year: "numeric" });
}

export function words(identifier) {
  return identifier.replaceAll("_", " ");
}

function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}
