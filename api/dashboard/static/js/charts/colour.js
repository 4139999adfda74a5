/** The computed colour of a CSS variable, for canvases: they cannot read variables or light-dark(). */

const known = new Map();
document.addEventListener("ninefold:theme", () => known.clear());

export function colour(variable) {
  if (!known.has(variable)) known.set(variable, computed(variable));
  return known.get(variable);
}

function computed(variable) {
  const probe = document.createElement("span");
  probe.style.setProperty("color", `var(${variable})`);
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}
