// What administrators do: accounts, officials and their phones, the organisation, tables, settings; and the trail of it.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { launch, open, settled, shoot, sound, visit } from './browser.ts';
import { device, operate } from './stage.ts';

const ground = inject('ground');
const { acting, tokens, folder } = ground;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  browser = await launch();
  page = await open(browser, acting, { token: tokens.administrator, role: 'administrator' });
});
afterAll(() => browser.close());

const dialog = () => page.getByRole('dialog');
const row = (text: string) => page.locator('tbody tr').filter({ hasText: text });

async function ask<T>(path: string, token = tokens.administrator, init: RequestInit = {}): Promise<T> {
  const answer = await fetch(acting + path, { ...init, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' } });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

/** Chooses a unit or an area in the form that is open. */
async function grant(words: string, name: string): Promise<void> {
  await dialog().getByLabel('Thêm đơn vị hoặc khu vực').fill(words);
  await dialog().getByRole('button', { name }).first().click();
}

it('only administrators find the pages, and the others are refused in words', async () => {
  await visit(page, '/admin');
  await page.getByRole('link', { name: /Tài khoản/ }).first().waitFor();
  const staff = await open(browser, acting, { token: tokens.province });
  await staff.goto('/admin/accounts');
  await staff.getByText('không có quyền làm việc đó').waitFor();
  expect(await staff.getByRole('link', { name: 'Quản trị' }).count()).toBe(0);
  await staff.context().close();
});

it('an account is made, its first password works once, it is put out of use and reset', async () => {
  await visit(page, '/admin/accounts');
  await page.getByRole('button', { name: 'Thêm tài khoản' }).click();
  await dialog().getByLabel('Tên người hoặc chức danh').fill('Văn thư phường Xuân Hương');
  await dialog().getByLabel('Tên đăng nhập').fill('van-thu');
  await dialog().getByLabel('Vai trò').selectOption('commune_staff');
  await grant('xuan huong', 'Phường Xuân Hương - Đà Lạt');
  await sound(page);
  await shoot(page, 'admin-account-form');
  await dialog().getByRole('button', { name: 'Thêm tài khoản' }).click();
  const first = (await dialog().locator('.secret').innerText()).trim();
  await dialog().getByRole('button', { name: 'Đã trao, đóng lại' }).click();
  await row('Văn thư phường Xuân Hương').getByText('Mật khẩu lần đầu').waitFor();
  expect(await page.content(), 'the password is told once').not.toContain(first);

  const guest = await open(browser, acting, {});
  await visit(guest, '/');
  await guest.getByLabel('Tên đăng nhập').fill('van-thu');
  await guest.getByLabel('Mật khẩu', { exact: true }).fill(first);
  await guest.getByRole('button', { name: 'Đăng nhập', exact: true }).click();
  await guest.getByRole('heading', { name: 'Đặt mật khẩu của riêng mình' }).waitFor();

  await page.getByRole('button', { name: 'Sửa Văn thư phường Xuân Hương' }).click();
  await dialog().getByLabel('Khóa tài khoản này').check();
  await dialog().getByRole('button', { name: 'Lưu' }).click();
  await row('Văn thư phường Xuân Hương').getByText('Đã khóa').waitFor();
  await guest.reload();
  await guest.getByRole('button', { name: 'Đăng nhập', exact: true }).waitFor();
  await guest.context().close();

  await page.getByRole('button', { name: 'Cấp lại mật khẩu cho Văn thư phường Xuân Hương' }).click();
  await dialog().getByRole('button', { name: 'Cấp lại mật khẩu' }).click();
  expect((await dialog().locator('.secret').innerText()).trim()).not.toBe(first);
  await page.keyboard.press('Escape');
});

it('an official gets a code, a real phone enrols with it, and the phone is revoked and wiped', async () => {
  await visit(page, '/admin/officials');
  await page.getByRole('button', { name: 'Thêm cán bộ' }).click();
  await dialog().getByLabel('Họ và tên').fill('Đinh Thị Ánh');
  await dialog().getByPlaceholder('CB-001').fill('CB-950');
  await grant('23149', 'Xã Tánh Linh');
  await dialog().getByRole('button', { name: 'Thêm cán bộ' }).click();
  await row('CB-950').getByText('Chưa có máy').waitFor();
  await page.getByRole('button', { name: 'Mã ghi danh cho Đinh Thị Ánh' }).click();
  await page.getByRole('button', { name: 'Tạo mã', exact: true }).click();
  await page.getByAltText('Mã QR ghi danh của Đinh Thị Ánh').waitFor();
  const link = (await page.locator('.slip .link').innerText()).trim();
  expect(link.startsWith(`${acting}/enrol#`)).toBe(true);
  await sound(page);
  await shoot(page, 'admin-codes');
  device(folder, 'CB-950', ['enrol', link]);
  device(folder, 'CB-950', ['sync']);

  await visit(page, '/admin/devices?q=CB-950');
  await row('CB-950').getByText('Đang dùng').waitFor();
  await row('CB-950').getByText('đúng', { exact: true }).waitFor();
  // What the phone said of itself at the end of the exchange.
  await row('CB-950').getByText(/^\d+\.\d+\.\d+ \w+$/).waitFor();
  await row('CB-950').getByText('Không còn gì').waitFor();
  await page.getByRole('button', { name: 'Thu hồi máy của Đinh Thị Ánh' }).click();
  const revoke = dialog().getByRole('button', { name: 'Xóa máy' });
  await dialog().getByLabel(/Thu hồi và xóa sạch/).check();
  await dialog().getByText('Việc chưa đồng bộ trên máy bị mất.').waitFor();
  await dialog().getByLabel('Lý do').fill('Mất máy ngày 20/11');
  expect(await revoke.isDisabled(), 'without the tick').toBe(true);
  await sound(page);
  await shoot(page, 'admin-revoke');
  await dialog().getByLabel('Xóa sạch máy này của Đinh Thị Ánh').check();
  await revoke.click();
  await dialog().waitFor({ state: 'detached' });
  await page.getByRole('button', { name: /Đã thu hồi \(/ }).click();
  await row('CB-950').getByText('Thu hồi và xóa').waitFor();
  expect(() => device(folder, 'CB-950', ['sync'])).toThrow(/wiped/);
});

it('a phone with trouble stands first, and says what it is', async () => {
  // A phone that keeps a change back: its official has lost the unit for which it was made.
  const official = 'CB-951';
  const { link } = operate('enrol', ground.actingData, ['--name', official, '--role', 'field_official', '--base-url', acting, '--unit', '23149', '--unit', ground.unit]);
  device(folder, official, ['enrol', String(link)]);
  device(folder, official, ['sync']);
  const [issue] = (await ask<{ items: { id: string }[] }>('/api/v1/issues?unit=23149&limit=1', tokens.province)).items;
  device(folder, official, ['edit', String(issue?.id), 'title=Sửa khi đã chuyển địa bàn']);
  await ask(`/api/v1/officials/${official}/scope`, tokens.administrator, { method: 'POST', body: JSON.stringify({ scope: [{ kind: 'unit', value: ground.unit }], reason: 'chuyển địa bàn' }) });
  device(folder, official, ['sync']);
  await visit(page, '/admin/devices?show=trouble');
  const first = page.locator('tbody tr').first();
  await first.getByText(official, { exact: true }).waitFor();
  await first.getByText('1 việc để riêng').waitFor();
  await first.getByText('1 gói bị từ chối').waitFor();
  await sound(page);
  await shoot(page, 'admin-devices-trouble');
});

it('a table with a fault changes nothing, a good one is shown first and then taken in', async () => {
  const unit = ground.unit;
  const upload = async (text: string): Promise<void> => {
    await page.getByLabel(/Tệp CSV hoặc Excel/).setInputFiles({ name: 'can-bo.csv', mimeType: 'text/csv', buffer: Buffer.from(`\ufeff${text}`) });
  };
  await visit(page, '/admin/import/officials');
  await upload(`id,name,role,units,areas\nCB-960,Ka Brẹo,field_official,${unit},\nCB-961,K’ Brồi,field_official,99999,\n`);
  await page.getByRole('heading', { name: 'Tệp còn lỗi, chưa ghi gì' }).waitFor();
  await page.getByText('Dòng 3:').waitFor();
  expect(await page.getByRole('button', { name: /^Ghi/ }).count()).toBe(0);
  await upload(`id,name,role,units,areas\nCB-960,Ka Brẹo,field_official,${unit},\nCB-961,K’ Brồi,field_official,${unit},\n`);
  await page.getByRole('heading', { name: 'Sẽ thay đổi' }).waitFor();
  await page.getByText('2 mới').waitFor();
  await sound(page);
  await shoot(page, 'admin-import');
  const before = await ask<{ items: { id: string }[] }>('/api/v1/officials');
  expect(before.items.map(({ id }) => id)).not.toContain('CB-960');
  await page.getByRole('button', { name: 'Ghi 2 thay đổi' }).click();
  await page.getByRole('heading', { name: 'Đã ghi' }).waitFor();
  await visit(page, '/admin/officials?q=ka breo');
  await row('CB-960').waitFor();
});

it('areas overlap and have dates', async () => {
  await visit(page, '/admin/org');
  await page.getByRole('button', { name: 'Thêm khu vực' }).click();
  await dialog().getByLabel('Tên khu vực').fill('Vùng chuyên canh cà phê');
  for (const unit of ['24781', '23149']) {
    await dialog().getByLabel('Thêm đơn vị', { exact: true }).fill(unit);
    await dialog().locator('.found button').first().click();
  }
  await dialog().getByLabel(/^Từ ngày, /).first().fill('2026-01-01');
  await dialog().getByLabel(/^Đến ngày, /).first().fill('2025-01-01');
  await dialog().getByText('ngày cuối trước ngày đầu').waitFor();
  expect(await dialog().getByRole('button', { name: 'Lưu' }).isDisabled()).toBe(true);
  await dialog().getByLabel(/^Đến ngày, /).first().fill('2026-06-30');
  await sound(page);
  await dialog().getByRole('button', { name: 'Lưu' }).click();
  await dialog().waitFor({ state: 'detached' });
  const area = page.locator('details').filter({ hasText: 'Vùng chuyên canh cà phê' });
  await area.locator('summary').click();
  await area.getByText('01/01/2026 – 30/06/2026').waitFor();
  await area.getByText('không thuộc hôm nay').waitFor();
  await shoot(page, 'admin-area');
});

it('settings stand on printed reports', async () => {
  await visit(page, '/admin/settings');
  await page.getByLabel('Tên chương trình').fill('Ngày Chủ nhật với dân');
  await page.getByLabel('Tên cơ quan').fill('Văn phòng Ủy ban nhân dân tỉnh');
  await page.getByRole('button', { name: 'Lưu' }).click();
  await page.getByText('Đã lưu.').waitFor();
  await visit(page, '/reports/print/monthly?period=admin-month:2026-10&as_of=2026-10-14');
  await page.getByText('VĂN PHÒNG ỦY BAN NHÂN DÂN TỈNH').waitFor();
  await page.getByText('Ngày Chủ nhật với dân').first().waitFor();
});

it('the trail says who did what: to administrators of the office, to the inspectorate of records, to nobody else', async () => {
  await visit(page, '/audit?action=account.create');
  await row('van-thu').getByText('Tạo tài khoản').waitFor();
  expect(new Set(await page.locator('tbody th').allInnerTexts())).toEqual(new Set(['Tạo tài khoản']));
  const waiting = await ask<{ items: { id: string }[] }>('/api/v1/issues?open=true&limit=1', tokens.province);
  await ask(`/api/v1/issues/${waiting.items[0]?.id}/assign`, tokens.province, { method: 'POST', body: JSON.stringify({ agency: 'Sở Công Thương' }) });
  await visit(page, '/audit');
  expect(await page.locator('tbody').getByText('Giao cơ quan').count(), 'records are not for administrators').toBe(0);
  const inspector = await open(browser, acting, { token: tokens.inspector, role: 'inspector' });
  await visit(inspector, '/audit');
  await inspector.locator('tbody').getByText('Giao cơ quan').first().waitFor();
  await inspector.getByLabel('Việc', { exact: true }).selectOption('device.revoke');
  await settled(inspector);
  await inspector.locator('tbody tr').filter({ hasText: 'Mất máy ngày 20/11' }).waitFor();
  await sound(inspector);
  await shoot(inspector, 'audit-inspector');
  await inspector.context().close();
  const staff = await open(browser, acting, { token: tokens.province });
  await staff.goto('/audit');
  await staff.getByText('không có quyền làm việc đó').waitFor();
  await staff.context().close();
});
