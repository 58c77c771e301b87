
// Learning curves: shows the step and value under the pointer.

for (const figure of document.querySelectorAll('.charts figure')) {
  const points = figure.dataset.points.split(' ').map((point) => point.split(':').map(Number));
  const [left, right, top, bottom] = figure.dataset.plot.split(' ').map(Number);
  const last = Number(figure.dataset.last) || 1;
  const svg = figure.querySelector('svg');
  const value = figure.querySelector('figcaption span');
  const cursor = svg.querySelector('.cursor');
  const latest = value.textContent;

  svg.addEventListener('pointermove', (event) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
    const step = ((x - left) / (right - left)) * last;
    const distance = (point) => Math.abs(point[0] - step);
    const nearest = points.reduce((a, b) => (distance(b) < distance(a) ? b : a));
    if (!Number.isFinite(nearest[0])) return; // a curve without a point
    value.textContent = `step ${nearest[0].toLocaleString('en')}: ${Number(nearest[1].toPrecision(4))}`;
    cursor.setAttribute('d', `M${left + (nearest[0] / last) * (right - left)} ${top}V${bottom}`);
  });
  svg.addEventListener('pointerleave', () => {
    value.textContent = latest;
    cursor.setAttribute('d', '');
  });
}

// Opens all folded parts before printing.
window.addEventListener('beforeprint', () => {
  for (const details of document.querySelectorAll('details')) details.open = true;
});
