// The published client, pointed at the server under test.

import { CatalogClient } from '@backstage/catalog-client';

export const url = process.env.BACKSTITCH_URL;

/** A client as a portal makes it: it asks discovery where the catalog is. */
export function newClient() {
  return new CatalogClient({
    discoveryApi: { getBaseUrl: async plugin => `${url}/api/${plugin}` },
    fetchApi: { fetch },
  });
}

/** The canonical ref of an entity. */
export function refOf({ kind, metadata }) {
  return `${kind}:${metadata.namespace ?? 'default'}/${metadata.name}`.toLowerCase();
}

/** All items of an async iterable of pages. */
export async function collect(pages) {
  const items = [];
  for await (const page of pages) items.push(...page);
  return items;
}

/** Polls until `condition` gives something, or fails with what was last seen. */
export async function eventually(what, look, condition = Boolean, patience = 30_000) {
  const deadline = Date.now() + patience;
  let seen;
  do {
    seen = await look();
    if (condition(seen)) return seen;
    await new Promise(resolve => setTimeout(resolve, 10));
  } while (Date.now() < deadline);
  throw new Error(`${what} did not come; last seen: ${JSON.stringify(seen)}`);
}
