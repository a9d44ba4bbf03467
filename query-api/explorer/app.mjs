// The shell: which view an address shows, and what stays on the screen around it.

import { setToken } from './api.mjs';
import { h, show } from './dom.mjs';
import { follow, onState } from './live.mjs';
import { changes } from './views/changes.mjs';
import { entity } from './views/entity.mjs';
import { home } from './views/home.mjs';
import { problems } from './views/problems.mjs';
import { search } from './views/search.mjs';

const ROUTES = [
  [/^\/$/, home],
  [/^\/search$/, search],
  [/^\/problems$/, problems],
  [/^\/changes$/, changes],
  [/^\/entity\/([^/]+)\/([^/]+)\/([^/]+)$/, entity],
];

const main = document.getElementById('main');
const find = document.getElementById('find');
let left = new AbortController();

/** Goes to an address of ours. `replace`: in place of the current one. */
export function go(href, { replace = false } = {}) {
  history[replace ? 'replaceState' : 'pushState']({}, '', href);
  return draw();
}

/** Draws the view of the current address. */
async function draw() {
  left.abort();
  left = new AbortController();
  const { signal } = left;
  const { pathname } = location;
  const found = ROUTES.map(([pattern, view]) => ({ view, match: pattern.exec(pathname) })).find(({ match }) => match);
  mark(pathname);
  find.value = new URLSearchParams(location.search).get('q') ?? '';
  if (!found) return show(main, h('h1', {}, 'No such page'), h('p', {}, h('a', { href: '/' }, 'To the start')));
  const page = { main, signal, go, title: text => (document.title = text ? `${text} · Catalog` : 'Catalog') };
  try {
    await found.view(page, ...found.match.slice(1).map(decodeURIComponent));
  } catch (error) {
    if (!signal.aborted) show(main, trouble(error));
  }
}

function mark(pathname) {
  for (const link of document.querySelectorAll('nav a')) {
    if (new URL(link.href).pathname === pathname) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
}

function trouble(error) {
  if (error.status === 401) return credentials();
  return [
    h('h1', {}, error.status === 503 ? 'Not yet' : 'That did not work'),
    h('p', { class: 'bad' }, error.message),
    h('p', {}, h('button', { type: 'button', onclick: draw }, 'Try again')),
  ];
}

function credentials() {
  const take = event => {
    event.preventDefault();
    setToken(new FormData(event.target).get('token').trim());
    draw();
  };
  return [
    h('h1', {}, 'This catalog wants to know who you are'),
    h('form', { onsubmit: take, class: 'token' },
      h('label', { for: 'token' }, 'Token'),
      h('input', { id: 'token', name: 'token', type: 'password', required: true, autocomplete: 'off' }),
      h('button', {}, 'Use it'),
      h('p', { class: 'soft' }, 'It is kept until this tab is closed.')),
  ];
}

/** Links of ours are followed without loading the page again. */
function followLink(event) {
  const link = event.target.closest('a[href]');
  const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
  if (!link || !plain) return;
  // Links in drawings have no `pathname` of their own.
  const target = new URL(link.getAttribute('href'), location.href);
  if (target.origin !== location.origin || target.pathname.startsWith('/api/')) return;
  if (target.hash && target.pathname === location.pathname) return;
  event.preventDefault();
  go(target.pathname + target.search);
  main.focus({ preventScroll: true });
  scrollTo(0, 0);
}

/** What is typed above is searched at once, from wherever. */
function type() {
  const params = new URLSearchParams(location.pathname === '/search' ? location.search : '');
  if (find.value) params.set('q', find.value);
  else params.delete('q');
  const { activeElement } = document;
  go(`/search?${params}`, { replace: location.pathname === '/search' });
  activeElement?.focus();
}

document.addEventListener('click', followLink);
find.addEventListener('input', type);
find.form.addEventListener('submit', event => {
  event.preventDefault();
  document.querySelector('#results a')?.focus();
});
document.addEventListener('keydown', event => {
  const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName);
  if (event.key !== '/' || typing || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  find.focus();
});
addEventListener('popstate', draw);

const live = document.getElementById('live');
onState(({ connected, revision }) => {
  live.classList.toggle('off', !connected);
  live.textContent = connected ? `revision ${revision}` : 'not connected';
});

draw();
follow();
