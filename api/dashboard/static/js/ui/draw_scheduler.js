/** Limits drawing to four times a second, however many events arrive. */

const INTERVAL_MS = 250;
const scheduled = new Set();
let isTimerSet = false;
let lastDrawn = -INTERVAL_MS;

/** Schedules a drawing function; scheduling the same function again before it ran has no effect. */
export function scheduleDraw(draw) {
  scheduled.add(draw);
  if (isTimerSet) return;
  isTimerSet = true;
  const delay = Math.max(0, lastDrawn + INTERVAL_MS - performance.now());
  setTimeout(() => requestAnimationFrame(drawAll), delay);
}

function drawAll() {
  isTimerSet = false;
  lastDrawn = performance.now();
  const due = [...scheduled];
  scheduled.clear();
  for (const draw of due) draw();
}
