/** Draws at most once a frame and four times a second, however fast events come. */

const INTERVAL_MS = 250;
const waiting = new Set();
let isPlanned = false;
let lastDrawn = -INTERVAL_MS;

/** Plans a drawing function; planning it again before its turn changes nothing. */
export function redraw(draw) {
  waiting.add(draw);
  if (isPlanned) return;
  isPlanned = true;
  const delay = Math.max(0, lastDrawn + INTERVAL_MS - performance.now());
  setTimeout(() => requestAnimationFrame(drawAll), delay);
}

function drawAll() {
  isPlanned = false;
  lastDrawn = performance.now();
  const due = [...waiting];
  waiting.clear();
  for (const draw of due) draw();
}
