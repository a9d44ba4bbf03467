// Search as you type, narrowed by facets. Everything that is chosen stands in the address.

import { post } from '../api.mjs';
import { h, show } from '../dom.mjs';
import { onChange } from '../live.mjs';
import { ROW_FIELDS, row } from '../parts.mjs';
import { count, shortRef } from '../text.mjs';

const FACETS = [
  { name: 'kind', key: 'kind', label: 'Kind' },
  { name: 'type', key: 'spec.type', label: 'Type' },
  { name: 'lifecycle', key: 'spec.lifecycle', label: 'Lifecycle' },
  { name: 'owner', key: 'relations.ownedBy', label: 'Owner', write: shortRef },
  { name: 'tag', key: 'metadata.tags', label: 'Tag' },
  { name: 'namespace', key: 'metadata.namespace', label: 'Namespace' },
];
const TEXT_FIELDS = [
  'metadata.name', 'metadata.title', 'metadata.description', 'metadata.tags', 'spec.profile.displayName',
  'spec.profile.email',
];
const PAGE = 50;
/** Values of a facet that are shown before somebody asks for all. */
const SHORT = 8;
/** How long the page is left alone after a change before it is brought up to date. */
const CALM = 500;

export async function search({ main, signal, go, title }) {
  const params = new URLSearchParams(location.search);
  const term = params.get('q')?.trim() ?? '';
  title(term || 'Browse');
  const narrow = (name, value) => {
    const next = new URLSearchParams(params);
    if (next.has(name, value)) next.delete(name, value);
    else next.append(name, value);
    go(`/search?${next}`);
  };
  const facets = h('aside', { class: 'facets', 'aria-label': 'Narrow the search' });
  const total = h('p', { id: 'total', class: 'soft', role: 'status' });
  const results = h('ul', { id: 'results', class: 'hits' });
  const more = h('p', {});
  const page = h('div', { class: 'browse' }, facets, h('section', { 'aria-label': 'Results' }, total, results, more));

  const load = async () => {
    const [found, counts] = await Promise.all([find(params, term, signal), countAll(params, signal)]);
    if (signal.aborted) return;
    drawFacets(facets, counts, params, term, narrow);
    show(total, found.totalItems === 0 ? 'Nothing matches.' : count(found.totalItems, 'entity', 'entities'));
    show(results, found.items.map(row));
    drawMore(more, results, found.pageInfo.nextCursor, signal);
    if (!page.isConnected) show(main, page);
  };
  await load();

  let timer;
  onChange(() => {
    clearTimeout(timer);
    // Whoever has paged on, or is choosing, is not disturbed.
    const isAtTop = results.children.length <= PAGE && !page.contains(document.activeElement);
    timer = setTimeout(() => isAtTop && !signal.aborted && load().catch(() => undefined), CALM);
  }, signal);
}

function find(params, term, signal) {
  const body = {
    query: predicate(params),
    orderBy: [{ field: 'metadata.name', order: 'asc' }],
    limit: PAGE,
    fields: ROW_FIELDS,
    ...(term && { fullTextFilter: { term, fields: TEXT_FIELDS } }),
  };
  return post('/entities/by-query', body, { signal });
}

/** What is chosen, but for the facet called `except`. */
function predicate(params, except) {
  const chosen = FACETS.filter(({ name }) => name !== except && params.has(name));
  return { $all: chosen.map(({ name, key }) => ({ [key]: { $in: params.getAll(name) } })) };
}

/** Each facet counts what the others leave, so that a second value can be chosen. */
async function countAll(params, signal) {
  const free = FACETS.filter(({ name }) => !params.has(name));
  const groups = [free, ...FACETS.filter(({ name }) => params.has(name)).map(facet => [facet])];
  const answers = await Promise.all(
    groups
      .filter(group => group.length > 0)
      .map(group => {
        const query = predicate(params, group[0].name);
        return post('/entity-facets', { facets: group.map(({ key }) => key), query }, { signal });
      }),
  );
  return Object.assign({}, ...answers.map(answer => answer.facets));
}

function drawFacets(element, counts, params, term, narrow) {
  const opened = new Set([...element.querySelectorAll('details[open]')].map(({ dataset }) => dataset.facet));
  show(element, FACETS.map(facet => drawFacet(facet, counts[facet.key], params, term, narrow, opened)));
}

function drawFacet({ name, label, write = String }, values, params, term, narrow, opened) {
  const chosen = value => params.getAll(name).some(text => text.toLowerCase() === value.toLowerCase());
  const sorted = values.toSorted((a, b) => chosen(b.value) - chosen(a.value) || b.count - a.count);
  if (sorted.length === 0) return null;
  const option = ({ value, count: number }) =>
    h('li', {},
      h('label', {},
        h('input', { type: 'checkbox', checked: chosen(value), onchange: () => narrow(name, value) }),
        h('span', { class: 'value' }, write(value)),
        // Facets know nothing of the text, so their counts would mislead.
        term ? null : h('span', { class: 'number' }, number.toLocaleString('en'))));
  const rest = sorted.slice(SHORT);
  return h('fieldset', {},
    h('legend', {}, label),
    h('ul', {}, sorted.slice(0, SHORT).map(option)),
    rest.length > 0 &&
      h('details', { 'data-facet': name, open: opened.has(name) },
        h('summary', {}, `${rest.length} more`),
        h('ul', {}, rest.slice(0, 200).map(option))));
}

function drawMore(element, results, cursor, signal) {
  if (!cursor) return show(element);
  const next = async () => {
    const found = await post('/entities/by-query', { cursor, limit: PAGE, fields: ROW_FIELDS }, { signal });
    results.append(...found.items.map(row));
    drawMore(element, results, found.pageInfo.nextCursor, signal);
  };
  return show(element, h('button', { type: 'button', onclick: next }, 'Show more'));
}
