// The core by itself in a real browser: its sources served by Vite, a server of this run's own behind it, and browsers
// that can be killed.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Browser, chromium, type JSHandle, type Page } from 'playwright-core';
import { createServer, type ViteDevServer } from 'vite';
import type { Core } from '../../src/lib/core/contract.ts';
import { end, operate, serve } from '../../../../../server/web/e2e/stage.ts';

const app = resolve(import.meta.dirname, '../..');
const units = resolve(app, '../../../crates/model/data/lam-dong-units.csv');
const FLAGS = ['--headless', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--remote-debugging-port=0'];
/** A unit of the sample's. */
export const UNIT = '24781';
export const PIN = '482915';

export class Stage {
  private constructor(
    readonly folder: string,
    readonly data: string,
    private readonly server: ChildProcess,
    private readonly pages: ViteDevServer,
    /** Where the pages come from, and the server's API with them. */
    readonly base: string,
  ) {}

  static async build(): Promise<Stage> {
    const folder = mkdtempSync(join(tmpdir(), 'gandan-core-'));
    const data = join(folder, 'data');
    operate('init', data, ['--units', units]);
    const { base: behind, child } = await serve(data);
    process.env.GANDAN_SERVER = behind;
    const pages = await createServer({
      root: app,
      configFile: join(app, 'vite.config.ts'),
      logLevel: 'error',
      // Nothing may load a page anew behind a test's back.
      server: { port: 0, host: '127.0.0.1', hmr: false, watch: null },
      optimizeDeps: { noDiscovery: true, include: ['eventsource-parser'] },
    });
    await pages.listen();
    const address = pages.httpServer?.address();
    if (!address || typeof address === 'string') throw new Error('vite does not listen');
    return new Stage(folder, data, child, pages, `http://127.0.0.1:${address.port}`);
  }

  /** A link for a new device of an official. */
  link(official: string): string {
    const said = operate('enrol', this.data, ['--name', official, '--role', 'field_official', '--base-url', this.base, '--unit', UNIT]);
    return String(said.link);
  }

  /** A folder for a browser's profile. */
  profile(name: string): string {
    return join(this.folder, name);
  }

  async close(): Promise<void> {
    await Phone.killAll();
    await this.pages.close();
    await end(this.server);
    // A browser's helpers may still write for a moment.
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

/** A browser of its own, by its process, so that it can be killed like an app that the system needs the memory of. */
export class Phone {
  /** Those that still run. */
  private static readonly running = new Set<Phone>();

  private constructor(
    private readonly child: ChildProcess,
    readonly browser: Browser,
    readonly page: Page,
    readonly core: JSHandle<Core>,
  ) {}

  static async start(profile: string, base: string): Promise<Phone> {
    const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    const child = spawn(process.env.CHROMIUM ?? '/usr/bin/chromium', [...FLAGS, ...sandbox, `--user-data-dir=${profile}`, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
    const endpoint = await new Promise<string>((good, bad) => {
      let text = '';
      child.stderr?.on('data', (part: Buffer) => {
        const found = /DevTools listening on (\S+)/.exec((text += String(part)));
        if (found?.[1]) good(found[1]);
      });
      child.on('exit', () => bad(new Error(`chromium ended: ${text}`)));
    });
    const browser = await chromium.connectOverCDP(endpoint);
    const page = await (browser.contexts()[0] ?? (await browser.newContext())).newPage();
    const phone = new Phone(child, browser, page, await load(page, base));
    Phone.running.add(phone);
    child.once('exit', () => Phone.running.delete(phone));
    return phone;
  }

  /** What a failed test has left running. */
  static async killAll(): Promise<void> {
    await Promise.all([...Phone.running].map((phone) => phone.kill()));
  }

  /** Ends it at once, with everything it has started. */
  async kill(): Promise<void> {
    const ended = new Promise((done) => this.child.once('exit', done));
    if (this.child.pid) process.kill(-this.child.pid, 'SIGKILL');
    await ended;
  }

  /** Ends it as a user does, and waits until it has written what it writes. */
  async close(): Promise<void> {
    const ended = new Promise((done) => this.child.once('exit', done));
    const session = await this.browser.newBrowserCDPSession();
    await session.send('Browser.close').catch(() => undefined);
    await ended;
  }
}

/** The core on a page that holds nothing else. */
export async function load(page: Page, base: string): Promise<JSHandle<Core>> {
  await page.goto(`${base}/field/e2e/core/blank.html`);
  await page.waitForFunction(() => 'core' in globalThis);
  return page.evaluateHandle(() => (globalThis as unknown as { core: Core }).core);
}

/** What a call rejects with. */
export async function refusal(core: JSHandle<Core>, call: string, ...args: unknown[]): Promise<{ code: string; more: Record<string, unknown> } | null> {
  return core.evaluate(
    async (core, [call, args]) => {
      const work = core as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
      try {
        await work[call as string]?.(...(args as unknown[]));
        return null;
      } catch (error) {
        const { code, more } = error as { code: string; more: Record<string, unknown> };
        return { code, more };
      }
    },
    [call, args] as const,
  );
}

/** Every file below a folder with what is in it. */
export function* files(folder: string): Generator<{ path: string; bytes: Buffer }> {
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    yield { path, bytes: readFileSync(path) };
  }
}
