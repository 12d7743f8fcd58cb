// A denunciation: the app keeps nothing of it. At most a sealed mark goes to the inspectorate, and nobody else sees that there
// is one: not a colleague, not the office, not the phone that left it.
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { operate } from '../../../../server/web/e2e/stage.ts';
import { Phone, beginVisit, staff } from './phone.ts';

interface Row {
  kind: string;
  unit: string;
  title: string | null;
  visit: string | null;
  received_on: string;
}

/** In which nobody else of this run records anything. */
const COMMUNE = '22918';
let phone: Phone;
let colleague: Phone;
beforeAll(async () => {
  phone = await Phone.make();
  await phone.enrol('CB-601', COMMUNE);
  colleague = await Phone.make();
  await colleague.enrol('CB-602', COMMUNE);
});
afterAll(async () => {
  await phone.end();
  await colleague.end();
});

const SECRET = 'Điều chưa ai được biết';

it('what was written before it turned out to be one is dropped at once', async () => {
  await beginVisit(phone, 'Thôn Kín');
  await phone.tap('Ghi một việc');
  await phone.settled('Ghi một việc');
  await phone.page.getByLabel('Nội dung ngắn gọn').fill(SECRET);
  await phone.page.getByText('Đã lưu', { exact: true }).waitFor();
  await phone.page.getByText('Tố cáo', { exact: true }).click();
  await phone.page.getByText(/Ứng dụng không nhận nội dung tố cáo/).waitFor();
  await phone.sound();
  await phone.shoot('denunciation');
  await phone.tap('Đã hướng dẫn, quay lại');
  await phone.settled('Thôn Kín');
  expect(await phone.page.getByText(SECRET).count()).toBe(0);
  expect(await phone.page.getByText('Việc chưa có tên').count()).toBe(0);
});

it('a mark reaches the inspectorate, with the province and the month and nothing else', async () => {
  await phone.tap('Ghi một việc');
  await phone.settled('Ghi một việc');
  await phone.page.getByText('Tố cáo', { exact: true }).click();
  await phone.tap('Để lại dấu niêm phong');
  await phone.page.getByText(/Sau đó không xem lại/).waitFor();
  await phone.tap('Để lại dấu niêm phong');
  await phone.settled('Thôn Kín');
  await phone.page.getByRole('link', { name: 'Quay lại' }).click();
  await phone.tap('Gửi và nhận ngay');
  await phone.synced();
  const inspector = String(operate('token', inject('field').data, ['--name', 'Thanh tra', '--role', 'inspector', '--province']).token);
  const { items } = await staff<{ items: Row[] }>('issues?all=true&limit=200', inspector);
  const seen = items.filter(({ kind }) => kind === 'denunciation');
  expect(seen).toHaveLength(1);
  expect(seen[0]).toMatchObject({ unit: '68', received_on: expect.stringMatching(/^\d{4}-\d\d-01$/) as string });
  expect(seen[0]?.title ?? null).toBeNull();
  expect(seen[0]?.visit ?? null).toBeNull();
});

it('nobody else sees that there is one', async () => {
  const { items } = await staff<{ items: Row[] }>('issues?all=true&limit=200');
  expect(items.filter(({ kind, unit }) => kind === 'denunciation' || unit === '68')).toEqual([]);
  await colleague.tap('Gửi và nhận ngay');
  await colleague.synced();
  for (const one of [phone, colleague]) {
    await one.tap('Việc của dân');
    await one.tap('Tất cả');
    await one.page.getByText('Không có việc nào ở đây.').waitFor();
    await one.page.getByRole('searchbox').fill('tố cáo');
    await one.page.getByText('Không tìm thấy. Thử ít chữ hơn.').waitFor();
    await one.page.getByRole('searchbox').fill('');
    await one.tap('Hôm nay');
    await one.page.getByText('Không có việc nào còn mở.').waitFor();
    expect(one.troubles).toEqual([]);
  }
});
