// Every read of the client, against the example catalog.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { CATALOG_FILTER_EXISTS } from '@backstage/catalog-client';
import { collect, newClient, refOf } from './support.mjs';

const client = newClient();
let all;

before(async () => {
  all = (await client.getEntities()).items;
});

describe('getEntities', () => {
  test('returns the whole catalog', () => {
    assert.equal(all.length, 149);
    assert.ok(all.every(entity => entity.metadata.uid && entity.metadata.etag && entity.relations));
  });

  test('filters by several values of one key, and by alternatives', async () => {
    const { items } = await client.getEntities({
      filter: [{ kind: ['API', 'Resource'], 'metadata.namespace': 'finance' }, { kind: 'Domain' }],
    });
    const wanted = all.filter(
      ({ kind, metadata }) =>
        kind === 'Domain' || (['API', 'Resource'].includes(kind) && metadata.namespace === 'finance'),
    );
    assert.deepEqual(items.map(refOf).sort(), wanted.map(refOf).sort());
  });

  test('filters by existence', async () => {
    const { items } = await client.getEntities({ filter: { 'spec.system': CATALOG_FILTER_EXISTS } });
    assert.deepEqual(items.map(refOf).sort(), all.filter(e => e.spec?.system).map(refOf).sort());
  });

  test('projects fields', async () => {
    const { items } = await client.getEntities({ filter: { kind: 'Domain' }, fields: ['kind', 'metadata.name'] });
    assert.ok(items.length > 0);
    for (const item of items) {
      assert.deepEqual(Object.keys(item).sort(), ['kind', 'metadata']);
      assert.deepEqual(Object.keys(item.metadata), ['name']);
    }
  });

  test('orders, and pages by offset and limit', async () => {
    const order = { field: 'metadata.name', order: 'desc' };
    const { items } = await client.getEntities({ filter: { kind: 'User' }, order, limit: 5, offset: 2 });
    const names = all.filter(e => e.kind === 'User').map(e => e.metadata.name).sort().reverse();
    assert.deepEqual(items.map(e => e.metadata.name), names.slice(2, 7));
  });

  test('goes on after a cursor', async () => {
    const after = Buffer.from(JSON.stringify({ limit: 3, offset: 4 })).toString('base64');
    const { items } = await client.getEntities({ after });
    assert.deepEqual(items.map(refOf), all.map(refOf).sort().slice(4, 7));
  });

  test('an impossible limit is an InputError', async () => {
    await assert.rejects(client.getEntities({ limit: 0 }), error => {
      assert.equal(error.statusCode, 400);
      assert.equal(error.cause.name, 'InputError');
      return true;
    });
  });
});

describe('queryEntities', () => {
  for (const order of ['asc', 'desc']) {
    test(`pages all the way and back, ${order}`, async () => {
      const request = {
        filter: { kind: 'Component' },
        orderFields: { field: 'metadata.name', order },
        limit: 7,
      };
      await allTheWayAndBack(request, all.filter(e => e.kind === 'Component'), order);
    });
  }

  test('pages a predicate all the way and back', async () => {
    const query = {
      $all: [
        { $any: [{ kind: 'component' }, { kind: { $in: ['API', 'resource'] } }] },
        { $not: { 'spec.lifecycle': 'experimental' } },
        { 'metadata.name': { $exists: true } },
      ],
    };
    const wanted = all.filter(
      e => ['Component', 'API', 'Resource'].includes(e.kind) && e.spec.lifecycle !== 'experimental',
    );
    const orderFields = { field: 'metadata.name', order: 'asc' };
    await allTheWayAndBack({ query, orderFields, limit: 9 }, wanted, 'asc');
  });

  test('a filter and a predicate are both kept', async () => {
    const { items, totalItems } = await client.queryEntities({
      filter: { kind: 'component' },
      query: { 'spec.type': { $hasPrefix: 'serv' } },
    });
    const wanted = all.filter(e => e.kind === 'Component' && e.spec.type.startsWith('serv'));
    assert.equal(totalItems, wanted.length);
    assert.deepEqual(items.map(refOf).sort(), wanted.map(refOf).sort());
  });

  test('relations are matched as objects', async () => {
    const owner = all.find(e => e.kind === 'Component').relations.find(r => r.type === 'ownedBy').targetRef;
    const { items } = await client.queryEntities({
      query: { relations: { $contains: { type: 'ownedBy', targetRef: owner } } },
    });
    const owned = all.filter(e => e.relations.some(r => r.type === 'ownedBy' && r.targetRef === owner));
    assert.deepEqual(items.map(refOf).sort(), owned.map(refOf).sort());
  });

  test('text is found in the named fields', async () => {
    const { items } = await client.queryEntities({
      filter: { kind: 'user' },
      fullTextFilter: { term: ' AN ', fields: ['spec.profile.displayName', 'metadata.name'] },
    });
    const holds = text => text?.toLowerCase().includes('an');
    const wanted = all.filter(
      e => e.kind === 'User' && (holds(e.metadata.name) || holds(e.spec.profile?.displayName)),
    );
    assert.ok(wanted.length > 0);
    assert.deepEqual(items.map(refOf).sort(), wanted.map(refOf).sort());
  });

  test('limit 0 only counts', async () => {
    const answer = await client.queryEntities({ filter: { kind: 'user' }, limit: 0 });
    assert.deepEqual(answer, {
      items: [],
      totalItems: all.filter(e => e.kind === 'User').length,
      pageInfo: {},
    });
  });

  test('the count can be left out', async () => {
    const { totalItems } = await client.queryEntities({ limit: 1, totalItems: 'exclude' });
    assert.equal(totalItems, 0);
  });

  test('a stale cursor is an InputError', async () => {
    const cursor = Buffer.from('{"bad":"cursor"}').toString('base64');
    await assert.rejects(client.queryEntities({ cursor }), error => {
      assert.match(error.cause.message, /Malformed cursor/);
      return error.cause.name === 'InputError';
    });
  });

  test('an unknown operator is an InputError', async () => {
    await assert.rejects(client.queryEntities({ query: { kind: { $like: 'x' } } }), error => {
      return error.statusCode === 400 && error.cause.name === 'InputError';
    });
  });
});

describe('streamEntities', () => {
  test('gives every entity once', async () => {
    const items = await collect(client.streamEntities({ pageSize: 10 }));
    assert.deepEqual(items.map(refOf).sort(), all.map(refOf).sort());
  });

  test('with a predicate and fields', async () => {
    const pages = client.streamEntities({ query: { kind: 'group' }, fields: ['metadata.name'], pageSize: 2 });
    const names = (await collect(pages)).map(e => e.metadata.name);
    assert.deepEqual(names.sort(), all.filter(e => e.kind === 'Group').map(e => e.metadata.name).sort());
  });
});

describe('single entities', () => {
  test('by ref, whatever its case', async () => {
    const wanted = all.find(e => e.kind === 'Component');
    assert.deepEqual(await client.getEntityByRef(refOf(wanted).toUpperCase()), wanted);
  });

  test('an unknown ref is undefined', async () => {
    assert.equal(await client.getEntityByRef('component:default/no-such-thing'), undefined);
  });

  test('by refs, in their order, with gaps', async () => {
    const [first, second] = all;
    const entityRefs = [refOf(second), 'component:default/none', refOf(first), refOf(second)];
    const { items } = await client.getEntitiesByRefs({ entityRefs });
    assert.deepEqual(items, [second, undefined, first, second]);
  });

  test('by refs, filtered and queried', async () => {
    const users = all.filter(e => e.kind === 'User').slice(0, 3);
    const groups = all.filter(e => e.kind === 'Group').slice(0, 2);
    const entityRefs = [...users, ...groups].map(refOf);
    for (const narrowing of [{ filter: { kind: 'user' } }, { query: { kind: 'user' } }]) {
      const { items } = await client.getEntitiesByRefs({ entityRefs, ...narrowing });
      assert.deepEqual(items, [...users, ...groups.map(() => undefined)]);
    }
  });

  test('more refs than fit in one request', async () => {
    const missing = Array.from({ length: 2500 }, (_, i) => `component:default/none-${i}`);
    const entityRefs = [...missing, ...all.map(refOf)];
    const { items } = await client.getEntitiesByRefs({ entityRefs });
    assert.equal(items.length, entityRefs.length);
    assert.deepEqual(items.slice(missing.length), all);
  });

  test('ancestry leads from the entity to what was registered', async () => {
    const entity = all.find(e => e.kind === 'Component');
    const { rootEntityRef, items } = await client.getEntityAncestors({ entityRef: refOf(entity) });
    assert.equal(rootEntityRef, refOf(entity));
    assert.deepEqual(items[0].entity, entity);
    const byRef = new Map(items.map(item => [refOf(item.entity), item]));
    let at = items[0];
    while (at.parentEntityRefs.length > 0) at = byRef.get(at.parentEntityRefs[0]);
    assert.equal(at.entity.kind, 'Location');
  });

  test('ancestry of an unknown ref is an error', async () => {
    await assert.rejects(
      client.getEntityAncestors({ entityRef: 'component:default/none' }),
      error => error.cause.name === 'NotFoundError',
    );
  });
});

describe('getEntityFacets', () => {
  const countBy = (entities, valueOf) => {
    const counts = new Map();
    for (const value of entities.map(valueOf)) counts.set(value, (counts.get(value) ?? 0) + 1);
    return [...counts].map(([value, count]) => ({ value, count })).sort((a, b) => (a.value < b.value ? -1 : 1));
  };

  test('counts values with their casing', async () => {
    const { facets } = await client.getEntityFacets({ facets: ['kind'] });
    assert.deepEqual(facets, { kind: countBy(all, e => e.kind) });
  });

  test('of what a filter or a predicate leaves', async () => {
    const components = all.filter(e => e.kind === 'Component');
    const wanted = { 'spec.type': countBy(components, e => e.spec.type) };
    for (const narrowing of [{ filter: { kind: 'component' } }, { query: { kind: 'component' } }]) {
      const { facets } = await client.getEntityFacets({ facets: ['spec.type'], ...narrowing });
      assert.deepEqual(facets, wanted);
    }
  });

  test('an unknown facet is empty', async () => {
    assert.deepEqual(await client.getEntityFacets({ facets: ['spec.none'] }), { facets: { 'spec.none': [] } });
  });
});

/** Pages forward to the end and back to the start, and checks every page on the way. */
async function allTheWayAndBack(request, wanted, order) {
  const names = wanted.map(e => e.metadata.name.toLowerCase()).sort();
  if (order === 'desc') names.reverse();
  const pages = [await client.queryEntities(request)];
  while (pages.at(-1).pageInfo.nextCursor) {
    const cursor = pages.at(-1).pageInfo.nextCursor;
    pages.push(await client.queryEntities({ cursor, limit: request.limit }));
  }
  const namesOf = page => page.items.map(e => e.metadata.name.toLowerCase());
  assert.ok(pages.length > 2, 'there is something to page through');
  assert.deepEqual(pages.flatMap(namesOf), names);
  assert.ok(pages.every(page => page.totalItems === names.length));
  assert.equal(pages[0].pageInfo.prevCursor, undefined);

  for (let index = pages.length - 1; index > 0; index -= 1) {
    const cursor = pages[index].pageInfo.prevCursor;
    const back = await client.queryEntities({ cursor, limit: request.limit });
    assert.deepEqual(namesOf(back), namesOf(pages[index - 1]));
    assert.equal(Boolean(back.pageInfo.prevCursor), index > 1, 'the first page has nothing before it');
    assert.ok(back.pageInfo.nextCursor, 'a page that was reached backwards has one after it');
  }
}
