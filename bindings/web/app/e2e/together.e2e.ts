// Two phones, one visit: paired by what the one shows and the other reads, without a network; merged after both have synced.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Phone, beginVisit, countResidents } from './phone.ts';

let lead: Phone;
let recorder: Phone;
beforeAll(async () => {
  lead = await Phone.make();
  await lead.enrol('CB-201');
  recorder = await Phone.make();
  await recorder.enrol('CB-202');
});
afterAll(async () => {
  await lead.end();
  await recorder.end();
});

async function count(phone: Phone, residents: number): Promise<void> {
  await countResidents(phone, residents);
  await phone.tap('Lưu');
  await phone.page.getByText('Chưa gửi', { exact: true }).waitFor();
}

/** Back to the first page, and until nothing waits. */
async function sync(phone: Phone): Promise<void> {
  await phone.page.getByRole('link', { name: 'Quay lại' }).click();
  await phone.settled(/^Chào/);
  await phone.tap('Gửi và nhận ngay');
  await phone.synced();
}

it('both hold the same visit before either has synced', async () => {
  await lead.network(false);
  await recorder.network(false);
  const id = await beginVisit(lead, 'Buôn Đăng');
  await lead.tap('Ghi chung với đồng nghiệp (mã QR)');
  await lead.page.getByText('Liên kết, nếu không quét được').click();
  const link = (await lead.page.locator('.link').textContent()) ?? '';
  await lead.tap('Xong');

  await recorder.page.getByRole('link', { name: 'Ghi chung với đồng nghiệp' }).click();
  await recorder.page.getByLabel('Hoặc dán liên kết').fill(link);
  await recorder.tap('Dùng liên kết này');
  await recorder.page.getByText('Phường Xuân Hương - Đà Lạt').waitFor();
  await recorder.tap('Ghi vào cuộc này');
  await recorder.settled(/Buôn Đăng/);
  expect(new URL(recorder.page.url()).pathname).toBe(`/field/visits/${id}`);
});

it('a difference is shown in words with both values, and one tap decides it for both', async () => {
  await count(lead, 46);
  await count(recorder, 52);
  await lead.network(true);
  await recorder.network(true);
  await sync(lead);
  await sync(recorder);

  await recorder.page.getByRole('link', { name: /cần ông\/bà chọn/ }).click();
  await recorder.settled('Chỗ khác nhau');
  const item = recorder.page.getByRole('article').filter({ hasText: 'CB-201' });
  await item.getByText('46', { exact: true }).waitFor();
  await item.getByText('52', { exact: true }).waitFor();
  await item.getByText(/ông\/bà/).waitFor();
  await recorder.shoot('review');
  await item.getByRole('button', { name: /^(Giữ|Lấy) cái này$/ }).first().click();
  await recorder.page.getByText('Không có gì phải chọn.').waitFor();
  await sync(recorder);

  await lead.tap('Gửi và nhận ngay');
  await lead.synced();
  expect(await lead.page.getByRole('link', { name: /cần ông\/bà chọn/ }).count()).toBe(0);
  expect([...lead.troubles, ...recorder.troubles]).toEqual([]);
});
