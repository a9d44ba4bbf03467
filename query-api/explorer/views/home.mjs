// The start: what needs a person first, then what happens, then what there is.

import { get } from '../api.mjs';
import { h, show } from '../dom.mjs';
import { onChange } from '../live.mjs';
import { change, problem } from '../parts.mjs';
import { count, moment, refLink } from '../text.mjs';

const PROBLEMS = 5;
const CHANGES = 15;
const CALM = 500;

export async function home({ main, signal, title }) {
  title('');
  const load = async () => {
    const [status, changes] = await Promise.all([
      get('/v1/status', { signal }),
      get(`/v1/changes?limit=${CHANGES}`, { signal }),
    ]);
    if (signal.aborted) return;
    const reopened = [...main.querySelectorAll('details')].map(({ open }) => open);
    show(main, overview(status), held(status), troubles(status), notices(status), latest(changes), providers(status));
    main.querySelectorAll('details').forEach((details, index) => (details.open = Boolean(reopened[index])));
  };
  await load();
  let timer;
  onChange(() => {
    clearTimeout(timer);
    timer = setTimeout(() => !signal.aborted && load().catch(() => undefined), CALM);
  }, signal);
}

function overview({ entities, kinds, problemsTotal, busy }) {
  const tiles = Object.entries(kinds).map(([kind, number]) =>
    h('li', {}, h('a', { href: `/search?kind=${encodeURIComponent(kind)}` },
      h('strong', {}, number.toLocaleString('en')), ` ${kind}`)));
  return [
    h('h1', {}, count(entities, 'entity', 'entities')),
    h('p', { class: 'soft' },
      problemsTotal > 0 ? h('a', { href: '/problems' }, count(problemsTotal, 'problem')) : 'No problems',
      busy && ' · reading'),
    tiles.length > 0
      ? h('ul', { class: 'tiles' }, tiles)
      : h('p', {}, 'There are no entities yet.'),
  ];
}

/** Removals that wait, and how to let them happen. */
function held({ providers }) {
  const waiting = providers.filter(provider => provider.held?.removals > 0);
  if (waiting.length === 0) return null;
  return h('section', {}, h('h2', {}, 'Waiting for you'),
    h('ul', { class: 'cards' }, waiting.map(({ name, held: { removals, since, sample } }) =>
      h('li', { class: 'card warned' },
        h('p', {}, `${count(removals, 'removal')} of provider `, h('strong', {}, name), ' held since ', moment(since),
          ': so many entities went missing at once that it may be a mistake of the source.'),
        sample?.length > 0 && h('p', { class: 'soft' }, sample.map((ref, index) => [index > 0 && ', ', refLink(ref)])),
        h('p', {}, 'If they are to go: ', h('code', {}, `backstitch providers confirm ${name}`)),
        h('p', {}, 'If they are to stay until they are found missing again: ',
          h('code', {}, `backstitch providers discard ${name}`))))));
}

function troubles({ problems, problemsTotal }) {
  if (problems.length === 0) return null;
  const rest = problemsTotal - Math.min(problems.length, PROBLEMS);
  return h('section', {}, h('h2', {}, 'Problems'),
    h('ul', { class: 'cards' }, problems.slice(0, PROBLEMS).map(problem)),
    rest > 0 && h('p', {}, h('a', { href: '/problems' }, `and ${rest.toLocaleString('en')} more`)));
}

function notices({ notices: texts }) {
  if (texts.length === 0) return null;
  return h('section', {}, h('h2', {}, 'Configuration'),
    h('ul', { class: 'cards' }, texts.map(text => h('li', { class: 'card warned' }, text))));
}

function latest({ items }) {
  if (items.length === 0) return null;
  return h('section', {}, h('h2', {}, 'Latest changes'),
    h('ul', { class: 'changes' }, items.map(change)),
    h('p', {}, h('a', { href: '/changes' }, 'Watch changes')));
}

function providers({ providers: all }) {
  if (all.length === 0) return null;
  const heads = ['Provider', 'Entities', 'Outcome', 'Last read', 'Next read'];
  return h('section', {}, h('h2', {}, 'Providers'),
    h('table', {},
      h('thead', {}, h('tr', {}, heads.map(head => h('th', { scope: 'col' }, head)))),
      h('tbody', {}, all.map(({ name, entities, outcome, lastRead, nextRead }) =>
        h('tr', {},
          h('th', { scope: 'row' }, name),
          h('td', { class: 'number' }, entities.toLocaleString('en')),
          h('td', {}, outcome),
          h('td', {}, moment(lastRead)),
          h('td', {}, moment(nextRead)))))));
}
