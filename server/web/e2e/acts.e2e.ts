// Staff act on records, and what they did arrives on the devices; two at once; live updates, also when they are lost;
// who may do what; and what a hostile record or page could try.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { SAMPLE, launch, open, settled, shoot, sound, troubles, visit } from './browser.ts';
import { copy, device, end, operate, serve } from './stage.ts';

const ground = inject('ground');
const { acting, tokens, folder } = ground;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  browser = await launch();
  page = await open(browser, acting, { token: tokens.province });
});
afterAll(() => browser.close());

type Row = { id: string; ticket: string; title: string; unit: string; created_by: string };

async function ask<T>(path: string, token = tokens.province, init: RequestInit = {}): Promise<T> {
  const answer = await fetch(acting + path, { ...init, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' } });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}
const list = async (path: string): Promise<Row[]> => (await ask<{ items: Row[] }>(path)).items;
const show = (official: string, id: string): Record<string, never> => {
  device(folder, official, ['sync']);
  return device(folder, official, ['show', id]) as Record<string, never>;
};
const first = (rows: Row[]): Row => {
  const row = rows[0];
  if (!row) throw new Error('there is no such record in the sample');
  return row;
};

it('a wrong token is told in words, a right one opens, and signing out closes', async () => {
  const guest = await open(browser, acting, {});
  await visit(guest, `/visits?${SAMPLE}`);
  await guest.getByRole('button', { name: 'Mã dùng một lần' }).click();
  await guest.getByLabel('Mã đăng nhập dùng một lần').fill('không có mã này');
  await guest.getByRole('button', { name: 'Đăng nhập', exact: true }).click();
  await guest.getByText('Không có mã này.').waitFor();
  await guest.getByRole('button', { name: 'Mã truy cập' }).click();
  await guest.locator('input[name=secret]').fill(tokens.province);
  await guest.getByRole('button', { name: 'Đăng nhập', exact: true }).click();
  await guest.getByRole('heading', { name: 'Cuộc làm việc' }).waitFor();
  expect(new URL(guest.url()).pathname, 'the address one came for').toBe('/visits');
  await guest.getByRole('button', { name: 'Đăng xuất' }).click();
  await guest.getByRole('button', { name: 'Đăng nhập', exact: true }).waitFor();
  expect(await guest.evaluate(() => sessionStorage.getItem('gandan.session'))).toBeNull();
  await guest.context().close();
});

it('an account: wrong password, forced change of the first one, a cookie that scripts cannot read, sign-out everywhere', async () => {
  const first = String(operate('account', ground.actingData, ['add', '--login', 'van-phong', '--name', 'Nguyễn Văn Phòng', '--role', 'province_staff', '--province']).password);
  const guest = await open(browser, acting, {});
  await visit(guest, `/issues?${SAMPLE}`);
  const enter = async (password: string): Promise<void> => {
    await guest.getByLabel('Tên đăng nhập').fill('van-phong');
    await guest.getByLabel('Mật khẩu', { exact: true }).fill(password);
    await guest.getByRole('button', { name: 'Đăng nhập', exact: true }).click();
  };
  await enter('không phải mật khẩu này');
  await guest.getByText('Tên đăng nhập hoặc mật khẩu không đúng.').waitFor();
  await enter(first);
  await guest.getByRole('heading', { name: 'Đặt mật khẩu của riêng mình' }).waitFor();
  await sound(guest);
  const next = 'suối Cam Ly chảy qua phố núi';
  await guest.getByLabel('Mật khẩu hiện tại').fill(first);
  await guest.locator('input[autocomplete=new-password]').first().fill('ngắn quá đấy');
  await guest.getByLabel('Nhập lại mật khẩu mới').fill(next);
  await guest.getByRole('button', { name: 'Đổi mật khẩu' }).click();
  await guest.getByText('Hai lần nhập không giống nhau.').waitFor();
  await guest.locator('input[autocomplete=new-password]').first().fill(next);
  await guest.getByRole('button', { name: 'Đổi mật khẩu' }).click();
  await guest.getByRole('heading', { name: 'Vụ việc' }).waitFor();
  await guest.getByText('Nguyễn Văn Phòng').waitFor();
  expect(await guest.evaluate(() => document.cookie), 'the cookie is not for scripts').toBe('');
  const cookies = await guest.context().cookies();
  expect(cookies.map(({ httpOnly, sameSite }) => ({ httpOnly, sameSite }))).toEqual([{ httpOnly: true, sameSite: 'Strict' }]);
  // A page of somebody else cannot make the browser act: the request lacks what only our own pages send.
  const forged = await guest.request.post(`${acting}/api/v1/visits/301e278f-aa01-4dc5-a16f-9630b0074044/verify`, { headers: { origin: 'https://evil.example' } });
  expect(forged.status()).toBe(403);
  await guest.getByRole('link', { name: 'Nguyễn Văn Phòng' }).click();
  await guest.getByRole('heading', { name: 'Xác thực hai bước' }).waitFor();
  await sound(guest);
  await shoot(guest, 'account');
  await guest.getByRole('button', { name: 'Đăng xuất khỏi mọi thiết bị' }).click();
  await guest.getByRole('button', { name: 'Đăng nhập', exact: true }).waitFor();
  await guest.reload();
  await guest.getByRole('button', { name: 'Đăng nhập', exact: true }).waitFor();
  await guest.context().close();
});

it('a visit is verified, and the device that recorded it knows', async () => {
  const row = first(await list('/api/v1/visits?status=submitted&limit=1'));
  await visit(page, `/visits/${row.id}?${SAMPLE}`);
  await page.getByRole('button', { name: 'Xác nhận', exact: true }).click();
  await page.locator('.page-head').getByText('Đã xác nhận').waitFor();
  expect(show(row.created_by, row.id).status).toBe('verified');
});

it('a visit is returned with a reason, which the device shows', async () => {
  const row = first(await list('/api/v1/visits?status=submitted&limit=1'));
  await visit(page, `/visits/${row.id}?${SAMPLE}`);
  await page.getByRole('button', { name: 'Trả lại bổ sung' }).click();
  const send = page.getByRole('dialog').getByRole('button', { name: 'Trả lại bổ sung' });
  expect(await send.isDisabled(), 'without a reason').toBe(true);
  await page.getByLabel('Cần bổ sung hoặc sửa gì').fill('Thiếu số hộ');
  await send.click();
  await page.locator('.page-head').getByText('Trả lại bổ sung', { exact: true }).first().waitFor();
  const record = show(row.created_by, row.id) as unknown as { status: string; events: { reason?: string }[] };
  expect(record.status).toBe('returned');
  expect(record.events.map((event) => event.reason)).toContain('Thiếu số hộ');
});

it('an issue is assigned and answered with a template, and the answer reaches the device', async () => {
  const row = first(await list('/api/v1/issues?status=received&limit=1'));
  await visit(page, `/issues/${row.id}?${SAMPLE}`);
  await page.getByRole('button', { name: /^Giao (cơ quan|lại)$/ }).click();
  await page.getByRole('dialog').getByLabel('Tên cơ quan giải quyết').fill('Sở Y tế');
  await page.getByRole('dialog').getByRole('button', { name: 'Giao cơ quan' }).click();
  await page.locator('.page-head').getByText('Đã chuyển cơ quan có thẩm quyền').waitFor();
  await page.getByRole('button', { name: 'Trả lời người dân' }).click();
  await page.getByLabel('Mẫu trả lời').selectOption('Đã giải quyết xong');
  const text = page.getByLabel('Nội dung trả lời');
  expect(await text.inputValue()).toContain('Sở Y tế');
  await text.fill('Đã phun thuốc diệt muỗi ngày 20/11/2026.');
  await page.getByRole('button', { name: 'Ghi trả lời' }).click();
  await page.locator('.page-head').getByText('Đã trả lời người dân').waitFor();
  const record = show(row.created_by, row.id) as unknown as { status: string; responsible_agency: string; result_text: string };
  expect(record).toMatchObject({ status: 'replied', responsible_agency: 'Sở Y tế', result_text: 'Đã phun thuốc diệt muỗi ngày 20/11/2026.' });
});

it('a step that the server refuses is told in words and changes nothing', async () => {
  const row = first(await list('/api/v1/issues?status=replied&sort=updated_desc&limit=1'));
  await visit(page, `/issues/${row.id}?${SAMPLE}`);
  await page.getByRole('button', { name: 'Chuyển bước' }).click();
  await page.getByLabel('Chuyển sang').selectOption('closed');
  await page.getByRole('button', { name: 'Ghi nhận' }).click();
  await page.getByRole('dialog').getByText('Cần ý kiến người dân').waitFor();
  await page.getByLabel('Ý kiến người dân').selectOption('confirmed');
  await page.getByRole('button', { name: 'Ghi nhận' }).click();
  await page.locator('.page-head').getByText('Kết thúc').waitFor();
});

/** Two phones that write different numbers without knowing of each other. */
function disagree(id: string, one: [string, string], other: [string, string]): void {
  for (const [official] of [one, other]) device(folder, official, ['sync']);
  for (const [official, edit] of [one, other]) device(folder, official, ['edit', id, edit]);
  for (const [official] of [one, other]) device(folder, official, ['sync']);
}

it('a difference between two phones is settled by one press, and both phones have it', async () => {
  const [official, second] = ['CB-001', 'CB-002'];
  const row = first((await list('/api/v1/issues?unit=23149&limit=50')).filter((issue) => issue.title));
  disagree(row.id, [official, 'title=Cống nghẹt trước hẻm 3'], [second, 'title=Nạo vét cống hẻm 3']);
  await visit(page, `/queues?queue=review`);
  const item = page.getByRole('article', { name: 'Khác biệt: Tiêu đề' });
  await item.waitFor();
  await sound(page);
  await item.locator('.value').filter({ hasText: 'Cống nghẹt trước hẻm 3' }).getByRole('button').click();
  await item.waitFor({ state: 'detached' });
  expect([show(official, row.id).title, show(second, row.id).title]).toEqual(['Cống nghẹt trước hẻm 3', 'Cống nghẹt trước hẻm 3']);
});

it('who decides about what has changed meanwhile is told so', async () => {
  const [official, second] = ['CB-001', 'CB-002'];
  const row = first((await list('/api/v1/issues?unit=23149&limit=50')).filter((issue) => issue.title));
  disagree(row.id, [official, 'title=Một'], [second, 'title=Hai']);
  // This page hears no news: it is the colleague who looks at an old screen.
  const old = await open(browser, acting, { token: tokens.province });
  await old.route(/v1\/(events|live)$/, (route) => route.abort());
  await visit(old, `/issues/${row.id}`);
  const item = old.getByRole('article', { name: 'Khác biệt: Tiêu đề' });
  const { review } = await ask<{ review: { field: string; basis: string }[] }>(`/api/v1/issues/${row.id}`);
  await ask(`/api/v1/review/${row.id}/title/resolve`, tokens.province, { method: 'POST', body: JSON.stringify({ value: 'Một', basis: review[0]?.basis }) });
  disagree(row.id, [official, 'title=Ba'], [second, 'title=Bốn']);
  await item.locator('.value').filter({ hasText: 'Hai' }).getByRole('button').click();
  await old.getByRole('article').filter({ hasText: 'Bốn' }).waitFor();
  const now = await ask<{ issue: { title: string } }>(`/api/v1/issues/${row.id}`);
  expect(now.issue.title).not.toBe('Hai');
  await old.unrouteAll({ behavior: 'ignoreErrors' });
  await old.context().close();
});

it('what one does, the other sees without loading anything', async () => {
  const row = first(await list('/api/v1/visits?status=submitted&limit=1'));
  const other = await open(browser, acting, { token: tokens.province });
  await visit(other, `/visits/${row.id}`);
  await other.getByText('Trực tiếp').waitFor();
  await ask(`/api/v1/visits/${row.id}/verify`, tokens.province, { method: 'POST' });
  await other.locator('.page-head').getByText('Đã xác nhận').waitFor();
  await other.context().close();
});

it('roles and areas: a commune sees its own and does not verify, an agency sees no figures', async () => {
  const commune = await open(browser, acting, { token: tokens.commune, role: 'commune_staff' });
  await visit(commune, '/visits?any_time=true');
  const named = await commune.locator('tbody td[data-column=unit]').allInnerTexts();
  expect(named.length).toBeGreaterThan(0);
  expect(new Set(named)).toEqual(new Set(['Phường Xuân Hương - Đà Lạt']));
  await commune.locator('tbody a').first().click();
  await settled(commune);
  expect(await commune.getByRole('button', { name: 'Xác nhận' }).count()).toBe(0);
  const foreign = first((await list('/api/v1/visits?limit=50')).filter((row) => row.unit !== ground.unit));
  await commune.goto(`/visits/${foreign.id}`);
  await commune.getByText('Không có hồ sơ này, hoặc tài khoản không được xem.').waitFor();
  await commune.context().close();
  const agency = await open(browser, acting, { token: tokens.agency, role: 'agency' });
  await agency.goto('/map');
  await agency.getByText('không có quyền làm việc đó').waitFor();
  expect(await agency.getByRole('link', { name: 'Bản đồ' }).count(), 'hidden in the navigation').toBe(0);
  await agency.goto(`/?${SAMPLE}`);
  await agency.waitForURL(/\/issues/); // its work is the list
  await visit(agency, '/issues?any_time=true');
  expect(new Set(await agency.locator('tbody td[data-column=agency]').allInnerTexts())).toEqual(new Set([ground.agency]));
  await agency.context().close();
});

it('filters stand in the address, the search needs no marks, and a saved view brings them back', async () => {
  await visit(page, `/issues?${SAMPLE}`);
  await page.getByLabel('Lĩnh vực', { exact: true }).selectOption('transport');
  await settled(page);
  expect(new URL(page.url()).searchParams.get('field')).toBe('transport');
  const rows = await page.locator('tbody tr').count();
  expect(rows).toBe(12);
  await page.getByRole('button', { name: /Chế độ xem đã lưu/ }).click();
  await page.getByLabel('Tên chế độ xem').fill('Giao thông');
  await page.getByRole('button', { name: 'Lưu chế độ xem này' }).click();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Bỏ lọc' }).click();
  await page.getByRole('searchbox').fill('den duong');
  await page.keyboard.press('Enter');
  await page.waitForURL(/q=den/);
  await settled(page);
  expect(await page.locator('tbody td[data-column=title]').first().innerText()).toMatch(/[Đđ]èn/);
  await page.getByRole('button', { name: /Chế độ xem đã lưu/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Giao thông', exact: true }).click();
  await settled(page);
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 12);
  await page.goBack();
  await page.waitForURL(/q=den/);
});

it('several at once: pages, columns, a bulk assignment', async () => {
  await visit(page, `/issues?${SAMPLE}&status=recorded`);
  await page.getByLabel('Chọn cả trang').check();
  await page.locator('.bulk').getByLabel('Tên cơ quan giải quyết').fill('Sở Nông nghiệp và Môi trường');
  await page.getByRole('button', { name: /Giao các vụ đã chọn/ }).click();
  await page.getByText('Không có dòng nào').waitFor();
  expect((await list('/api/v1/issues?status=recorded&from=2026-08-01&to=2026-11-30')).length).toBe(0);
  await visit(page, `/visits?${SAMPLE}`);
  await page.getByLabel('Số dòng').selectOption('25');
  await settled(page);
  const before = await page.locator('tbody tr').first().innerText();
  await page.getByRole('button', { name: 'Trang sau' }).click();
  await page.waitForFunction((text) => (document.querySelector('tbody tr') as HTMLElement | null)?.innerText !== text, before);
  await page.getByRole('button', { name: 'Trang trước' }).click();
  await page.waitForFunction((text) => (document.querySelector('tbody tr') as HTMLElement | null)?.innerText === text, before);
  await page.getByRole('button', { name: 'Cột' }).click();
  await page.getByRole('dialog').getByLabel('Số hộ').check();
  await page.keyboard.press('Escape');
  await page.getByRole('columnheader', { name: 'Số hộ' }).waitFor();
});

it('the export holds every row, begins with a byte order mark, and no cell is a formula', async () => {
  await visit(page, `/issues?${SAMPLE}`);
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    (async () => {
      await page.getByRole('button', { name: 'Xuất dữ liệu' }).click();
      await page.getByRole('button', { name: /CSV/ }).click();
    })(),
  ]);
  const text = readFileSync(await file.path(), 'utf8');
  expect(text.startsWith('\ufeffMã vụ việc,Mã phiếu')).toBe(true);
  const [, codes, ...rows] = text.trim().split('\r\n');
  expect(codes, 'stable codes of the columns in the second line').toMatch(/^id,ticket,/);
  const all = await list('/api/v1/issues?from=2026-08-01&to=2026-11-30&limit=200');
  expect(rows.length).toBe(all.length);
  for (const row of rows) for (const cell of row.split(',')) expect(cell).not.toMatch(/^"?[=+@]/);
});

it('a hostile record is text and nothing else', async () => {
  const row = first((await list('/api/v1/issues?unit=23149&limit=50')).filter((issue) => issue.title));
  const hostile = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>';
  device(folder, 'CB-001', ['sync']);
  device(folder, 'CB-001', ['edit', row.id, `title=${hostile}`, 'description=[x](javascript:window.hit=1) {{7*7}} ${7*7}']);
  device(folder, 'CB-001', ['sync']);
  for (const path of [`/issues/${row.id}`, '/issues?any_time=true&sort=updated_desc', `/issues/${row.id}?q=%3Cscript%3E`]) {
    await visit(page, path);
    await page.getByText(hostile).first().waitFor();
    expect(await page.evaluate(() => (globalThis as unknown as { hit?: number }).hit)).toBeUndefined();
  }
  expect(await page.locator('main img').count()).toBe(0);
  expect(troubles.get(page.context())).toEqual([]);
});

it('no frame, no open redirect, no foreign form', async () => {
  const answer = await fetch(`${acting}/`);
  expect(answer.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
  expect(answer.headers.get('x-frame-options')).toBe('DENY');
  for (const path of ['//evil.example/', '/%2F%2Fevil.example', '/visits/..%2F..%2F..%2Fetc%2Fpasswd', '/?area=//evil.example']) {
    const response = await fetch(acting + path, { redirect: 'manual' });
    expect([200, 404], path).toContain(response.status);
    expect(response.headers.get('location'), path).toBeNull();
  }
  // A page of somebody else carries no token: there is no cookie that a browser would add by itself.
  const forged = await fetch(`${acting}/api/v1/visits/301e278f-aa01-4dc5-a16f-9630b0074044/verify`, { method: 'POST', headers: { origin: 'https://evil.example' } });
  expect(forged.status).toBe(401);
});

it('when the server goes the page says so, and finds it again', async () => {
  // A server of this test's own: the others go on.
  const data = { still: join(folder, 'still'), acting: join(folder, 'going') };
  copy(data);
  const before = await serve(data.acting);
  const lonely = await open(browser, before.base, { token: tokens.province });
  await visit(lonely, `/?${SAMPLE}`);
  await lonely.getByText('Trực tiếp').waitFor();
  await end(before.child);
  await lonely.getByText('Mất cập nhật trực tiếp').waitFor();
  await lonely.getByRole('link', { name: 'Vụ việc', exact: true }).click();
  await lonely.getByText('Không nối được với máy chủ').or(lonely.locator('tbody tr').first()).first().waitFor();
  const again = await serve(data.acting, Number(new URL(before.base).port));
  try {
    await lonely.getByText('Trực tiếp', { exact: true }).waitFor();
    await visit(lonely, `/visits?${SAMPLE}`);
    expect(await lonely.locator('tbody tr').count()).toBeGreaterThan(0);
  } finally {
    await lonely.context().close();
    await end(again.child);
  }
});
