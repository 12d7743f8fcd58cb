// What the browser's print makes of a report: a PDF that says what the page says, on A4, with its pages numbered and no
// row of a table cut in two.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { getDocumentProxy } from 'unpdf';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { SHOTS, launch, open, visit } from './browser.ts';

const ground = inject('ground');
let browser: Browser;
let page: Page;

beforeAll(async () => {
  browser = await launch();
  page = await open(browser, ground.still, { token: ground.tokens.province });
});
afterAll(() => browser.close());

interface Sheet {
  /** Width and height in points. */
  size: [number, number];
  /** Its text without spaces, in the order in which it was painted. */
  text: string;
  /** How far right the ink goes, as a share of the width. */
  right: number;
}

const bare = (text: string): string => text.normalize('NFC').replace(/\s+/gu, '');

async function print(name: string): Promise<Sheet[]> {
  const bytes = await page.pdf({ preferCSSPageSize: true });
  mkdirSync(SHOTS, { recursive: true });
  writeFileSync(join(SHOTS, `${name}.pdf`), bytes);
  const paper = await getDocumentProxy(new Uint8Array(bytes));
  return Promise.all(
    Array.from({ length: paper.numPages }, async (_, index) => {
      const sheet = await paper.getPage(index + 1);
      const { width, height } = sheet.getViewport({ scale: 1 });
      const items = (await sheet.getTextContent()).items.filter((item) => 'str' in item && item.str.trim() !== '') as { str: string; transform: number[]; width: number }[];
      return { size: [width, height] as [number, number], text: bare(items.map(({ str }) => str).join('')), right: Math.max(...items.map(({ transform, width: wide }) => ((transform[4] ?? 0) + wide) / width)) };
    }),
  );
}

/** What the page says where it would be printed. */
async function said(selector: string): Promise<string[]> {
  const texts = await page.locator(`.paper ${selector}`).evaluateAll((elements) => elements.filter((element) => element.getClientRects().length > 0).map((element) => [...element.querySelectorAll(':scope > *')].map((child) => child.textContent).join(' ') || (element.textContent ?? '')));
  return texts.map(bare).filter(Boolean);
}

const REPORTS: [string, string, string][] = [
  ['monthly', '/reports/print/monthly?period=admin-month:2026-10&as_of=2026-10-14', 'BÁO CÁO THÁNG'],
  ['quarterly', '/reports/print/quarterly?period=days:2026-08-01..2026-11-30&as_of=2026-11-21', 'BÁO CÁO QUÝ'],
  ['digest', '/reports/print/digest?period=sunday:2026-10-25&as_of=2026-10-26', 'BẢN TIN THỨ HAI'],
];

describe.each(REPORTS)('%s', (name, path, title) => {
  let sheets: Sheet[];
  beforeAll(async () => {
    await visit(page, path);
    await page.emulateMedia({ media: 'print' });
    sheets = await print(`print-${name}`);
  });
  afterAll(() => page.emulateMedia({ media: null }));

  it('lies on A4, inside its margins, with the pages numbered', () => {
    expect(sheets.length).toBeGreaterThan(1);
    for (const [index, { size, text, right }] of sheets.entries()) {
      expect(size.map(Math.round)).toEqual([595, 842]);
      expect(text).toContain(`${index + 1}/${sheets.length}`);
      expect(right, `sheet ${index + 1} runs over the edge`).toBeLessThan(0.96);
    }
  });

  it('has the title and every word and figure of the page, in composed Vietnamese', async () => {
    const [heading] = await said('h1');
    expect(heading?.toLocaleUpperCase('vi')).toContain(bare(title));
    expect(sheets[0]?.text).toContain(heading);
    expect(sheets[0]?.text).toContain(bare('CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM'));
    const whole = sheets.map(({ text }) => text).join('');
    for (const text of [...(await said('h2')), ...(await said('dl > div')), ...(await said('.definition'))]) expect(whole).toContain(text);
    for (const tool of ['In', 'Chốtsốliệu']) expect(sheets[0]?.text.startsWith(tool), 'tools of the page are not printed').toBe(false);
  });

  it('cuts no row in two, and leaves no heading alone at the foot of a sheet', async () => {
    const rows = await said('tbody tr');
    expect(rows.length).toBeGreaterThan(10);
    for (const row of rows) expect(sheets.some(({ text }) => text.includes(row)), `cut: ${row}`).toBe(true);
    const headings = [...(await said('h2')), ...(await said('h3'))];
    for (const { text } of sheets) {
      const foot = text.replace(/\d+\/\d+$/, '');
      expect(headings.filter((heading) => foot.endsWith(heading))).toEqual([]);
    }
  });
});

it('the figures on paper are those of the API', async () => {
  const asked = 'from=2026-08-01&to=2026-11-30&as_of=2026-11-21';
  const answer = await fetch(`${ground.still}/api/v1/reports/summary?${asked}`, { headers: { authorization: `Bearer ${ground.tokens.province}` } });
  const figures = (await answer.json()) as { visits: { held: number; residents_met_sum: number }; issues: { countable: number } };
  await visit(page, '/reports/print/quarterly?period=days:2026-08-01..2026-11-30&as_of=2026-11-21');
  const whole = (await print('print-quarterly')).map(({ text }) => text).join('');
  const dots = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/g, '.');
  for (const [name, value] of [['Cuộc đã tổ chức', figures.visits.held], ['Lượt người gặp', figures.visits.residents_met_sum], ['Vụ việc tiếp nhận', figures.issues.countable]] as const) {
    expect(whole.includes(bare(`${name}${dots(value)}`)), `${name} ${dots(value)}`).toBe(true);
  }
});
