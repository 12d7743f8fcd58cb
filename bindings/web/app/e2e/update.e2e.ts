// A new version of the app: the old one goes on until its user takes it, and what he was writing is there afterwards.
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { Front, SITE } from './front.ts';
import { Phone, beginVisit, section } from './phone.ts';

let phone: Phone;
let front: Front;
let site = '';

/** The build as one that was published before: another page, which the worker of that build tells from this one's. */
function previous(folder: string): string {
  const old = join(folder, 'previous');
  cpSync(SITE, old, { recursive: true, filter: (name) => !/\.(br|gz)$/.test(name) });
  const page = readFileSync(join(old, 'index.html'), 'utf8');
  writeFileSync(join(old, 'index.html'), page.replace('</head>', '<meta name="version" content="previous" /></head>'));
  const worker = readFileSync(join(old, 'sw.js'), 'utf8');
  const changed = worker.replace(/(index\.html["'`],\s*revision:\s*["'`])[0-9a-f]{16}/, '$10000000000000000');
  expect(changed).not.toBe(worker);
  writeFileSync(join(old, 'sw.js'), changed);
  return old;
}

beforeAll(async () => {
  const { folder, base } = inject('field');
  site = previous(folder);
  front = await Front.open(base, () => site);
  phone = await Phone.make({ base: front.base });
  await phone.enrol('CB-401');
});
afterAll(async () => {
  await phone.end();
  await front.close();
});

const version = (): Promise<string | null> => phone.page.evaluate(() => document.querySelector('meta[name=version]')?.getAttribute('content') ?? null);

it('the old version goes on while a draft is open, and still syncs', async () => {
  expect(await version()).toBe('previous');
  await beginVisit(phone, 'Thôn Cũ');
  await section(phone, 'Ghi chép');
  await phone.page.getByLabel('Ghi chép cuộc làm việc').fill('Viết dở khi có bản mới.');
  await phone.page.getByText('Đã lưu', { exact: true }).waitFor();
  site = SITE; // published
  await phone.page.evaluate(() => navigator.serviceWorker.getRegistration('/field').then((found) => found?.update().then(() => undefined)));
  await phone.page.waitForFunction(() => navigator.serviceWorker.getRegistration('/field').then((found) => Boolean(found?.waiting)));
  expect(await version()).toBe('previous');
  await phone.tap('Xong');
  await phone.page.getByRole('link', { name: 'Quay lại' }).click();
  await phone.tap('Gửi và nhận ngay');
  await phone.synced();
});

it('the new one comes when it is taken, with the draft as it was', async () => {
  await phone.page.getByText(/Có bản mới/).waitFor();
  await phone.tap('Dùng bản mới');
  await phone.settled('Mở khóa');
  expect(await version()).toBeNull();
  await phone.unlock();
  await phone.page.getByRole('link', { name: /Thôn Cũ/ }).click();
  await phone.settled(/Thôn Cũ/);
  await section(phone, 'Ghi chép');
  expect(await phone.page.getByLabel('Ghi chép cuộc làm việc').inputValue()).toBe('Viết dở khi có bản mới.');
  expect(phone.troubles).toEqual([]);
});
