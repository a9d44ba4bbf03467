// What several views show.

import { h } from './dom.mjs';
import { fullRef, moment, pathOf, prose, refLink, refOf, shortRef, titleOf } from './text.mjs';

const DONE = { created: 'added', updated: 'changed', deleted: 'removed' };

/** One problem: where it is, and what to do about it. */
export function problem({ entityRef, location, line, document, advice, message, name, level }) {
  const place = location?.replace(/^(file|url):/, '');
  return h('li', { class: level === 'warning' ? 'card warned' : 'card failed' },
    h('p', { class: 'place' }, place ? `${place}${line ? `:${line}` : ''}` : entityRef && refLink(entityRef)),
    h('p', {}, prose(advice ?? message)),
    h('details', {},
      h('summary', {}, 'Details'),
      h('dl', {},
        entityRef && [h('dt', {}, 'Entity'), h('dd', {}, refLink(entityRef))],
        document && [h('dt', {}, 'Document'), h('dd', {}, `${document}`)],
        h('dt', {}, name),
        h('dd', {}, message))));
}

/** One change of the catalog. */
export function change({ entityRef, operation, at, cause, relationsAdded, relationsRemoved, bodyChanged }) {
  const relations = [
    ...(relationsAdded ?? []).map(end => ['+', end]),
    ...(relationsRemoved ?? []).map(end => ['−', end]),
  ];
  return h('li', { class: `change ${operation}` },
    h('span', { class: 'badge' }, operation === 'updated' && bodyChanged === false ? 'relations' : DONE[operation]),
    h('span', { class: 'what' },
      refLink(entityRef),
      relations.length > 0 && h('span', { class: 'soft' }, ` ${summary(relations)}`)),
    h('span', { class: 'soft why' }, cause?.detail ?? cause?.kind),
    moment(at));
}

function summary(relations) {
  const shown = relations.slice(0, 3).map(([sign, { type, targetRef }]) => `${sign}${type} ${shortRef(targetRef)}`);
  return shown.join(', ') + (relations.length > shown.length ? ` and ${relations.length - shown.length} more` : '');
}

/** One entity in a list. */
export function row(entity) {
  const ref = refOf(entity);
  const owner = entity.spec?.owner && fullRef(entity.spec.owner, 'group', entity.metadata.namespace);
  const errors = entity.status?.items?.filter(({ level }) => level === 'error') ?? [];
  return h('li', { class: 'hit' },
    h('span', { class: 'badge' }, entity.kind),
    h('a', { href: pathOf(ref) }, titleOf(entity)),
    errors.length > 0 && h('span', { class: 'badge failed' }, 'has errors'),
    h('span', { class: 'soft' }, [entity.spec?.type, entity.spec?.lifecycle].filter(Boolean).join(' · ')),
    owner ? h('span', { class: 'owner' }, refLink(owner)) : null,
    entity.metadata.description && h('p', { class: 'soft' }, entity.metadata.description));
}

/** The fields that [`row`] shows. */
export const ROW_FIELDS = [
  'kind', 'metadata.name', 'metadata.namespace', 'metadata.title', 'metadata.description',
  'spec.type', 'spec.lifecycle', 'spec.owner', 'spec.profile.displayName', 'status',
];
