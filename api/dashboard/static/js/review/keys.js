/** The keys of the review: one key decides on an image. */

/** What a key does: {label}, {discard}, {undo} or {pick: text}; null for every other key. */
export function commandOf(event, { classes, answer }) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog")) return null;
  if (event.key === "Enter") return event.target.closest("button, a, summary") ? null : { label: answer };
  if (event.key === "Backspace" || event.key === "Delete") return { discard: true };
  if (/^[0-9]$/.test(event.key)) return numbered(event.key, classes);
  if (event.key.length !== 1 || event.key === " ") return null;
  return lettered(event.key, classes);
}

/** A digit means the class with this name, else the class at this place. */
function numbered(key, classes) {
  const label = classes.includes(key) ? key : classes[Number(key) - 1];
  return label === undefined ? null : { label };
}

/** A letter means the only class that begins with it; several are offered. `u` undoes, unless it begins a class. */
function lettered(key, classes) {
  const begin = classes.filter((name) => name.toLowerCase().startsWith(key.toLowerCase()));
  if (begin.length === 1) return { label: begin[0] };
  if (begin.length) return { pick: key };
  return key === "u" ? { undo: true } : null;
}

/** The key that is shown on the button of a class; empty for none. */
export function hint(classes, index) {
  if (/^[0-9]$/.test(classes[index])) return classes[index];
  const number = String(index + 1);
  return index < 9 && !classes.includes(number) ? number : "";
}
