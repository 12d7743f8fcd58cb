// What an office supplies: limits and holidays, the list of villages, map tiles, boundaries. On a server of its own: other
// limits would move the dates that other tests look at.
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page, Route } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { SAMPLE, launch, open, settled, shoot, sound, visit } from './browser.ts';
import { copy, end, serve } from './stage.ts';

const { stillData, tokens } = inject('ground');
const folder = mkdtempSync(join(tmpdir(), 'gandan-supplies-'));
let browser: Browser;
let page: Page;
let base: string;
let child: ChildProcess;

beforeAll(async () => {
  const acting = join(folder, 'data');
  copy({ still: stillData, acting });
  ({ base, child } = await serve(acting));
  const views = await fetch(`${base}/healthz?views_current=true`);
  expect(views.ok).toBe(true);
  browser = await launch();
  page = await open(browser, base, { token: tokens.administrator, role: 'administrator' });
});
afterAll(async () => {
  await browser.close();
  await end(child);
  rmSync(folder, { recursive: true, force: true });
});

const dialog = () => page.getByRole('dialog');

async function ask<T>(path: string, token = tokens.administrator, init: RequestInit = {}): Promise<T> {
  const answer = await fetch(base + path, { ...init, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' } });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

/** Waits until the views follow, and gives the date of an issue. */
async function due(ticket: string, wanted: string): Promise<void> {
  const search = async (): Promise<string | null> => {
    const found = await ask<{ items: { ticket: string | null; resolve_due: string | null }[] }>('/api/v1/issues?limit=200', tokens.province);
    return found.items.find((issue) => issue.ticket === ticket)?.resolve_due ?? null;
  };
  await expect.poll(search, { timeout: 60_000 }).toBe(wanted);
}

const iso = (shown: string): string => shown.split('/').reverse().join('-');
type Edition = { edition: number; editions: unknown[]; rules: { calendar: { days: { date: string; active: boolean }[] } } };

it('a new holiday: its effect is shown, then applied, and due dates move as was said', async () => {
  await visit(page, '/admin/rules?year=2026');
  const before = await ask<Edition>('/api/v1/admin/rules');
  await page.getByRole('button', { name: 'Thêm ngày' }).click();
  await dialog().getByLabel('Ngày', { exact: true }).fill('2026-11-16');
  await dialog().getByLabel('Tên').fill('Nghỉ bù do bão');
  await dialog().getByRole('button', { name: 'Xem trước tác động' }).click();
  await dialog().getByText(/^Trên \d+ vụ việc:/).waitFor();
  const moved = Number(await dialog().getByRole('listitem').filter({ hasText: 'vụ đổi hạn giải quyết' }).locator('strong').innerText());
  expect(moved).toBeGreaterThan(0);
  const example = dialog().locator('tbody tr').filter({ has: page.locator('td:nth-child(3) strong') }).first();
  const ticket = await example.locator('td').first().innerText();
  const wanted = iso(await example.locator('td:nth-child(3) strong').innerText());
  const apply = dialog().getByRole('button', { name: 'Áp dụng thay đổi' });
  expect(await apply.isDisabled(), 'without a reason').toBe(true);
  await sound(page);
  await shoot(page, 'admin-rules-effect');
  expect((await ask<Edition>('/api/v1/admin/rules')).edition, 'a preview changes nothing').toBe(before.edition);
  await dialog().getByLabel('Lý do').fill('Công điện 12/CĐ-UBND ngày 15/11/2026');
  await apply.click();
  await dialog().waitFor({ state: 'detached' });
  await page.locator('tbody tr').filter({ hasText: 'Nghỉ bù do bão' }).getByText('16/11/2026').waitFor();
  await page.getByRole('listitem').filter({ hasText: 'Công điện 12/CĐ-UBND' }).waitFor();
  await due(ticket, wanted);
});

it('a limit is replaced from a day on; the old one ends the day before, and what is to come can be withdrawn', async () => {
  await visit(page, '/admin/rules');
  await page.getByRole('button', { name: /^Thay từ ngày… Giải quyết/ }).first().click();
  const from = await dialog().getByLabel('Áp dụng từ ngày').inputValue();
  await dialog().getByLabel('Số ngày').fill('21');
  await dialog().getByLabel('Căn cứ').fill('Quyết định thử nghiệm');
  await sound(page);
  await shoot(page, 'admin-limit-form');
  await dialog().getByRole('button', { name: 'Xem trước tác động' }).click();
  await dialog().getByLabel('Lý do').fill('Thử nghiệm');
  await dialog().getByRole('button', { name: 'Áp dụng thay đổi' }).click();
  await dialog().waitFor({ state: 'detached' });
  const [day, month, year] = from.split('-').reverse();
  const next = page.locator('tbody tr').filter({ hasText: 'Quyết định thử nghiệm' });
  await next.getByText('sắp áp dụng').waitFor();
  await next.getByText(new RegExp(`^21 ngày`)).waitFor();
  await next.getByText(`${day}/${month}/${year} – …`).waitFor();
  await next.getByRole('button', { name: 'Rút lại' }).click();
  await dialog().getByLabel('Lý do').fill('Rút lại thử nghiệm');
  await dialog().getByRole('button', { name: 'Áp dụng thay đổi' }).click();
  await next.waitFor({ state: 'detached' });
});

it('who decides by an edition that somebody else has moved on from is told, and nothing is overwritten', async () => {
  await visit(page, '/admin/rules?year=2026');
  await page.getByRole('button', { name: 'Bỏ ngày 16/11/2026' }).click();
  await dialog().getByText(/^Trên \d+ vụ việc:/).waitFor();
  // Meanwhile, at another desk; this page has not heard of it yet.
  const late: Route[] = [];
  const rules = (url: URL): boolean => url.pathname === '/api/v1/admin/rules';
  await page.route(rules, (route) => (route.request().method() === 'GET' ? void late.push(route) : route.continue()));
  const { edition } = await ask<Edition>('/api/v1/admin/rules');
  const change = { days: [{ date: '2026-12-14', kind: 'holiday', active: true, mark: 'primary', vi: 'Ngày khác', en: 'Another day', note: '' }] };
  await ask('/api/v1/admin/rules?apply=true', tokens.administrator, { method: 'POST', body: JSON.stringify({ edition, reason: 'bàn khác', change }) });
  await dialog().getByLabel('Lý do').fill('Bỏ');
  await dialog().getByRole('button', { name: 'Áp dụng thay đổi' }).click();
  await dialog().getByText('Có người vừa thay đổi quy định').waitFor();
  await shoot(page, 'admin-rules-conflict');
  await page.unroute(rules);
  await Promise.all(late.map((route) => route.continue().catch(() => undefined))); // the page may have given it up
  await page.keyboard.press('Escape');
  const { calendar } = (await ask<Edition>('/api/v1/admin/rules')).rules;
  expect(calendar.days.filter(({ active }) => active).map(({ date }) => date)).toEqual(expect.arrayContaining(['2026-11-16', '2026-12-14']));
  await page.locator('tbody tr').filter({ hasText: 'Ngày khác' }).waitFor();
});

it('villages from a table: which were visited, which not, and which names the list lacks', async () => {
  await visit(page, '/admin/import/villages');
  const table = 'unit,kind,name,valid_from,valid_to\n23149,thon,Thôn Lạc Hưng,,\n23149,thon,9,,\n23272,thon,Thôn Mỹ Khê,,\n';
  await page.getByLabel(/Tệp CSV hoặc Excel/).setInputFiles({ name: 'thon.csv', mimeType: 'text/csv', buffer: Buffer.from(table) });
  await page.getByRole('button', { name: 'Ghi 3 thay đổi' }).click();
  await page.getByRole('heading', { name: 'Đã ghi' }).waitFor();
  await visit(page, '/admin/villages?unit=23149');
  expect((await page.locator('tbody th').allInnerTexts()).sort()).toEqual(['Thôn 9', 'Thôn Lạc Hưng']);

  const staff = await open(browser, base, { token: tokens.province });
  const row = (name: string) => staff.locator('.heat tbody tr').filter({ hasText: name });
  await visit(staff, `/reports/visits?${SAMPLE}&area=23149`);
  await staff.getByText('Đã đến 1 trên 2 thôn, tổ dân phố trong kỳ').waitFor();
  // The sample has one visit there in October and one in November.
  expect(await staff.locator('.heat thead th').allInnerTexts()).toEqual(['Thôn, tổ dân phố', '08/2026', '09/2026', '10/2026', '11/2026']);
  expect(await row('Thôn Lạc Hưng').locator('td').allInnerTexts()).toEqual(['·', '·', '1', '1']);
  expect(await row('Thôn 9').locator('td').allInnerTexts()).toEqual(['·', '·', '·', '·']);
  await staff.getByLabel('Chỉ hiện nơi chưa đến').check();
  await row('Thôn Lạc Hưng').waitFor({ state: 'detached' });
  await row('Thôn 9').waitFor();
  await staff.getByLabel('Chỉ hiện nơi chưa đến').uncheck();
  await sound(staff);
  await shoot(staff, 'report-villages');
  await visit(staff, `/reports/visits?${SAMPLE}&area=23272`);
  await staff.getByRole('heading', { name: 'Tên ghi trong hồ sơ nhưng không có trong danh sách' }).waitFor();
  await row('Thôn Triều Dương').waitFor();
  await staff.context().close();
});

/** A picture of one point, for any tile. */
const TILE = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNg6Fz2HwAEJgKCHhs4BQAAAABJRU5ErkJggg==', 'base64');

async function tileServer(): Promise<{ server: Server; origin: string; asked: string[]; referrers: (string | undefined)[] }> {
  const asked: string[] = [];
  const referrers: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    referrers.push(request.headers.referer);
    response.writeHead(200, { 'content-type': 'image/png', 'access-control-allow-origin': '*' }).end(TILE);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, referrers };
}

it('tiles come from the host that was set and from no other; the map names their owner', async () => {
  const [tiles, other] = await Promise.all([tileServer(), tileServer()]);
  try {
    await visit(page, '/admin/settings');
    await page.getByLabel('Địa chỉ ảnh nền bản đồ').fill('javascript:alert(1)');
    await page.getByRole('button', { name: 'Lưu' }).click();
    await page.getByText('Giá trị thiết lập không hợp lệ').waitFor();
    await page.getByLabel('Địa chỉ ảnh nền bản đồ').fill(`${tiles.origin}/{z}/{x}/{y}.png`);
    await page.getByLabel('Ghi nguồn ảnh nền').fill('© Sở Nông nghiệp và Môi trường');
    await page.getByRole('button', { name: 'Lưu' }).click();
    await page.getByText('Đã lưu.').waitFor();

    const staff = await open(browser, base, { token: tokens.province });
    await visit(staff, `/map?${SAMPLE}`);
    await staff.waitForFunction(() => [...document.querySelectorAll<HTMLImageElement>('.tile img')].some((tile) => tile.complete && tile.naturalWidth > 0));
    await staff.getByText('© Sở Nông nghiệp và Môi trường').waitFor();
    await sound(staff);
    await shoot(staff, 'map-tiles');
    expect(tiles.asked.every((path) => /^\/\d+\/\d+\/\d+\.png$/.test(path))).toBe(true);
    expect(new Set(tiles.referrers), 'the host is not told which page was read').toEqual(new Set([undefined]));
    const loads = (address: string): Promise<boolean> =>
      staff.evaluate((src) => new Promise<boolean>((done) => Object.assign(new Image(), { onload: () => done(true), onerror: () => done(false), src })), address);
    expect(await loads(`${tiles.origin}/1/1/1.png`)).toBe(true);
    expect(await loads(`${other.origin}/1/1/1.png`), 'the policy names one host').toBe(false);
    expect(other.asked).toEqual([]);
    await staff.context().close();

    await page.getByLabel('Địa chỉ ảnh nền bản đồ').fill('');
    await page.getByRole('button', { name: 'Lưu' }).click();
    await page.getByText('Đã lưu.').waitFor();
  } finally {
    for (const { server } of [tiles, other]) {
      server.closeAllConnections();
      server.close();
    }
  }
});

it('boundaries: a file that is none is refused in words, a good one stands on the map, and goes again', async () => {
  const upload = async (text: string): Promise<void> => {
    await page.getByLabel(/Ranh giới hành chính/).setInputFiles({ name: 'ranh-gioi.geojson', mimeType: 'application/geo+json', buffer: Buffer.from(text) });
  };
  await visit(page, '/admin/settings');
  await page.getByText('Chưa có ranh giới nào.').waitFor();
  await upload('{"type":"FeatureCollection","features":[{"type":"Feature","geometry":{"type":"Point","coordinates":[1000,0]}}]}');
  await page.getByRole('alert').waitFor();
  await sound(page);
  await shoot(page, 'admin-boundaries-bad');
  const ring = [[108.3, 11.8], [108.6, 11.8], [108.6, 12.1], [108.3, 12.1], [108.3, 11.8]];
  await upload(JSON.stringify({ type: 'FeatureCollection', features: [{ type: 'Feature', properties: { code: '24781', name: 'Phường Xuân Hương - Đà Lạt', secret: 'x' }, geometry: { type: 'Polygon', coordinates: [ring] } }] }));
  await page.getByText('Đang dùng ranh giới đã nạp.').waitFor();
  const staff = await open(browser, base, { token: tokens.province });
  await visit(staff, `/map?${SAMPLE}`);
  await staff.locator('path.border').waitFor({ state: 'attached' });
  expect(await staff.locator('path.hull').count(), 'the makeshift ground goes').toBe(0);
  await sound(staff);
  await shoot(staff, 'map-boundaries');
  await page.getByRole('button', { name: 'Gỡ ranh giới' }).click();
  await page.getByText('Chưa có ranh giới nào.').waitFor();
  await visit(staff, `/map?${SAMPLE}`);
  await staff.locator('path.hull').first().waitFor({ state: 'attached' });
  await settled(staff);
  await staff.context().close();
});
