// A phone that cannot send any more: what it had goes into a file, and from there onto another phone of the same official.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, it } from 'vitest';
import { Phone, beginVisit, countResidents, handIn, staff } from './phone.ts';

/** Reads a file on "Thêm"; what is said about it. */
async function takeOver(phone: Phone, file: string): Promise<string> {
  await phone.page.getByLabel('Lấy lại từ tệp').setInputFiles(file);
  const said = phone.page.getByRole('status').or(phone.page.getByRole('alert')).filter({ hasText: /./ });
  return (await said.first().textContent()) ?? '';
}

it('is taken over by the next phone of the same official, once, and by nobody else\'s', async () => {
  const broken = await Phone.make();
  await broken.enrol('CB-701');
  await broken.network(false);
  const id = await beginVisit(broken, 'Thôn Cứu');
  await countResidents(broken, 12);
  await handIn(broken);
  await broken.tap('Quay lại');
  await beginVisit(broken, 'Thôn Dở'); // stays a draft
  await broken.page.getByRole('link', { name: 'Quay lại' }).click();
  await broken.tap('Thêm');
  await broken.settled('Thêm');
  const coming = broken.page.waitForEvent('download');
  await broken.tap('Xuất phần chưa gửi');
  const file = join(inject('field').folder, 'unsent.jsonl');
  await (await coming).saveAs(file);
  expect(readFileSync(file, 'utf8')).toContain('gandan-unsent/1');
  await broken.die();

  const other = await Phone.make();
  await other.enrol('CB-702');
  await other.tap('Thêm');
  expect(await takeOver(other, file)).toContain('của cán bộ khác');
  await other.end();

  const next = await Phone.make();
  await next.enrol('CB-701');
  await next.tap('Thêm');
  const first = await takeOver(next, file);
  expect(first).toContain('Đã lấy lại 1 hồ sơ');
  expect(first).toContain('Đã lấy lại 1 bản nháp');
  await next.tap('Hôm nay');
  await next.page.getByRole('link', { name: /Thôn Dở/ }).waitFor();
  await next.tap('Gửi và nhận ngay');
  await next.synced();
  expect((await staff<{ record: { status: string } }>(`visits/${id}`)).record.status).toBe('submitted');
  await next.tap('Thêm');
  expect(await takeOver(next, file)).toContain('2 phần đã có sẵn');
  expect(next.troubles).toEqual([]);
  await next.end();
});
