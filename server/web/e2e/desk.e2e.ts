// Work queues, frozen reports, exports, and who has not synced: against real devices.
import type { Browser, Page } from 'playwright-core';
import { readSheet } from 'read-excel-file/node';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import labels from '../src/generated/codes.json';
import { SAMPLE, launch, open, settled, shoot, sound, visit } from './browser.ts';
import { device, operate } from './stage.ts';

const ground = inject('ground');
const { acting, tokens, folder } = ground;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  browser = await launch();
  page = await open(browser, acting, { token: tokens.province });
});
afterAll(() => browser.close());

async function ask<T>(path: string, token = tokens.province, init: RequestInit = {}): Promise<T> {
  const answer = await fetch(acting + path, { ...init, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' } });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}
type Issue = { id: string; ticket: string | null; title: string | null; status: string; resolve_due: string | null };
const issues = async (query: string): Promise<Issue[]> => (await ask<{ items: Issue[] }>(`/api/v1/issues?${query}`)).items;

it('each counter is the length of the list behind it', async () => {
  const queue = await ask<Record<string, number>>('/api/v1/queue');
  await visit(page, '/queues');
  const wanted: [string, string][] = [['Quá hạn', 'overdue'], ['Chưa giao', 'unassigned'], ['Đến hạn 7 ngày tới', 'due_this_week'], ['Chờ xác nhận', 'to_verify'], ['Khẩn, bức xúc', 'urgent']];
  for (const [name, field] of wanted) {
    const counter = page.locator('.counter').filter({ has: page.getByText(name, { exact: true }) });
    expect(await counter.locator('strong').innerText(), name).toBe(String(queue[field]));
    await counter.click();
    await page.getByRole('heading', { level: 2, name, exact: true }).waitFor();
    await settled(page);
    for (let more = page.getByRole('button', { name: 'Xem thêm' }); await more.count(); ) {
      const before = await page.locator('tbody tr').count();
      await more.click();
      await page.waitForFunction((rows) => document.querySelectorAll('tbody tr').length > rows, before);
    }
    expect(await page.locator('tbody tr').count(), name).toBe(queue[field]);
  }
});

it('late work of a revoked phone waits, in words; what is admitted counts, what is discarded does not', async () => {
  const official = 'CB-970';
  const { link } = operate('enrol', ground.actingData, ['--name', official, '--role', 'field_official', '--base-url', acting, '--unit', '23149', '--unit', ground.unit]);
  device(folder, official, ['enrol', String(link)]);
  device(folder, official, ['sync']);
  // Of two units: what goes to one travels, and is decided about, as a whole.
  const [one, two] = (await Promise.all(['23149', ground.unit].map((unit) => issues(`unit=${unit}&limit=50`)))).map((list) => list.find((issue) => issue.title));
  if (!one || !two) throw new Error('the sample has no issue in one of the units');
  device(folder, official, ['edit', one.id, 'title=Sửa sau khi thu hồi: nhận']);
  device(folder, official, ['edit', two.id, 'title=Sửa sau khi thu hồi: bỏ']);
  const own = (await ask<{ items: { device: string; official: string }[] }>('/api/v1/devices', tokens.administrator)).items.find((found) => found.official === official);
  await ask(`/api/v1/devices/${own?.device}/revoke`, tokens.administrator, { method: 'POST', body: JSON.stringify({ reason: 'đổi máy' }) });
  try {
    device(folder, official, ['sync']);
  } catch {
    // The phone is told that it is out of service; what it sent was taken in all the same.
  }
  await visit(page, '/queues?queue=late');
  const admit = page.getByRole('article').filter({ hasText: 'Sửa sau khi thu hồi: nhận' });
  const discard = page.getByRole('article').filter({ hasText: 'Sửa sau khi thu hồi: bỏ' });
  await admit.getByText('Máy đã thu hồi').waitFor();
  await admit.getByText(official).first().waitFor();
  await sound(page);
  await shoot(page, 'queue-late');
  const decide = async (article: typeof admit, name: string): Promise<void> => {
    await article.getByRole('button', { name, exact: true }).click();
    const button = page.getByRole('dialog').getByRole('button', { name, exact: true });
    expect(await button.isDisabled(), 'without a reason').toBe(true);
    await page.getByLabel('Lý do').fill('Đã hỏi cán bộ');
    await button.click();
    await article.waitFor({ state: 'detached' });
  };
  await decide(admit, 'Nhận vào');
  await decide(discard, 'Bỏ');
  const title = async (id: string): Promise<string> => (await ask<{ issue: { title: string } }>(`/api/v1/issues/${id}`)).issue.title;
  expect(await title(one.id)).toBe('Sửa sau khi thu hồi: nhận');
  expect(await title(two.id)).toBe(two.title);
});

it('a frozen report stays as it was, and says what has changed since', async () => {
  // As of today: what happens to a record today changes nothing in the figures of a past day.
  await visit(page, `/reports/print/monthly?${SAMPLE.replace(/&?as_of=[^&]*/, '')}`);
  await page.getByRole('button', { name: 'Chốt số liệu' }).click();
  await page.getByLabel('Tên báo cáo').fill('Báo cáo thử nghiệm chốt');
  await page.getByRole('dialog').getByRole('button', { name: 'Chốt số liệu' }).click();
  await page.getByRole('dialog').getByRole('link', { name: 'Báo cáo thử nghiệm chốt' }).click();
  await page.getByRole('heading', { name: 'Báo cáo thử nghiệm chốt' }).waitFor();
  await settled(page);
  const figures = async (): Promise<string[]> => page.locator('.paper dl.tiles').allInnerTexts();
  const before = await figures();
  await page.getByRole('button', { name: 'So với dữ liệu hiện có' }).click();
  await page.getByText(/chỉ số giống hệt lúc chốt/).waitFor();
  // A record changes: a visit goes back for more.
  const [sent] = (await ask<{ items: { id: string }[] }>('/api/v1/visits?status=submitted&limit=1&from=2026-08-01&to=2026-11-21')).items;
  await ask(`/api/v1/visits/${sent?.id}/return`, tokens.province, { method: 'POST', body: JSON.stringify({ reason: 'Thiếu số hộ' }) });
  await page.getByText(/chỉ số khác lúc chốt/).waitFor();
  await page.locator('tr.differs').filter({ hasText: 'Đang bị trả lại' }).waitFor();
  await sound(page);
  await shoot(page, 'frozen-compared');
  await page.getByRole('button', { name: 'Như đã chốt' }).click();
  await page.locator('.paper').waitFor();
  expect(await figures()).toEqual(before);
  await sound(page);
  await visit(page, '/reports/frozen');
  await page.getByRole('link', { name: 'Báo cáo thử nghiệm chốt' }).waitFor();
  await sound(page);
  await shoot(page, 'frozen');
  // It is of the whole province: a commune does not see it.
  const commune = await open(browser, acting, { token: tokens.commune, role: 'commune_staff' });
  await visit(commune, '/reports/frozen');
  await commune.getByText('Chưa chốt báo cáo nào').waitFor();
  await commune.context().close();
});

it('the workbook holds what the list holds, cell by cell', async () => {
  await visit(page, `/issues?${SAMPLE}&sort=received_asc`);
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    (async () => {
      await page.getByRole('button', { name: 'Xuất dữ liệu' }).click();
      await page.getByRole('button', { name: /XLSX/ }).click();
    })(),
  ]);
  const [names, codes, ...rows] = await readSheet(await file.path());
  expect(names?.slice(0, 2)).toEqual(['Mã vụ việc', 'Mã phiếu']);
  const column = (code: string): number => (codes ?? []).indexOf(code);
  const wanted = await ask<{ items: (Issue & { received_on: string; unit: string })[] }>('/api/v1/issues?from=2026-08-01&to=2026-11-30&sort=received_asc&limit=200');
  expect(rows.length).toBe(wanted.items.length);
  for (const [index, issue] of wanted.items.entries()) {
    const cells = rows[index] ?? [];
    expect(cells[column('id')]).toBe(issue.id);
    expect(cells[column('ticket')]).toBe(issue.ticket);
    expect(cells[column('title')]).toBe(issue.title);
    expect(cells[column('status')]).toBe((labels.issue_status as Record<string, string[]>)[issue.status]?.[0]);
    const received = cells[column('received_on')];
    expect(received, 'a date is a date').toBeInstanceOf(Date);
    expect((received as unknown as Date).toISOString().slice(0, 10)).toBe(issue.received_on);
  }
});

it('an export can be stopped', async () => {
  await page.route('**/api/v1/export/**', async () => undefined); // an answer that does not come
  await visit(page, `/visits?${SAMPLE}`);
  await page.getByRole('button', { name: 'Xuất dữ liệu' }).click();
  await page.getByRole('button', { name: /CSV/ }).click();
  await page.getByRole('button', { name: /Dừng xuất/ }).click();
  await page.getByRole('button', { name: 'Xuất dữ liệu' }).waitFor();
  await page.unrouteAll({ behavior: 'ignoreErrors' });
});

it('one click from “not synced” to whose phones they are', async () => {
  await visit(page, '/?period=days:2026-08-01..2026-11-30');
  const { devices_not_synced: waited } = await ask<{ devices_not_synced: { count: number } }>('/api/v1/reports/summary?from=2026-08-01&to=2026-11-30');
  const { items } = await ask<{ items: { official: string }[] }>('/api/v1/reports/devices?from=2026-08-01&to=2026-11-30');
  expect(items.length).toBe(waited.count);
  const button = page.getByRole('button', { name: /thiết bị chưa đồng bộ/ });
  if (waited.count === 0) expect(await button.isDisabled()).toBe(true);
  else {
    await button.click();
    await page.getByRole('dialog').locator('tbody tr').first().waitFor();
    expect(await page.getByRole('dialog').locator('tbody tr').count()).toBe(waited.count);
    await sound(page);
    await page.keyboard.press('Escape');
  }
});

it('a saved view goes with the account, not with the browser', async () => {
  await visit(page, `/visits?${SAMPLE}&programme=sunday_with_people`);
  await page.getByRole('button', { name: /Chế độ xem đã lưu/ }).click();
  await page.getByLabel('Tên chế độ xem').fill('Chủ nhật với dân');
  await page.getByRole('button', { name: 'Lưu chế độ xem này' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Chủ nhật với dân', exact: true }).waitFor();
  await page.keyboard.press('Escape');
  const elsewhere = await open(browser, acting, { token: tokens.province });
  await visit(elsewhere, '/visits');
  await elsewhere.getByRole('button', { name: 'Chế độ xem đã lưu (1)' }).click();
  await elsewhere.getByRole('dialog').getByRole('button', { name: 'Chủ nhật với dân', exact: true }).click();
  await elsewhere.waitForURL(/programme=sunday_with_people/);
  await elsewhere.context().close();
});

it('a page of somebody else cannot frame ours', async () => {
  const evil = await open(browser, acting, {});
  await evil.route('https://evil.example/', (route) => route.fulfill({ contentType: 'text/html', body: `<iframe src="${acting}/"></iframe>` }));
  await evil.goto('https://evil.example/');
  const frame = evil.frames().find((one) => one !== evil.mainFrame());
  await evil.waitForLoadState('load');
  expect(frame?.url() ?? '').not.toContain(acting);
  await evil.context().close();
});

it('names stand in the order of the Vietnamese alphabet', async () => {
  await visit(page, `/reports/visits?${SAMPLE}`);
  const table = page.locator('section.table').filter({ hasText: 'Theo đơn vị' });
  const names = await table.locator('tbody tr td:first-child').allInnerTexts();
  expect(names.length).toBeGreaterThan(10);
  expect(names).toEqual([...names].sort(new Intl.Collator('vi', { numeric: true }).compare));
  // Đ comes after D and before E, which neither code points nor the English order do.
  expect(['Đà', 'Da', 'E', 'Ea'].sort(new Intl.Collator('vi').compare)).toEqual(['Da', 'Đà', 'E', 'Ea']);
});
