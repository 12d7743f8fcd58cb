// A phone that joins a commune with 2,000 visits: the first sync, the list, and the figures of a slow phone.
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { device } from '../../../../server/web/e2e/stage.ts';
import { PIN, Phone, link } from './phone.ts';

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
  const pins = phone.page.locator('input[type=password]');
  await pins.nth(0).fill(PIN);
  await pins.nth(1).fill(PIN);
  await phone.tap('Tiếp');
  await phone.settled('Đăng ký máy này');
  const began = performance.now();
  await phone.tap('Dùng liên kết này');
  await phone.settled(/^Chào/);
  await phone.page.getByRole('progressbar').waitFor();
  await phone.synced();
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

it('figures of a phone four times as slow', async () => {
  const session = await phone.page.context().newCDPSession(phone.page);
  await session.send('Emulation.setCPUThrottlingRate', { rate: 4 });
  const began = performance.now();
  await phone.page.goto('/field');
  await phone.settled('Mở khóa');
  const cold = performance.now() - began;
  await phone.unlock();
  const taps: number[] = [];
  // From the tap to the first picture after it.
  for (const name of ['Cuộc làm việc', 'Việc của dân', 'Thêm', 'Hôm nay']) {
    const tab = phone.page.getByRole('navigation').getByRole('link', { name });
    await tab.waitFor();
    taps.push(
      await tab.evaluate(
        (link: HTMLElement) =>
          new Promise<number>((done) => {
            const began = performance.now();
            link.click();
            requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began)));
          }),
      ),
    );
    await phone.settled();
  }
  console.log(`throttled 4 times: start ${cold.toFixed(0)} ms, taps ${taps.map((ms) => ms.toFixed(0)).join(', ')} ms`);
  await session.send('Emulation.setCPUThrottlingRate', { rate: 1 });
  expect(taps).toHaveLength(4);
});
