/** Formats numbers, durations and times for display. */

/** The largest number of epochs that the API accepts; a job limited only by time has this number. */
const MAX_EPOCHS = 1000;

export function percent(fraction, digits = 1) {
  return isNumber(fraction) ? `${(fraction * 100).toFixed(digits)} %` : "–";
}

/** The 95 % interval of an accuracy: "84.2 to 100.0 %". Without it, 100.0 % of ten images reads like a promise. */
export function interval(bounds) {
  return bounds ? `${(bounds[0] * 100).toFixed(1)} to ${percent(bounds[1])}` : "accuracy";
}

/** The numbers of a comparison of two models: metric of both, difference with its interval, images. */
export function comparisonText({ metric, images, candidate, current, difference, ci95 }) {
  if (images === 0) return "no common test images";
  const isLoss = metric === "log_loss";
  const value = (number) => (isLoss ? decimal(number) : percent(number));
  const points = (number) => {
    const text = isLoss ? decimal(Math.abs(number)) : (Math.abs(number) * 100).toFixed(1);
    return `${Number(text) === 0 ? "" : number < 0 ? "−" : "+"}${text}`;
  };
  return `${words(metric)} ${value(candidate)} against ${value(current)} on ${images} images, ${points(difference)}${isLoss ? "" : " points"} (95 %: ${points(ci95[0])} to ${points(ci95[1])})`;
}

export function decimal(value, digits = 3) {
  return isNumber(value) ? value.toFixed(digits) : "–";
}

/** Three significant digits; values below 0.001 in scientific notation. */
export function significant(value) {
  if (!isNumber(value)) return "–";
  return value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
}

export function whole(value) {
  return isNumber(value) ? Math.round(value).toLocaleString("en") : "–";
}

export function bytes(count) {
  const unit = Math.min(3, Math.max(0, Math.floor(Math.log10(Math.max(1, count)) / 3)));
  return `${(count / 1000 ** unit).toFixed(unit ? 1 : 0)} ${["bytes", "KB", "MB", "GB"][unit]}`;
}

export function duration(seconds) {
  if (!isNumber(seconds)) return "–";
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const total = Math.round(seconds);
  const [hours, minutes] = [Math.floor(total / 3600), Math.floor((total % 3600) / 60)];
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${total % 60} s` : `${total} s`;
}

/** How long a job may train: at most a number of epochs, a time budget, or both; neither is known before the dataset is. */
export function trainingLength({ patience, ...limits }) {
  const longest = longestTraining(limits);
  return isNumber(patience) ? `${longest}, fewer if ${patience} epochs bring nothing better` : longest;
}

function longestTraining({ epochs, time_budget_s: budget }) {
  if (!isNumber(budget)) return isNumber(epochs) ? `${epochs} epochs` : "length chosen later";
  return isNumber(epochs) && epochs < MAX_EPOCHS ? `${epochs} epochs or ${duration(budget)}` : duration(budget);
}

/** The time from `startedAt` to `endedAt`, or until now if there is no end. */
export function elapsed(startedAt, endedAt) {
  if (!startedAt) return "–";
  const end = endedAt ? Date.parse(endedAt) : Date.now();
  return duration(Math.max(0, (end - Date.parse(startedAt)) / 1000));
}

/** A past time relative to now, or its date if it is more than a day ago. */
export function ago(time) {
  const seconds = Math.max(0, (Date.now() - Date.parse(time)) / 1000);
  if (seconds < 45) return "just now";
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  if (seconds < 86400) return `${Math.round(seconds / 3600)} h ago`;
  return new Date(time).toLocaleDateString("en", { day: "numeric", month: "short", year: "numeric" });
}

/** An identifier as words: "lease_lost" → "lease lost". */
export function words(identifier) {
  return identifier.replaceAll("_", " ");
}

function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}

/** The value of a setting in words: `extended_from` is an object; all other values are plain or lists. */
export function valueText(value) {
  return Array.isArray(value) ? value.join(", ") : value?.job ?? String(value ?? "none");
}
