// A phone: Chromium of the system with a profile of its own, which outlives its death; and what every page must hold.
import { mkdirSync, mkdtempSync, readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import axe from 'axe-core';
import { type BrowserContext, type Page, chromium } from 'playwright-core';
import { expect, inject } from 'vitest';
import { operate } from '../../../../server/web/e2e/stage.ts';

export const SHOTS = resolve(import.meta.dirname, '../screenshots');
export const PIN = '135790';
export const UNIT = '24781';
const SMALL = { width: 360, height: 740 };
export const LARGE = { width: 412, height: 915 };
const FLAGS = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

/** A link as the administrator gives it. */
export function link(official: string, base = inject('field').base, units = [UNIT]): string {
  const args = ['--name', official, '--role', 'field_official', '--base-url', base, ...units.flatMap((unit) => ['--unit', unit])];
  return String(operate('enrol', inject('field').data, args).link);
}

/** The staff's API, as the office asks it. */
export async function staff<T>(path: string, token = inject('field').token): Promise<T> {
  const { base } = inject('field');
  const current = await fetch(`${base}/healthz?views_current=true`);
  expect(current.ok).toBe(true);
  const answer = await fetch(`${base}/api/v1/${path}`, { headers: { authorization: `Bearer ${token}` } });
  expect(answer.status, path).toBe(200);
  return (await answer.json()) as T;
}

export class Phone {
  page!: Page;
  private context!: BrowserContext;
  readonly troubles: string[] = [];

  private constructor(
    private readonly profile: string,
    private readonly base: string,
    private readonly wishes: Wishes,
  ) {}

  static async make(wishes: Wishes = {}): Promise<Phone> {
    const { folder, base } = inject('field');
    const phone = new Phone(mkdtempSync(join(folder, 'phone-')), wishes.base ?? base, wishes);
    await phone.start();
    return phone;
  }

  /** Switches it on. */
  async start(): Promise<void> {
    this.context = await chromium.launchPersistentContext(this.profile, {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: [...FLAGS, ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), ...filmed(this.wishes.camera)], // the sandbox refuses root
      baseURL: this.base,
      viewport: this.wishes.size ?? SMALL,
      deviceScaleFactor: 1,
      isMobile: true,
      hasTouch: true,
      locale: 'vi-VN',
      timezoneId: 'Asia/Ho_Chi_Minh',
      colorScheme: this.wishes.theme ?? 'light',
      reducedMotion: 'reduce',
      permissions: ['geolocation', 'camera'],
      geolocation: { latitude: 11.9404, longitude: 108.4583, accuracy: 12 },
    });
    this.context.setDefaultTimeout(60_000);
    this.context.on('console', (message) => {
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) this.troubles.push(message.text());
    });
    this.context.on('weberror', (error) => this.troubles.push(String(error.error())));
    this.page = this.context.pages()[0] ?? (await this.context.newPage());
  }

  async end(): Promise<void> {
    await this.context.close();
  }

  /** The battery is gone: the browser's process is killed, whatever it was doing. */
  async die(): Promise<void> {
    for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
      const command = commandOf(name);
      if (command.includes(`--user-data-dir=${this.profile}`) && !command.includes('--type=')) process.kill(Number(name), 'SIGKILL');
    }
    await this.context.close().catch(() => undefined);
  }

  network(there: boolean): Promise<void> {
    return this.context.setOffline(!there);
  }

  /** Comes back to the page of this title, by default the first. */
  async unlock(title: string | RegExp = /^Chào/): Promise<void> {
    await this.page.getByLabel('Mã PIN').waitFor().catch(async (error: Error) => {
      throw new Error(`${error.message}\nthe page says: ${await this.page.locator('body').innerText()}`);
    });
    await this.page.getByLabel('Mã PIN').fill(PIN);
    await this.page.getByRole('button', { name: 'Mở', exact: true }).click();
    await this.settled(title);
  }

  /** The first step on a new phone, whatever address it was opened at. */
  async choosePin(): Promise<void> {
    const pins = this.page.locator('input[type=password]');
    await pins.nth(0).fill(PIN);
    await pins.nth(1).fill(PIN);
    await this.tap('Tiếp');
    await this.settled('Đăng ký máy này');
  }

  /** From the link to the first page, until it says that one may leave the network. */
  async enrol(official: string, unit = UNIT): Promise<void> {
    await this.page.goto(link(official, this.base, [unit]));
    await this.choosePin();
    await this.tap('Dùng liên kết này');
    await this.ready();
  }

  /** The first page says that the app and the unit's records lie on the phone. */
  async ready(): Promise<void> {
    await this.settled(/^Chào/);
    await this.page.getByText('Sẵn sàng dùng khi không có mạng', { exact: true }).waitFor();
    await this.synced();
  }

  async tap(name: string | RegExp): Promise<void> {
    await this.page.getByRole('button', { name, exact: true }).or(this.page.getByRole('link', { name, exact: true })).first().click();
  }

  /** Waits for a page by its title. */
  async settled(title?: string | RegExp): Promise<void> {
    await this.page.getByRole('heading', { level: 1, ...(title ? { name: title } : {}) }).waitFor();
  }

  /** Everything that was saved is on the server. */
  async synced(): Promise<void> {
    await this.page.getByRole('region', { name: 'Gửi và nhận' }).getByText(/^Lần cuối thành công/).waitFor();
    await this.page.getByText('Đã gửi hết').waitFor();
  }

  async shoot(name: string): Promise<void> {
    mkdirSync(SHOTS, { recursive: true });
    await this.page.screenshot({ path: join(SHOTS, `${name}.png`) });
  }

  /** No error and no serious finding of axe. */
  async sound(): Promise<void> {
    expect(this.troubles).toEqual([]);
    await this.page.evaluate(axe.source);
    const findings = await this.page.evaluate(async () => {
      const run = (globalThis as unknown as { axe: typeof axe }).axe.run;
      const { violations } = await run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] });
      return violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target.join(' ')} ${node.failureSummary ?? ''}`).join(' | ')}`);
    });
    expect(findings).toEqual([]);
  }
}

/** Chromium's switches for a camera that shows a film. */
const filmed = (film?: string): string[] => (film ? ['--use-fake-device-for-media-stream', `--use-file-for-fake-video-capture=${film}`] : []);

interface Wishes {
  /** A Y4M film that the camera shows. */
  camera?: string;
  size?: { width: number; height: number };
  theme?: 'light' | 'dark';
  base?: string;
}

/** The command line of a process; empty if it ended meanwhile. */
function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

/** From the first page: begins a visit in a village and comes back to its sheet. */
export async function beginVisit(phone: Phone, village: string): Promise<string> {
  await phone.tap('Ghi cuộc làm việc mới');
  await phone.tap('Bắt đầu ghi');
  await phone.settled('Nơi và thời gian');
  await phone.page.getByText('Thôn', { exact: true }).click();
  await phone.page.getByLabel('Tên thôn, buôn, tổ dân phố').fill(village);
  await phone.page.getByText('Đã lưu', { exact: true }).waitFor();
  await phone.tap('Xong');
  await phone.settled(village);
  return new URL(phone.page.url()).pathname.split('/').at(-1) ?? '';
}

/** Opens a section of the visit whose sheet is shown. */
export async function section(phone: Phone, name: string): Promise<void> {
  await phone.page.getByRole('link', { name: new RegExp(`^${name}`) }).click();
  await phone.settled(name);
}

/** From the sheet of a visit and back: how many residents came. */
export async function countResidents(phone: Phone, residents: number): Promise<void> {
  await section(phone, 'Số người dự');
  await phone.page.getByLabel('Lượt người dân dự', { exact: true }).fill(String(residents));
  await phone.page.getByText('Đã lưu', { exact: true }).waitFor();
  await phone.tap('Xong');
}

/** On the photos of a visit: takes one in which there is a crowd, and waits until it is kept. */
export async function photograph(phone: Phone, picture: Buffer, caption: string): Promise<void> {
  await phone.page.locator('input[type=file]').setInputFiles({ name: 'may-anh.jpg', mimeType: 'image/jpeg', buffer: picture });
  await phone.page.getByRole('img', { name: 'Ảnh vừa chụp' }).waitFor();
  const keep = phone.page.getByRole('button', { name: 'Giữ ảnh' });
  expect(await keep.isDisabled()).toBe(true); // nobody has said yet whether there are people in it
  await phone.page.getByText('Đám đông, không rõ mặt', { exact: true }).click();
  await phone.page.getByLabel('Chú thích ảnh').fill(caption);
  await keep.click();
  await phone.page.getByRole('img', { name: caption }).waitFor();
}

/** Reads back and hands in. */
export async function handIn(phone: Phone): Promise<void> {
  await phone.tap('Đọc lại và nộp');
  await phone.settled('Đọc lại cho dân nghe');
  await phone.tap('Đúng rồi, nộp');
  await phone.page.getByText('Đã nộp', { exact: true }).waitFor();
}
