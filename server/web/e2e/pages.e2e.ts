// Every page, in both languages, both themes, on a desk and on a phone: it loads without an error, holds to the policy,
// has no serious finding of axe, does not scroll sideways on a phone, and leaves a picture.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { SAMPLE, type Wishes, launch, open, settled, shoot, sound, visit } from './browser.ts';

const ground = inject('ground');
let browser: Browser;
let [withReview, issue] = ['', ''];

beforeAll(async () => {
  browser = await launch();
  const ask = async (path: string) => ((await (await fetch(ground.still + path, { headers: { authorization: `Bearer ${ground.tokens.province}` } })).json()) as { items: { id: string }[] }).items;
  withReview = (await ask('/api/v1/visits?hot_spot=active&limit=1'))[0]?.id ?? '';
  issue = (await ask('/api/v1/issues?field=land&status=in_progress&limit=1'))[0]?.id ?? '';
});
afterAll(() => browser.close());

const PAGES: [string, () => string][] = [
  ['overview', () => `/?${SAMPLE}`],
  ['queues', () => `/queues?${SAMPLE}&queue=overdue`],
  ['visits', () => `/visits?${SAMPLE}`],
  ['visit', () => `/visits/${withReview}?${SAMPLE}`],
  ['issues', () => `/issues?${SAMPLE}`],
  ['issue', () => `/issues/${issue}?${SAMPLE}`],
  ['map', () => `/map?${SAMPLE}&unit=24616`],
  ['map-visits', () => `/map?${SAMPLE}&layer=visits`],
  ['reports', () => `/reports?${SAMPLE}`],
  ['report', () => `/reports/received?${SAMPLE}`],
  ['report-standing', () => `/reports/standing?${SAMPLE}`],
  ['digest', () => '/reports/print/digest?period=sunday:2026-10-25&as_of=2026-10-26'],
  ['monthly', () => '/reports/print/monthly?period=admin-month:2026-10&as_of=2026-10-14'],
  ['emulation', () => `/reports/print/emulation?${SAMPLE}`],
  ['frozen-none', () => '/reports/frozen'],
  ['map-issues', () => `/map?${SAMPLE}&layer=issues`],
  ['queue-aside', () => '/queues?queue=aside'],
  ['account', () => '/account'],
  ['public', () => '/ticket'],
  ['nowhere', () => '/no/such/page'],
];

/** What only administrators open. */
const OFFICE: [string, string][] = [
  ['admin', '/admin'],
  ['admin-accounts', '/admin/accounts'],
  ['admin-officials', '/admin/officials'],
  ['admin-devices', '/admin/devices'],
  ['admin-org', '/admin/org'],
  ['admin-import-officials', '/admin/import/officials'],
  ['admin-villages', '/admin/villages'],
  ['admin-rules', '/admin/rules?year=2026'],
  ['admin-settings', '/admin/settings'],
  ['audit', '/audit'],
];

const WAYS: [string, Wishes][] = [
  ['desk-light-vi', { theme: 'light', lang: 'vi' }],
  ['phone-dark-en', { theme: 'dark', lang: 'en', phone: true }],
];

describe.each(WAYS)('%s', (way, wishes) => {
  let page: Page;
  let office: Page;
  beforeAll(async () => {
    page = await open(browser, ground.still, { ...wishes, token: ground.tokens.province });
    office = await open(browser, ground.still, { ...wishes, token: ground.tokens.administrator, role: 'administrator' });
  });
  afterAll(() => Promise.all([page, office].map((one) => one.context().close())));

  /** Sound, not wider than the screen, and a picture of it. */
  async function inspect(shown: Page, name: string): Promise<void> {
    expect(await shown.evaluate(() => document.documentElement.lang)).toBe(wishes.lang);
    await sound(shown);
    const wide = await shown.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(wide, 'scrolls sideways').toBeLessThanOrEqual(0);
    await shoot(shown, `${name}-${way}`);
  }

  it.each(OFFICE)('%s', async (name, path) => {
    await visit(office, path);
    await inspect(office, name);
  });

  it.each(PAGES)('%s', async (name, path) => {
    if (name === 'nowhere') {
      await page.goto(path());
      await page.getByRole('link', { name: /tổng quan|overview/i }).first().waitFor();
    } else await visit(page, path());
    await inspect(page, name);
  });
});

it('the other two combinations of theme and language, and a wall screen', async () => {
  const dark = await open(browser, ground.still, { token: ground.tokens.province, theme: 'dark', lang: 'vi' });
  for (const [name, path] of PAGES.slice(0, 8)) {
    await visit(dark, path());
    if (['overview', 'visit', 'map'].includes(name)) await sound(dark);
    await shoot(dark, `${name}-desk-dark-vi`);
  }
  const phone = await open(browser, ground.still, { token: ground.tokens.province, phone: true });
  for (const [name, path] of PAGES.slice(0, 8)) {
    await visit(phone, path());
    await shoot(phone, `${name}-phone-light-vi`);
  }
  const wall = await open(browser, ground.still, { token: ground.tokens.province, options: { viewport: { width: 2560, height: 1440 } } });
  await visit(wall, `/?${SAMPLE}`);
  await shoot(wall, 'overview-wall');
  await Promise.all([dark, phone, wall].map((page) => page.context().close()));
}, 90_000);

it('the sign-in page, both ways', async () => {
  for (const [way, wishes] of WAYS) {
    const page = await open(browser, ground.still, wishes);
    await visit(page, '/');
    await sound(page);
    await shoot(page, `sign-in-${way}`);
    await page.context().close();
  }
});

it('dialogs have no serious finding either, close with Escape and give the focus back', async () => {
  const page = await open(browser, ground.still, { token: ground.tokens.province });
  await visit(page, `/issues/${issue}?${SAMPLE}`);
  for (const name of ['Giao lại', 'Trả lời người dân', 'Chuyển bước']) {
    const button = page.getByRole('button', { name, exact: true });
    await button.click();
    const dialog = page.getByRole('dialog');
    await dialog.waitFor();
    await sound(page);
    await shoot(page, `dialog-${name.replaceAll(' ', '-')}`);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    expect(await button.evaluate((element) => element === document.activeElement)).toBe(true);
  }
  for (const name of [/Toàn bộ địa bàn/, /01\/08\/2026/]) {
    await page.getByRole('button', { name }).click();
    await page.getByRole('dialog').waitFor();
    await sound(page);
    await page.keyboard.press('Escape');
  }
  await page.context().close();
});

it('a page can be worked by keyboard alone', async () => {
  const page = await open(browser, ground.still, { token: ground.tokens.province });
  await visit(page, `/visits?${SAMPLE}`);
  await page.keyboard.press('Tab');
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Đến nội dung chính');
  await page.keyboard.press('Enter');
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('content');
  await page.getByRole('link', { name: 'Vụ việc', exact: true }).focus();
  await page.keyboard.press('Enter');
  await settled(page);
  expect(new URL(page.url()).pathname).toBe('/issues');
  await page.context().close();
});
