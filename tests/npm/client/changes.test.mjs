// Every method of the client that registers, removes, refreshes, tries and checks. The suite's runner
// serves BACKSTITCH_DIR at BACKSTITCH_FILES, from where the catalog may read.

import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { collect, eventually, newClient, refOf, url } from './support.mjs';

const client = newClient();
const files = process.env.BACKSTITCH_FILES;
const registered = new Set();

/** Writes a descriptor and returns its URL. */
async function publish(name, ...components) {
  const folder = join(process.env.BACKSTITCH_DIR, 'files');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, name), components.join('---\n'));
  return `${files}/${name}`;
}

function component(name, description = 'as written') {
  return `apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: ${name}
  description: ${description}
spec:
  type: service
  lifecycle: production
  owner: team-a
`;
}

async function register(target, more = {}) {
  const answer = await client.addLocation({ type: 'url', target, ...more });
  registered.add(answer.location.id);
  return answer;
}

const visible = name => eventually(`component ${name}`, () => client.getEntityByRef(`component:default/${name}`));
const gone = name =>
  eventually(
    `the end of ${name}`,
    () => client.getEntityByRef(`component:default/${name}`),
    found => found === undefined,
  );
const failsWith = (name, message) => error => {
  assert.equal(error.cause?.name, name, `${error}`);
  assert.match(error.cause.message, message);
  return true;
};

afterEach(async () => {
  for (const id of registered) {
    await client.removeLocationById(id).catch(error => assert.equal(error.cause?.name, 'NotFoundError'));
  }
  registered.clear();
});

describe('locations', () => {
  test('live from registration to removal', async () => {
    const target = await publish('life.yaml', component('born'));
    const { location, entities } = await register(target);
    assert.deepEqual(entities, []);
    assert.equal(location.target, target);
    assert.match(location.entityRef ?? '', /^location:default\/generated-[0-9a-f]{40}$/);
    await visible('born');

    // Whatever answers shows what it answered.
    assert.ok(await client.getEntityByRef(location.entityRef));
    const { items } = await client.getLocations();
    assert.ok(items.some(({ id }) => id === location.id));
    assert.equal((await client.getLocationById(location.id)).target, target);
    assert.equal((await client.getLocationByRef(`url:${target}`)).id, location.id);
    assert.equal((await client.getLocationByEntity('component:default/born')).id, location.id);

    await client.removeLocationById(location.id);
    assert.equal(await client.getLocationById(location.id), undefined);
    assert.equal(await client.getEntityByRef(location.entityRef), undefined);
    await gone('born');
  });

  test('the same place twice is a conflict, unless a refresh is asked for', async () => {
    const target = await publish('twice.yaml', component('twice'));
    const { location } = await register(target);
    await assert.rejects(register(target), failsWith('ConflictError', /already exists/));
    const again = await register(target, { onConflict: 'refresh' });
    assert.equal(again.location.id, location.id);
  });

  test('of many at once exactly one is made', async () => {
    const target = await publish('race.yaml', component('race'));
    const outcomes = await Promise.allSettled(Array.from({ length: 6 }, () => register(target)));
    const made = outcomes.filter(({ status }) => status === 'fulfilled');
    const refused = outcomes.filter(({ status }) => status === 'rejected');
    assert.equal(made.length, 1);
    assert.ok(refused.every(({ reason }) => reason.cause.name === 'ConflictError'));
  });

  test('an update keeps id and entity', async () => {
    const before = await publish('before.yaml', component('before'));
    const after = await publish('after.yaml', component('after'));
    const { location } = await register(before);
    await visible('before');
    const updated = await client.updateLocation(location.id, { type: 'url', target: after });
    assert.deepEqual(updated, { ...location, target: after });
    await visible('after');
    await gone('before');
  });

  test('can be queried and streamed', async () => {
    const targets = [];
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      const target = await publish(`query-${name}.yaml`, component(`query-${name}`));
      targets.push(target);
      await register(target);
    }
    const query = { target: { $in: targets.slice(1) } };
    const first = await client.queryLocations({ query, limit: 3 });
    assert.equal(first.items.length, 3);
    assert.equal(first.totalItems, 4);
    const second = await client.queryLocations({ cursor: first.pageInfo.nextCursor });
    assert.equal(second.items.length, 1);
    assert.equal(second.pageInfo.nextCursor, undefined);
    const streamed = await collect(client.streamLocations({ query, pageSize: 2 }));
    assert.deepEqual(streamed.map(({ target }) => target).sort(), targets.slice(1));
  });

  test('of other types are refused', async () => {
    await assert.rejects(
      client.addLocation({ type: 'file', target: '/etc/passwd' }),
      failsWith('InputError', /Registered locations must be of an allowed type \["url"\]/),
    );
  });

  test('unknown ones are not found', async () => {
    const id = '00000000-0000-4000-8000-000000000000';
    assert.equal(await client.getLocationById(id), undefined);
    assert.equal(await client.getLocationById('no-uuid'), undefined);
    assert.equal(await client.getLocationByEntity('component:default/none'), undefined);
    await assert.rejects(client.removeLocationById(id), failsWith('NotFoundError', /Found no location with ID/));
    await assert.rejects(client.updateLocation(id, { type: 'url', target: files }), failsWith('NotFoundError', /./));
  });
});

describe('a dry run', () => {
  test('shows what would come, and leaves nothing behind', async () => {
    const target = await publish('dry.yaml', component('dry-one'), component('dry-two'));
    const { exists, location, entities } = await client.addLocation({ type: 'url', target, dryRun: true });
    assert.equal(exists, false);
    assert.equal(location.target, target);
    const refs = entities.map(refOf);
    assert.match(refs[0], /^location:default\/generated-/);
    assert.deepEqual(refs.slice(1).sort(), ['component:default/dry-one', 'component:default/dry-two']);
    assert.equal(await client.getEntityByRef('component:default/dry-one'), undefined);
    assert.equal(await client.getLocationByRef(`url:${target}`), undefined);
  });

  test('knows that the place is registered already', async () => {
    const target = await publish('dry-known.yaml', component('dry-known'));
    await register(target);
    const { exists } = await client.addLocation({ type: 'url', target, dryRun: true });
    assert.equal(exists, true);
  });

  test('says everything that is wrong', async () => {
    const target = await publish('dry-bad.yaml', component('Bad Name!'), component('good'));
    await assert.rejects(
      client.addLocation({ type: 'url', target, dryRun: true }),
      failsWith('InputError', /metadata\.name/),
    );
    await assert.rejects(
      client.addLocation({ type: 'url', target: `${files}/no-such-file.yaml`, dryRun: true }),
      failsWith('InputError', /no matching files found/),
    );
  });

  test('refuses the same entity twice', async () => {
    const target = await publish('dry-twice.yaml', component('same'), component('same'));
    await assert.rejects(
      client.addLocation({ type: 'url', target, dryRun: true }),
      failsWith('InputError', /component:default\/same/),
    );
  });
});

describe('entities', () => {
  test('are read again when a person asks for it', async () => {
    const target = await publish('fresh.yaml', component('fresh'));
    await register(target);
    const before = await visible('fresh');
    await publish('fresh.yaml', component('fresh', 'as changed'));
    await client.refreshEntity('component:default/fresh');
    const after = await eventually(
      'the change',
      () => client.getEntityByRef('component:default/fresh'),
      entity => entity.metadata.description === 'as changed',
      5_000,
    );
    assert.equal(after.metadata.uid, before.metadata.uid);
  });

  test('that nobody knows cannot be refreshed', async () => {
    await assert.rejects(
      client.refreshEntity('component:default/none'),
      failsWith('NotFoundError', /Entity component:default\/none not found/),
    );
  });

  test('that are deleted come back as others while their source lists them', async () => {
    const target = await publish('deleted.yaml', component('deleted'));
    await register(target);
    const before = await visible('deleted');
    await client.removeEntityByUid(before.metadata.uid);
    const after = await eventually(
      'another one',
      () => client.getEntityByRef('component:default/deleted'),
      entity => entity && entity.metadata.uid !== before.metadata.uid,
    );
    assert.equal(after.metadata.description, before.metadata.description);
  });

  test('that are unknown can be deleted', async () => {
    await client.removeEntityByUid('00000000-0000-4000-8000-000000000000');
  });

  test('that vanish from their source vanish', async () => {
    const target = await publish('vanish.yaml', component('stays'), component('vanishes'));
    await register(target);
    await visible('vanishes');
    await publish('vanish.yaml', component('stays'));
    await client.refreshEntity('component:default/stays');
    await gone('vanishes');
    assert.ok(await client.getEntityByRef('component:default/stays'));
  });
});

describe('validateEntity', () => {
  const entity = {
    apiVersion: 'backstage.io/v1alpha1',
    kind: 'Component',
    metadata: { name: 'checked' },
    spec: { type: 'service', lifecycle: 'production', owner: 'team-a' },
  };

  test('passes what is sound', async () => {
    assert.deepEqual(await client.validateEntity(entity, `url:${files}/checked.yaml`), { valid: true });
  });

  test('says what is wrong', async () => {
    const unsound = { ...entity, spec: { ...entity.spec, owner: 7 } };
    const { valid, errors } = await client.validateEntity(unsound, `url:${files}/checked.yaml`);
    assert.equal(valid, false);
    assert.match(errors[0].message, /\/spec\/owner must be string/);
  });

  test('wants a url', async () => {
    const { valid, errors } = await client.validateEntity(entity, 'file:/etc/passwd');
    assert.equal(valid, false);
    assert.match(errors.map(({ message }) => message).join(), /only 'url:<target>' is supported/);
  });
});

describe('analyzeLocation', () => {
  test('suggests a component for a repository without descriptors', async () => {
    const answer = await client.analyzeLocation({
      location: { type: 'url', target: 'https://github.com/skerry/lighthouse' },
    });
    assert.deepEqual(answer.existingEntityFiles, []);
    const [{ entity, fields }] = answer.generateEntities;
    assert.deepEqual(fields, []);
    assert.equal(entity.metadata.name, 'lighthouse');
    assert.equal(entity.metadata.annotations['github.com/project-slug'], 'skerry/lighthouse');
    assert.deepEqual(entity.spec, { type: 'other', lifecycle: 'unknown' });
  });

  test('wants a URL', async () => {
    await assert.rejects(
      client.analyzeLocation({ location: { type: 'url', target: 'no url' } }),
      failsWith('InputError', /The given location\.target is not a URL/),
    );
  });
});

test('files that are taken away are missed, not dropped at once', async () => {
  const target = await publish('away.yaml', component('away'));
  const { location } = await register(target);
  await visible('away');
  await rm(join(process.env.BACKSTITCH_DIR, 'files', 'away.yaml'));
  await client.refreshEntity(location.entityRef);
  // A plain host cannot confirm that it is gone, so it is an error and nothing more.
  await eventually(
    'an error that names the file',
    async () => (await fetch(`${url}/api/catalog/v1/errors`)).json(),
    ({ items }) => items.some(problem => problem.location === `url:${target}`),
  );
  assert.ok(await client.getEntityByRef('component:default/away'));
});
