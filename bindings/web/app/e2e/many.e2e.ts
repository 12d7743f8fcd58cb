// A phone that joins a commune with 2,000 visits: the first sync, the list, and the figures of a slow phone.
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { device } from '../../../../server/web/e2e/stage.ts';
import type { Locator } from 'playwright-core';
import { Phone, link } from './phone.ts';
import { type Figure, Taps } from './taps.ts';

const VISITS = 2_000;
const COMMUNE = '24787';
let phone: Phone;

/** The sample's visits over and over, each with ids of its own, in one commune. */
function lines(): string {
  const sample = readFileSync(resolve(import.meta.dirname, '../../../../tests/fixtures/visits-sample.jsonl'), 'utf8').trim().split('\n');
  const fresh = (index: number): string => {
    const visit = JSON.parse(sample[index % sample.length] ?? '') as { visit_id: string; unit_code: string; place: { name: string }; issues: { issue_id: string; kind: string }[]; photos: unknown[] };
    const issues = visit.issues.filter(({ kind }) => kind !== 'denunciation').map((issue) => ({ ...issue, issue_id: randomUUID() }));
    return JSON.stringify({ ...visit, visit_id: randomUUID(), unit_code: COMMUNE, place: { ...visit.place, name: `Thôn ${index + 1}` }, issues: index % 4 === 0 ? issues.slice(0, 1) : [], photos: [] });
  };
  return Array.from({ length: VISITS }, (_, index) => fresh(index)).join('\n');
}

beforeAll(async () => {
  const { folder } = inject('field');
  device(folder, 'CB-300', ['enrol', link('CB-300', undefined, [COMMUNE])]);
  const file = join(folder, 'many.jsonl');
  writeFileSync(file, lines());
  device(folder, 'CB-300', ['record', '--jsonl', file]);
  device(folder, 'CB-300', ['sync']);
  phone = await Phone.make();
});
afterAll(() => phone.end());

it('loads them all at the first sync, and tells how far it has come', async () => {
  await phone.page.goto(link('CB-301', undefined, [COMMUNE]));
  await phone.choosePin();
  // Noted as it passes by, however fast it is.
  await phone.page.evaluate(() => {
    const seen = new Set<string>();
    (globalThis as unknown as { seen: Set<string> }).seen = seen;
    const look = (): void => document.querySelectorAll('section p').forEach(({ textContent }) => textContent && seen.add(textContent.trim()));
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
  });
  const began = performance.now();
  await phone.tap('Dùng liên kết này');
  await phone.ready();
  const seen = await phone.page.evaluate(() => [...(globalThis as unknown as { seen: Set<string> }).seen]);
  expect(seen.filter((text) => /^Đang tải hồ sơ: |, đã nhận /.test(text)).length).toBeGreaterThan(1);
  console.log(`first sync of ${VISITS} visits: ${((performance.now() - began) / 1000).toFixed(1)} s`);
});

it('shows a list of them with only what is on the screen in the page', async () => {
  await phone.tap('Cuộc làm việc');
  const rows = phone.page.getByRole('listitem');
  await rows.first().waitFor();
  const first = await rows.first().textContent();
  expect(await rows.count()).toBeLessThan(40);
  await phone.page.getByRole('searchbox').fill('thon 1999');
  await phone.page.getByRole('link', { name: /Thôn 1999/ }).waitFor();
  await phone.page.getByRole('searchbox').fill('');
  await phone.page.getByText(first?.slice(0, 12) ?? '').first().waitFor();
  // To the end: the list fetches as it is scrolled.
  await phone.page.waitForFunction((all) => {
    scrollTo(0, document.documentElement.scrollHeight);
    const last = [...document.querySelectorAll('[aria-posinset]')].at(-1);
    return last?.getAttribute('aria-posinset') === String(all);
  }, VISITS);
  expect(await rows.count()).toBeLessThan(40);
});

/** An official's taps, one after the other. */
async function tapAll(taps: Taps): Promise<string> {
  const { page } = taps;
  const heading = (name: string | RegExp): Locator => page.getByRole('heading', { level: 1, name });
  const link = (name: string): Locator => page.getByRole('link', { name });
  const tab = (name: string): Locator => page.getByRole('navigation').getByRole('link', { name });
  const rows = page.getByRole('listitem');
  await taps.tap('visits', tab('Cuộc làm việc'), rows);
  const scrolled = await taps.scroll(6_000);
  await taps.tap('a visit', rows.getByRole('link').last(), page.getByText('Đoàn công tác'));
  await taps.tap('back', link('Quay lại'), heading(/^Chào/));
  await taps.tap('issues', tab('Việc của dân'), rows);
  await taps.tap('all issues', page.getByRole('button', { name: 'Tất cả' }), rows);
  await taps.tap('more', tab('Thêm'), heading('Thêm'));
  await taps.tap('today', tab('Hôm nay'), heading(/^Chào/));
  await taps.tap('new visit', link('Ghi cuộc làm việc mới'), heading('Cuộc làm việc mới'));
  await taps.tap('begin', page.getByRole('button', { name: 'Bắt đầu ghi' }), heading('Nơi và thời gian'));
  await taps.tap('a choice', page.getByText('Thôn', { exact: true }));
  await taps.tap('next part', link('Tiếp'), heading('Đoàn công tác'));
  await taps.tap('next part', link('Tiếp'), heading('Việc đã làm'));
  await taps.tap('a mark', page.getByRole('checkbox').first());
  await taps.tap('next part', link('Tiếp'), heading('Số người dự'));
  await taps.tap('one more', page.getByRole('button', { name: /thêm 1$/ }).first());
  await taps.tap('done', link('Xong'), page.getByText('Đoàn công tác'));
  await taps.tap('save', page.getByRole('button', { name: 'Lưu', exact: true }), page.getByText('Chưa gửi', { exact: true }));
  await taps.tap('new issue', link('Ghi một việc'), heading('Ghi một việc'));
  await taps.tap('its kind', page.getByText('Kiến nghị', { exact: true }));
  await page.getByText('Đã lưu', { exact: true }).waitFor();
  return scrolled;
}

/** What is measured at a speed of the main thread, as a line. */
async function measure(rate: number): Promise<Figure[]> {
  const { page } = phone;
  const taps = await Taps.on(page, rate);
  const nothing = await taps.yardstick();
  const began = performance.now();
  await page.goto('/field');
  await phone.settled('Mở khóa');
  const start = performance.now() - began;
  await phone.unlock();
  const scrolled = await tapAll(taps);
  await taps.end();
  const told = (of: (figure: Figure) => number): string => [...taps.figures, nothing].map((figure) => `${figure.name} ${of(figure).toFixed(0)}`).join(', ');
  console.log(`slowed ${rate} times: start ${start.toFixed(0)} ms; frames missed in the list ${scrolled}, on a page that does nothing ${nothing.scrolled}`);
  console.log(rate === 1 ? `work of a tap, ms times 4: ${told(({ work }) => 4 * work)}` : `wait after a tap, ms: ${told(({ wait }) => wait)}`);
  return taps.figures;
}

// FIGURES: on a machine that does nothing else, with the main thread slowed down as well.
it.each(process.env.FIGURES ? [1, 4] : [1])('figures of a phone whose main thread is slowed %i times', async (rate) => {
  const figures = await measure(rate);
  expect(figures.filter(({ work }) => !(work > 0))).toEqual([]);
});
