// One entity: what it says, what is wrong with it, what it is connected with, and how it came to be so.

import { byRefs, find } from '../api.mjs';
import { h, show } from '../dom.mjs';
import { neighbourhood } from '../graph.mjs';
import { onChange } from '../live.mjs';
import { change, problem } from '../parts.mjs';
import { count, isSafeUrl, parseRef, pathOf, prose, refLink, refOf, shortRef, titleOf } from '../text.mjs';

/** Relations of one type that are listed before somebody asks for all. */
const LISTED = 20;
const HISTORY = 50;
const ENOUGH = ['kind', 'metadata.name', 'metadata.namespace', 'metadata.title', 'spec.profile.displayName', 'spec.type'];

export async function entity(page, kind, namespace, name) {
  const { main, signal, title } = page;
  const path = [kind, namespace, name].map(encodeURIComponent).join('/');
  const ref = `${kind}:${namespace}/${name}`.toLowerCase();
  const load = async () => {
    const [found, history] = await Promise.all([
      find(`/entities/by-name/${path}`, { signal }),
      find(`/v1/history/${path}?limit=${HISTORY}`, { signal }),
    ]);
    const explained = found ? undefined : await find(`/v1/explain?ref=${encodeURIComponent(ref)}`, { signal });
    if (signal.aborted) return;
    title(found ? titleOf(found) : shortRef(ref));
    const wasOpen = main.querySelector('#json')?.open;
    show(main,
      found ? about(found, ref) : missing(ref, explained),
      found && wrong(found),
      found && (await connections(found, ref, signal)),
      past(history),
      found && raw(found, wasOpen));
  };
  await load();
  onChange(({ entityRef }) => entityRef === ref && load().catch(() => undefined), signal);
}

function about({ kind, metadata, spec }, ref) {
  const { annotations = {}, tags = [], links = [], labels = {} } = metadata;
  const source = annotations['backstage.io/view-url'];
  const facts = [
    ['Type', spec?.type],
    ['Lifecycle', spec?.lifecycle],
    ['E-mail', spec?.profile?.email],
    ['Tags', tags.length > 0 && tags.map(tag => h('a', { class: 'badge', href: `/search?tag=${encodeURIComponent(tag)}` }, tag))],
    ['Labels', Object.entries(labels).map(([key, value]) => h('code', {}, `${key}=${value} `))],
    ['Links', links.filter(({ url }) => isSafeUrl(url)).map(({ url, title }) =>
      h('a', { href: url, rel: 'noopener noreferrer' }, `${title ?? url} `))],
    ['Read from', annotations['backstage.io/managed-by-location'] && h('code', {}, annotations['backstage.io/managed-by-location'])],
    ['Source', isSafeUrl(source ?? '') && h('a', { href: source, rel: 'noopener noreferrer' }, 'View')],
  ].filter(([, value]) => (Array.isArray(value) ? value.length > 0 : value));
  return [
    h('h1', {}, titleOf({ metadata, spec })),
    h('p', { class: 'soft' }, h('span', { class: 'badge' }, kind), ' ', h('code', {}, ref),
      annotations['backstage.io/orphan'] === 'true' && [' ', h('span', { class: 'badge failed' }, 'orphan')]),
    metadata.description && h('p', { class: 'lead' }, metadata.description),
    h('dl', {}, facts.map(([label, value]) => [h('dt', {}, label), h('dd', {}, value)])),
  ];
}

/** Why it is not there, as far as the catalog can tell. */
function missing(ref, explained) {
  const nearest = explained?.nearest ?? [];
  return [
    h('h1', {}, shortRef(ref)),
    h('p', { class: 'bad' }, 'This entity is not in the catalog.'),
    explained?.summary && h('p', {}, prose(explained.summary)),
    explained?.advice && h('p', {}, prose(explained.advice)),
    nearest.length > 0 && h('p', {}, 'Did you mean ', nearest.map((other, index) => [index > 0 && ', ', refLink(other)]), '?'),
    h('p', {}, h('a', { href: `/search?q=${encodeURIComponent(parseRef(ref).name)}` }, 'Search for its name')),
  ];
}

function wrong({ status }) {
  const items = status?.items ?? [];
  if (items.length === 0) return null;
  return h('section', {}, h('h2', {}, 'Problems'),
    h('ul', { class: 'cards' }, items.map(({ message, level, error, type }) =>
      problem({ message, level, name: error?.name ?? type, ...placed(error) }))));
}

const placed = error => ({ advice: error?.advice, location: error?.location, line: error?.line, document: error?.document });

async function connections({ relations = [] }, ref, signal) {
  if (relations.length === 0) return null;
  const types = Map.groupBy(relations, ({ type }) => type);
  const refs = [...types.values()].flatMap(ends => ends.slice(0, LISTED).map(({ targetRef }) => targetRef));
  const entities = await byRefs([...new Set(refs)], ENOUGH, { signal });
  const known = new Map([...new Set(refs)].map((target, index) => [target, entities[index]]));
  const drawn = await neighbourhood(ref, relations, signal);
  return h('section', {}, h('h2', {}, 'Relations'),
    drawn,
    h('div', { class: 'relations' }, [...types].map(([type, ends]) => related(type, ends, known))));
}

function related(type, ends, known) {
  const item = ({ targetRef }) => {
    const target = known.get(targetRef);
    const isMissing = known.has(targetRef) && !target;
    return h('li', { class: isMissing ? 'dangling' : null },
      refLink(targetRef, target ? titleOf(target) : shortRef(targetRef)),
      h('span', { class: 'soft' }, isMissing ? ' is not in the catalog' : ` ${target?.kind ?? ''}`));
  };
  const rest = ends.slice(LISTED);
  return h('div', {},
    h('h3', {}, type, ' ', h('span', { class: 'badge' }, ends.length.toLocaleString('en'))),
    h('ul', {}, ends.slice(0, LISTED).map(item)),
    rest.length > 0 &&
      h('details', {}, h('summary', {}, `${count(rest.length, 'more', 'more')}`), h('ul', {}, rest.slice(0, 1000).map(item))));
}

function past(history) {
  if (!history || history.items.length === 0) return null;
  return h('section', {}, h('h2', {}, 'History'), h('ul', { class: 'changes' }, history.items.map(change)));
}

function raw(found, open) {
  return h('section', {}, h('h2', {}, 'JSON'),
    h('details', { id: 'json', open: Boolean(open) },
      h('summary', {}, 'The whole entity'),
      h('pre', { tabindex: 0 }, h('code', {}, JSON.stringify(found, null, 2)))),
    h('p', {}, h('a', { href: `/api/catalog/entities/by-name${pathOf(refOf(found)).slice('/entity'.length)}` }, 'From the API')));
}
