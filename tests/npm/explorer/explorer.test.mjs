// The explorer in a real browser, against the example catalog. The runner names the folder of the
// example in BACKSTITCH_EXAMPLE, and where pictures go in BACKSTITCH_PICTURES, if anywhere.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { chromium } from 'playwright-core';

const url = process.env.BACKSTITCH_URL;
const example = process.env.BACKSTITCH_EXAMPLE;
let browser;
let page;
let complaints;

before(async () => {
  browser = await chromium.launch({ executablePath: process.env.BACKSTITCH_CHROMIUM, args: ['--no-sandbox'] });
});
after(() => browser?.close());

beforeEach(async () => {
  page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  complaints = [];
  page.on('pageerror', error => complaints.push(error.message));
  page.on('console', message => message.type() === 'error' && complaints.push(message.text()));
  page.on('request', request => {
    if (!request.url().startsWith(url)) complaints.push(`asked for ${request.url()}`);
  });
});
afterEach(async context => {
  if (process.env.BACKSTITCH_PICTURES) {
    const name = context.name.replace(/\W+/g, '-');
    await page.screenshot({ path: join(process.env.BACKSTITCH_PICTURES, `${name}.png`) });
  }
  await page.close();
  assert.deepEqual(complaints, []);
});

const heading = () => page.getByRole('heading', { level: 1 });
const hits = () => page.locator('#results > li');
const open = path => page.goto(url + path);

describe('the start', () => {
  test('shows what there is, what is wrong and what changed', async () => {
    await open('/');
    await page.getByRole('heading', { name: '149 entities' }).waitFor();
    await page.getByRole('link', { name: '41 Component' }).waitFor();
    await page.getByText(/pricing\/catalog-info\.yaml:34/).waitFor();
    assert.ok((await page.locator('.change').count()) >= 10);
    await page.getByText(/^revision \d+$/).waitFor();
  });

  test('leads to the entities of a kind, and back', async () => {
    await open('/');
    await page.getByRole('link', { name: '7 Domain' }).click();
    await page.getByText('7 entities', { exact: true }).waitFor();
    assert.equal(await hits().count(), 7);
    await page.goBack();
    await page.getByRole('heading', { name: '149 entities' }).waitFor();
  });
});

describe('searching', () => {
  test('happens while one types', async () => {
    await open('/');
    await heading().waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('booking-s', { delay: 20 });
    await page.locator('#results').getByRole('link', { name: 'booking-service' }).waitFor();
    assert.equal(await page.getByRole('searchbox').inputValue(), 'booking-s');
    assert.equal(new URL(page.url()).search, '?q=booking-s');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'booking-service', level: 1 }).waitFor();
  });

  test('is narrowed by facets that count what the others leave', async () => {
    await open('/search');
    await page.getByRole('group', { name: 'Kind' }).getByLabel(/^API/).check();
    await page.getByText('17 entities', { exact: true }).waitFor();
    await page.getByRole('group', { name: 'Kind' }).getByLabel(/^Domain/).check();
    await page.getByText('24 entities', { exact: true }).waitFor();
    const types = page.getByRole('group', { name: 'Type' });
    await types.getByLabel(/^openapi/).check();
    await page.getByText(/^\d+ entit/).waitFor();
    const badges = await hits().locator('.badge').first().allTextContents();
    assert.deepEqual([...new Set(badges)], ['API']);
    await page.reload();
    assert.ok(await types.getByLabel(/^openapi/).isChecked(), 'what is chosen stands in the address');
  });

  test('goes on where the page ends', async () => {
    await open('/search');
    await page.getByText('149 entities', { exact: true }).waitFor();
    assert.equal(await hits().count(), 50);
    const more = page.getByRole('button', { name: 'Show more' });
    await more.click();
    await page.waitForFunction(() => document.querySelectorAll('#results > li').length === 100);
    await more.click();
    await page.waitForFunction(() => document.querySelectorAll('#results > li').length === 149);
    await more.waitFor({ state: 'detached' });
  });

  test('says when nothing matches', async () => {
    await open('/search?q=no-such-thing-anywhere');
    await page.getByText('Nothing matches.').waitFor();
    assert.equal(await hits().count(), 0);
  });
});

describe('an entity', () => {
  test('shows what it is and what it is related to', async () => {
    await open('/entity/system/default/booking');
    await page.getByRole('heading', { name: 'Booking', level: 1 }).waitFor();
    await page.locator('.lead').getByText('Takes a journey from search to a paid booking').waitFor();
    const parts = page.locator('.relations > div').filter({ hasText: 'hasPart' });
    await parts.getByRole('link', { name: 'booking-service' }).waitFor();
    await page.getByRole('heading', { name: 'History' }).waitFor();
  });

  test('has a neighbourhood that one can walk through', async () => {
    await open('/entity/system/default/booking');
    const neighbour = page.locator('figure svg').getByRole('link', { name: 'hasPart component:booking-service' });
    await neighbour.click();
    await page.getByRole('heading', { name: 'booking-service', level: 1 }).waitFor();
    await page.locator('figure svg').getByRole('link', { name: 'partOf system:booking', exact: true }).waitFor();
  });

  test('can be read as JSON', async () => {
    await open('/entity/system/default/booking');
    await page.getByText('The whole entity').click();
    const shown = JSON.parse(await page.locator('#json pre').textContent());
    const answer = await fetch(`${url}/api/catalog/entities/by-name/system/default/booking`);
    assert.deepEqual(shown, await answer.json());
  });

  test('that is not there says so and leads on', async () => {
    await open('/entity/component/default/booking-servise');
    await page.getByText('This entity is not in the catalog.').waitFor();
    // The browser reports that the answer was 404, which is as it should be.
    complaints = complaints.filter(text => !/404/.test(text));
    await page.getByRole('link', { name: 'Search for its name' }).waitFor();
  });
});

test('problems are listed with their place and what to do', async () => {
  await open('/problems');
  await page.getByText(/systems\/timetable\/catalog-info\.yaml:67/).waitFor();
  await page.getByText(/does not say which kind it means; write/).waitFor();
  await page.getByRole('heading', { name: '1 conflict' }).waitFor();
});

test('changes appear by themselves', async () => {
  await open('/changes');
  await page.getByText(/^revision \d+$/).waitFor();
  const file = join(example, 'systems/booking/catalog-info.yaml');
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace('Takes a journey from search to a paid booking', 'Sells journeys'));
  await page.locator('#changes > li').first().getByRole('link', { name: 'system:booking' }).waitFor();
  await page.getByRole('link', { name: 'system:booking' }).first().click();
  await page.locator('.lead').getByText('Sells journeys').waitFor();
  await writeFile(file, text);
  await page.locator('.lead').getByText('Takes a journey from search to a paid booking').waitFor();
});

test('commits whose changes are hidden are told as revisions, and do no harm', async () => {
  const told = { entityRef: 'component:default/told', operation: 'updated', at: '2026-01-01T00:00:00Z' };
  const body = [['commit', { revision: 9e12 }], ['change', { ...told, revision: 9e12 + 1 }], ['commit', { revision: 9e12 + 2 }]]
    .map(([event, data]) => `event: ${event}\nid: ${data.revision}\ndata: ${JSON.stringify(data)}\n\n`)
    .join('');
  let asked = 0;
  // The second time it is asked, nothing happens.
  await page.route(/v1\/changes\?since=/, route => {
    if (asked++ === 0) return route.fulfill({ contentType: 'text/event-stream', body });
  });
  await open('/changes');
  await page.locator('#changes > li').first().getByRole('link', { name: 'component:told' }).waitFor();
  await page.getByText(`revision ${9e12 + 2}`, { exact: true }).waitFor();
  assert.equal(await page.getByRole('link', { name: 'component:told' }).count(), 1);
});

test('what the catalog holds is never read as HTML', async () => {
  await open('/search?q=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E');
  await page.getByText('Nothing matches.').waitFor();
  assert.equal(await page.locator('img').count(), 0);
});

test('on a small screen nothing is cut off', async () => {
  await page.setViewportSize({ width: 380, height: 800 });
  for (const path of ['/', '/search', '/entity/system/default/booking', '/problems', '/changes']) {
    await open(path);
    await page.locator('main :is(h1, #results)').first().waitFor();
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `${path} is ${overflow} pixels too wide`);
  }
});

test('everything can be reached with the keyboard', async () => {
  await open('/entity/system/default/booking');
  await page.locator('figure svg').waitFor();
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to content');
  const names = await page.evaluate(() =>
    [...document.querySelectorAll('a, button, input')].filter(
      element => !(element.textContent.trim() || element.getAttribute('aria-label') || element.labels?.length),
    ).length);
  assert.equal(names, 0, 'every control has a name');
});
