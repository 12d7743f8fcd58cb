// The figures on the pages are those that were worked out for the sample independently of the server.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { SAMPLE, launch, open, visit } from './browser.ts';

const ground = inject('ground');
const expected = JSON.parse(readFileSync(resolve(import.meta.dirname, '../../../tests/fixtures/visits-sample.expected.json'), 'utf8')) as Record<string, never>;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  browser = await launch();
  page = await open(browser, ground.still, { token: ground.tokens.province });
});
afterAll(() => browser.close());

/** A member of the expected figures, by its path. */
function wanted(path: string): number {
  const found = path.split('.').reduce<unknown>((value, name) => (value as Record<string, unknown>)?.[name], expected);
  if (typeof found !== 'number') throw new Error(`${path} is not a number of the expected figures`);
  return found;
}

const vi = (value: number): string => new Intl.NumberFormat('vi-VN').format(value);
const rate = (value: number): string => `${new Intl.NumberFormat('vi-VN', { minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(value * 100)}\u202f%`;

async function tile(name: string): Promise<string> {
  const card = page.locator('.kpi').filter({ has: page.getByText(name, { exact: true }).first() });
  return (await card.locator('.value').innerText()).trim();
}

it('on the overview', async () => {
  await visit(page, `/?${SAMPLE}`);
  expect(await tile('Cuộc đã tổ chức')).toBe(vi(wanted('visits.held')));
  expect(await tile('Lượt người gặp')).toBe(vi(wanted('visits.residents_met_sum')));
  expect(await tile('Vụ việc tiếp nhận')).toBe(vi(wanted('issues.countable')));
  expect(await tile('Quá hạn chưa xong')).toBe(vi(wanted('resolution.overdue_open')));
  expect(await tile('Tỷ lệ giải quyết')).toBe(rate(wanted('resolution.resolution_rate')));
  expect(await tile('Giải quyết đúng hạn')).toBe(rate(wanted('resolution.on_time_rate')));
  expect(await tile('Tỷ lệ hài lòng')).toBe(rate(wanted('satisfaction.satisfied_rate')));
});

it('in the tables behind the charts', async () => {
  await visit(page, `/?${SAMPLE}`);
  const fields = page.locator('figure').filter({ hasText: 'Lĩnh vực được nêu nhiều' });
  await fields.getByText('Bảng số liệu').click();
  const rows = await fields.locator('tbody tr').allInnerTexts();
  const shown = rows.map((row) => Number(row.split('\t')[1]));
  const byField = Object.values((expected as unknown as { issues: { by_field: Record<string, number> } }).issues.by_field).sort((a, b) => b - a);
  expect(shown).toEqual(byField);
});

it('in the report of satisfaction, with n', async () => {
  await visit(page, `/reports/satisfaction?${SAMPLE}`);
  const text = await page.locator('main').innerText();
  expect(text).toContain(rate(wanted('satisfaction.satisfied_rate')));
  expect(text).toContain(`n = ${vi(wanted('satisfaction.answered'))}`);
});

it('and small counts stay hidden', async () => {
  await visit(page, `/reports/received?${SAMPLE}`);
  const modes = page.locator('section.table').filter({ hasText: 'Theo cách nêu' });
  expect(await modes.innerText()).toContain('<5');
});

it('an area has its own, and one outside of the account is refused in words', async () => {
  await visit(page, `/?${SAMPLE}&area=former-dak-nong`);
  expect(await tile('Cuộc đã tổ chức')).toBe('13');
  const commune = await open(browser, ground.still, { token: ground.tokens.commune, role: 'commune_staff' });
  await commune.goto(`/?${SAMPLE}&area=24616`);
  await commune.getByText('nằm ngoài phạm vi của tài khoản').waitFor();
  await commune.context().close();
});
