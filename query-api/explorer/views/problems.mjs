// Everything that is wrong, and every conflict.

import { get } from '../api.mjs';
import { h, show } from '../dom.mjs';
import { problem } from '../parts.mjs';
import { count, refLink } from '../text.mjs';

export async function problems({ main, signal, title }) {
  title('Problems');
  const [errors, conflicts] = await Promise.all([
    get('/v1/errors', { signal }),
    get('/v1/conflicts', { signal }),
  ]);
  if (signal.aborted) return;
  show(main, h('h1', {}, 'Problems'), wrong(errors), lost(conflicts));
}

function wrong({ items, totalItems }) {
  if (totalItems === 0) return h('p', {}, 'Everything that was read is in the catalog.');
  return [
    h('p', { class: 'soft' }, count(totalItems, 'problem')),
    h('ul', { class: 'cards' }, items.map(problem)),
    totalItems > items.length && h('p', { class: 'soft' }, `${totalItems - items.length} more are not listed.`),
  ];
}

function lost({ items, totalItems }) {
  if (totalItems === 0) return null;
  const place = source => source?.document?.replace(/^(file|url):/, '') ?? `provider ${source?.provider}`;
  return h('section', {}, h('h2', {}, count(totalItems, 'conflict')),
    h('ul', { class: 'cards' }, items.map(({ entityRef, source, winner }) =>
      h('li', { class: 'card warned' },
        h('p', { class: 'place' }, refLink(entityRef)),
        h('p', {}, 'is claimed twice. ', h('code', {}, place(winner)), ' wins, ', h('code', {}, place(source)), ' loses.')))));
}
