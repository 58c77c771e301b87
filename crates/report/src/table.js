
// The table of cases: a click on a column's heading sorts by it, the worst first;
// another click reverses the order. Cases without a value stay last.

for (const table of document.querySelectorAll('.sortable')) {
  const heads = [...table.querySelectorAll('[data-column]')];
  const value = (body, column) =>
    column === 'case' ? body.dataset.case : JSON.parse(body.dataset.values)[column];

  const sort = (head) => {
    const turned = { ascending: 'descending', descending: 'ascending' };
    const order = turned[head.getAttribute('aria-sort')] ?? head.dataset.first ?? 'ascending';
    for (const other of heads) other.removeAttribute('aria-sort');
    head.setAttribute('aria-sort', order);
    const sign = order === 'ascending' ? 1 : -1;
    const { column } = head.dataset;
    const compare = (a, b) => {
      const [x, y] = [value(a, column), value(b, column)];
      if (x === null || y === null) return (x === null) - (y === null);
      return sign * (column === 'case' ? x.localeCompare(y, 'en', { numeric: true }) : x - y);
    };
    table.tFoot.before(...[...table.tBodies].sort(compare));
  };

  for (const head of heads) {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...head.childNodes);
    button.addEventListener('click', () => sort(head));
    head.append(button);
  }
}
