// What changes, as it happens.

import { get } from '../api.mjs';
import { h, show } from '../dom.mjs';
import { onChange } from '../live.mjs';
import { change } from '../parts.mjs';

const SHOWN = 200;

export async function changes({ main, signal, title }) {
  title('Changes');
  // What happens while the list is on its way comes after it.
  const early = [];
  let take = event => early.push(event);
  onChange(event => take(event), signal);
  const { items } = await get(`/v1/changes?limit=${SHOWN}`, { signal });
  if (signal.aborted) return;
  const list = h('ul', { id: 'changes', class: 'changes', 'aria-live': 'polite' }, items.map(change));
  show(main, h('h1', {}, 'Changes'), h('p', { class: 'soft' }, 'Newest first; new ones appear by themselves.'), list);
  take = event => {
    if (event.revision <= Number(list.dataset.revision ?? items[0]?.revision ?? 0)) return;
    list.dataset.revision = event.revision;
    list.prepend(change(event));
    list.children[SHOWN]?.remove();
  };
  early.forEach(take);
}
