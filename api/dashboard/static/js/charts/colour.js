/** Resolves CSS variables to colours for canvases, which cannot read variables or light-dark(). */

const computedColours = new Map();
document.addEventListener("ninefold:theme", () => computedColours.clear());

export function colour(variable) {
  if (!computedColours.has(variable)) computedColours.set(variable, compute(variable));
  return computedColours.get(variable);
}

function compute(variable) {
  const probe = document.createElement("span");
  probe.style.setProperty("color", `var(${variable})`);
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}
