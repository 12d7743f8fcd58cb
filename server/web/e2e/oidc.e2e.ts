// Signing in with the province's own sign-in service: a server that is set up for one, and a real service.
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launch, open, shoot, sound, visit } from './browser.ts';
import { type Provider, provider } from './provider.ts';
import { end, init, operate, serve } from './stage.ts';

const folder = mkdtempSync(join(tmpdir(), 'gandan-oidc-'));
let browser: Browser;
let service: Provider;
let base: string;
let child: ChildProcess;
let page: Page;

/** The address must be known before the server starts: it is part of what is registered with the service. */
async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((done) => probe.listen(0, '127.0.0.1', done));
  const { port } = probe.address() as AddressInfo;
  await new Promise((done) => probe.close(done));
  return port;
}

beforeAll(async () => {
  const data = join(folder, 'data');
  const secret = join(folder, 'secret');
  writeFileSync(secret, 'bí-mật');
  service = await provider('bí-mật');
  init(data);
  operate('account', data, ['add', '--login', 'van-phong', '--name', 'Văn phòng', '--role', 'province_staff', '--province']);
  operate('account', data, ['add', '--login', 'quan-tri', '--name', 'Quản trị', '--role', 'administrator', '--province']);
  const port = await freePort();
  ({ base, child } = await serve(data, port, ['--public-url', `http://127.0.0.1:${port}`, '--oidc-issuer', service.issuer, '--oidc-client', 'gandan', '--oidc-secret', secret, '--oidc-claim', 'preferred_username', '--oidc-label', 'Tài khoản công vụ của tỉnh']));
  browser = await launch();
  page = await open(browser, base, {});
});
afterAll(async () => {
  await browser.close();
  await end(child);
  await service.close();
  rmSync(folder, { recursive: true, force: true });
});

/** From the app to the service, and back with this answer. */
async function goBy(user: string, answer: 'Đồng ý' | 'Từ chối'): Promise<void> {
  service.user = user;
  await page.getByRole('link', { name: 'Tài khoản công vụ của tỉnh' }).click();
  await page.getByRole('heading', { name: 'Đăng nhập tỉnh' }).waitFor();
  await page.getByRole('link', { name: answer }).click();
}

it('whoever says no, has no account, or administers, is told so and stays out', async () => {
  await visit(page, '/issues?overdue=true');
  await page.getByRole('link', { name: 'Tài khoản công vụ của tỉnh' }).waitFor();
  await sound(page);
  await shoot(page, 'sign-in-service');
  await goBy('van-phong', 'Từ chối');
  await page.getByRole('alert').getByText('đã từ chối').waitFor();
  await goBy('nguoi-la', 'Đồng ý');
  await page.getByRole('alert').getByText('chưa có tài khoản').waitFor();
  await goBy('quan-tri', 'Đồng ý');
  await page.getByRole('alert').getByText(/[Qq]uản trị/).waitFor();
  expect((await page.context().cookies()).map(({ name }) => name)).not.toContain('gandan');
});

it('whoever has an account comes to the page that was wanted, and can sign out again', async () => {
  await visit(page, '/issues?overdue=true');
  await goBy('van-phong', 'Đồng ý');
  await page.getByRole('heading', { name: 'Vụ việc', level: 1 }).waitFor();
  expect(new URL(page.url()).pathname + new URL(page.url()).search).toContain('/issues?overdue=true');
  const cookie = (await page.context().cookies()).find(({ name }) => name === 'gandan');
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' });
  await visit(page, '/account');
  await page.getByRole('button', { name: 'Đăng xuất', exact: true }).first().click();
  await page.getByRole('link', { name: 'Tài khoản công vụ của tỉnh' }).waitFor();
});
