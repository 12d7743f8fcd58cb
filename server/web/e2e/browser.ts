// Chromium of the system, pages with an account signed in, and what every page must hold: no error in the console, no
// breach of the policy, no serious finding of axe.
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import axe from 'axe-core';
import { type Browser, type BrowserContext, type BrowserContextOptions, type Page, chromium } from 'playwright-core';
import { expect } from 'vitest';

export const SHOTS = resolve(import.meta.dirname, '../screenshots');
/** The sample and the day by which its figures were worked out. */
export const SAMPLE = 'period=days:2026-08-01..2026-11-30&as_of=2026-11-21';

const FLAGS = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

export function launch(): Promise<Browser> {
  const args = process.getuid?.() === 0 ? ['--no-sandbox', ...FLAGS] : FLAGS; // the sandbox refuses root
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args });
}

export interface Wishes {
  token?: string;
  role?: string;
  theme?: 'light' | 'dark';
  lang?: 'vi' | 'en';
  phone?: boolean;
  options?: BrowserContextOptions;
}

/** What went wrong on a page without anybody looking. */
export const troubles = new WeakMap<BrowserContext, string[]>();

/** A page of its own, signed in if a token is given. */
export async function open(browser: Browser, base: string, { token, role = 'province_staff', theme = 'light', lang = 'vi', phone = false, options = {} }: Wishes): Promise<Page> {
  const context = await browser.newContext({ baseURL: base, viewport: phone ? { width: 360, height: 740 } : { width: 1440, height: 900 }, reducedMotion: 'reduce', ...options });
  const found: string[] = [];
  troubles.set(context, found);
  context.on('console', (message) => {
    // A refused request writes a line by itself; the page says it in words.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) found.push(message.text());
  });
  context.on('weberror', (error) => found.push(String(error.error())));
  await context.addInitScript(
    ([token, role, theme, lang]) => {
      if (!location.protocol.startsWith('http')) return; // the blank page before the first address
      if (token && !sessionStorage.getItem('signed')) {
        sessionStorage.setItem('signed', '1'); // once: signing out must last
        sessionStorage.setItem('gandan.session', JSON.stringify({ token, name: 'Văn phòng', role, expires: null }));
      }
      if (theme && !localStorage.getItem('gandan.theme')) localStorage.setItem('gandan.theme', theme);
      if (lang && !localStorage.getItem('gandan.lang')) localStorage.setItem('gandan.lang', lang);
    },
    [token ?? '', role, theme, lang] as const,
  );
  return context.newPage();
}

/** Goes to an address and waits until nothing is being loaded. */
export async function visit(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await settled(page);
}

/** Waits until the page has its heading and no place holder. */
export async function settled(page: Page): Promise<void> {
  await page.locator('h1').first().waitFor();
  await page.waitForFunction(() => !document.querySelector('.loading') && !document.querySelector('.stale'));
}

/** No error and no serious finding. */
export async function sound(page: Page): Promise<void> {
  expect(troubles.get(page.context())).toEqual([]);
  await page.evaluate(axe.source);
  const findings = await page.evaluate(async () => {
    const run = (globalThis as unknown as { axe: typeof axe }).axe.run;
    const { violations } = await run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] });
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      // Marks on the map lie where the places lie; the list beside it has a full-sized button for each (WCAG 2.5.8).
      // Where two lie on one another axe names the whole document.
      .map((violation) => (violation.id === 'target-size' ? { ...violation, nodes: violation.nodes.filter((node) => node.target[0] !== ':root' && !document.querySelector(String(node.target[0]))?.closest('.map')) } : violation))
      .filter(({ nodes }) => nodes.length > 0)
      .map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target.join(' ')} ${node.failureSummary ?? ''}`).join(' | ')}`);
  });
  expect(findings).toEqual([]);
}

/** Keeps a picture for people to look at. */
export async function shoot(page: Page, name: string): Promise<void> {
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
}
