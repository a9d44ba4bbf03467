// The stream of changes: one connection a page, shared by whoever wants to know.

import { get, request } from './api.mjs';

const RETRY = 2_000;
const listeners = new Set();
const watchers = new Set();

/** Calls `listener` with each change until `signal` ends it. */
export function onChange(listener, signal) {
  listeners.add(listener);
  signal?.addEventListener('abort', () => listeners.delete(listener));
}

/** Calls `watcher` with `{ connected, revision }` whenever that changes. */
export function onState(watcher) {
  watchers.add(watcher);
}

/** Follows the catalog for as long as the page is open. */
export async function follow() {
  let revision;
  for (;;) {
    try {
      revision ??= (await get('/v1/status')).revision;
      tell({ connected: true, revision });
      const stream = await request(`/v1/changes?since=${revision}`, { headers: { accept: 'text/event-stream' } });
      // Gone: the catalog was rebuilt, so what this page shows is of another one.
      if (stream.status === 410) return location.reload();
      if (!stream.ok) throw new Error(`${stream.status}`);
      for await (const { event, id, data } of events(stream.body)) {
        if (id) revision = Number(id);
        if (!data) continue;
        const told = JSON.parse(data);
        // A commit whose changes are hidden tells its revision only.
        if (event === 'change') listeners.forEach(listener => listener(told));
        tell({ connected: true, revision: Math.max(revision, told.revision ?? 0) });
      }
    } catch {
      // Whatever it was, it is tried again.
    }
    tell({ connected: false, revision });
    await new Promise(resolve => setTimeout(resolve, RETRY));
  }
}

function tell(state) {
  watchers.forEach(watcher => watcher(state));
}

/**
 * The events of a stream, as the HTML standard parses them, as far as we use them. Whoever stops listening ends
 * the connection.
 */
export async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += value.replaceAll('\r\n', '\n');
      const blocks = text.split('\n\n');
      text = blocks.pop();
      yield* blocks.map(parsed);
    }
  } finally {
    // A connection that broke cannot be cancelled any more.
    await reader.cancel().catch(() => undefined);
  }
}

function parsed(block) {
  const event = {};
  for (const line of block.split('\n')) {
    const [, field, value] = /^(\w+): ?(.*)$/.exec(line) ?? [];
    if (field === 'data') event.data = event.data === undefined ? value : `${event.data}\n${value}`;
    else if (field) event[field] = value;
  }
  return event;
}
