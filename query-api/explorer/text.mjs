// How refs, numbers and times are written.

import { h } from './dom.mjs';

/** The parts of an entity ref; missing ones take Backstage's defaults. */
export function parseRef(ref) {
  const colon = ref.indexOf(':');
  const slash = ref.indexOf('/', colon + 1);
  return {
    kind: ref.slice(0, Math.max(colon, 0)) || 'component',
    namespace: slash < 0 ? 'default' : ref.slice(colon + 1, slash),
    name: ref.slice(Math.max(colon, slash) + 1),
  };
}

/** A ref as written in a descriptor, with what its place implies. */
export function fullRef(text, kind, namespace = 'default') {
  const [, ownKind, ownNamespace, name] = /^(?:([^:/]+):)?(?:([^/]+)\/)?(.+)$/.exec(text) ?? [];
  return `${ownKind ?? kind}:${ownNamespace ?? namespace}/${name}`.toLowerCase();
}

/** The canonical ref of an entity. */
export function refOf({ kind, metadata }) {
  return `${kind}:${metadata.namespace ?? 'default'}/${metadata.name}`.toLowerCase();
}

/** The page of an entity. */
export function pathOf(ref) {
  const { kind, namespace, name } = parseRef(ref);
  return `/entity/${[kind, namespace, name].map(encodeURIComponent).join('/')}`;
}

/** What people call an entity. */
export function titleOf(entity) {
  return entity.metadata.title ?? entity.spec?.profile?.displayName ?? entity.metadata.name;
}

/** A ref as short as it can be told: the default namespace goes without saying. */
export function shortRef(ref) {
  const { kind, namespace, name } = parseRef(ref);
  return namespace === 'default' ? `${kind}:${name}` : `${kind}:${namespace}/${name}`;
}

/** A link to an entity. */
export function refLink(ref, text = shortRef(ref)) {
  return h('a', { href: pathOf(ref) }, text);
}

/** `1 problem`, `2 problems`. */
export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString('en')} ${number === 1 ? one : many}`;
}

const STEPS = [
  [60, 1, 'second'],
  [3_600, 60, 'minute'],
  [86_400, 3_600, 'hour'],
  [30 * 86_400, 86_400, 'day'],
];
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

/** A moment, as long ago as it is; the exact one is in its title. */
export function moment(iso) {
  if (!iso) return null;
  const at = new Date(iso);
  const seconds = (at - Date.now()) / 1000;
  const step = STEPS.find(([limit]) => Math.abs(seconds) < limit);
  const text = step ? relative.format(Math.round(seconds / step[1]), step[2]) : at.toLocaleDateString('en-CA');
  return h('time', { datetime: iso, title: at.toLocaleString() }, text);
}

/** Text with `code` in it. */
export function prose(text) {
  return text.split('`').map((part, index) => (index % 2 ? h('code', {}, part) : part));
}

/** Whether a browser may be sent there. */
export function isSafeUrl(text) {
  return URL.canParse(text) && ['http:', 'https:', 'mailto:'].includes(new URL(text).protocol);
}
