// A new version of the app: the old one goes on until its user takes it, and what he was writing is there afterwards.
import { type Server, createServer, request } from 'node:http';
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { Phone, beginVisit, section } from './phone.ts';

const SITE = resolve(import.meta.dirname, '../dist/site');
let phone: Phone;
let front: Server;
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

const TYPES: Record<string, string> = { html: 'text/html; charset=utf-8', js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml', wasm: 'application/wasm', png: 'image/png', webmanifest: 'application/manifest+json' };

/** In front of the real server: its API as it is, and of the app the version that is published at the moment. */
function serveSite(base: string): Server {
  return createServer((asked, answer) => {
    const path = (asked.url ?? '/').split('?')[0] ?? '/';
    if (!path.startsWith('/field')) {
      const on = request(`${base}${asked.url ?? '/'}`, { method: asked.method, headers: asked.headers }, (said) => {
        answer.writeHead(said.statusCode ?? 502, said.headers);
        said.pipe(answer);
      });
      on.on('error', () => answer.destroy());
      asked.pipe(on);
      return;
    }
    const wanted = join(site, path.replace(/^\/field\/?/, ''));
    const file = path.includes('.') && existsSync(wanted) ? wanted : join(site, 'index.html');
    answer.writeHead(200, { 'content-type': TYPES[file.split('.').at(-1) ?? ''] ?? 'text/plain', 'cache-control': 'no-cache', 'service-worker-allowed': '/field' });
    answer.end(readFileSync(file));
  });
}

beforeAll(async () => {
  const { folder, base } = inject('field');
  site = previous(folder);
  front = serveSite(base);
  await new Promise<void>((done) => front.listen(0, '127.0.0.1', done));
  phone = await Phone.make({ base: `http://127.0.0.1:${(front.address() as AddressInfo).port}` });
  await phone.enrol('CB-401');
});
afterAll(async () => {
  await phone.end();
  front.closeAllConnections();
  await new Promise((done) => front.close(done));
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
