// How the pages feel in Chromium: first paint on a slow processor, and a map with many points while it is moved. For
// `cargo xtask bench web`:
//
//   node scripts/measure.mjs http://127.0.0.1:8080 TOKEN
//
// Prints one JSON object a line: name, value in milliseconds, most (the bound), beside.
import { chromium } from 'playwright-core';

const [base, token] = process.argv.slice(2);
/** How much slower than this machine the processor pretends to be, as of an old office PC. */
const SLOWER = 4;
const TIMES = 7;
const FLAGS = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

const say = (name, value, most, beside) => console.log(JSON.stringify({ name, value: Math.round(value * 10) / 10, most, beside }));
const sorted = (list) => [...list].sort((a, b) => a - b);
const share = (list, part) => sorted(list)[Math.min(list.length - 1, Math.ceil(list.length * part) - 1)] ?? 0;

/** A page as somebody opens it for the first time: nothing of the app is stored. */
async function open(browser, signedIn) {
  const context = await browser.newContext({ baseURL: base, viewport: { width: 1440, height: 900 } });
  if (signedIn) await context.addInitScript((secret) => sessionStorage.setItem('gandan.session', JSON.stringify({ token: secret, name: 'Văn phòng', role: 'province_staff', expires: null })), token);
  return context.newPage();
}

async function slow(page) {
  const session = await page.context().newCDPSession(page);
  await session.send('Emulation.setCPUThrottlingRate', { rate: SLOWER });
}

/** Milliseconds from the request until something is painted, and until the largest thing is. */
async function paint(browser, path, signedIn) {
  const page = await open(browser, signedIn);
  await slow(page);
  await page.goto(path);
  await page.locator('h1').first().waitFor();
  await page.waitForFunction(() => !document.querySelector('.loading'));
  const times = await page.evaluate(
    () =>
      new Promise((done) => {
        const [first] = performance.getEntriesByName('first-contentful-paint');
        new PerformanceObserver((list) => done({ first: first?.startTime ?? 0, largest: list.getEntries().at(-1)?.startTime ?? 0, ready: performance.now() })).observe({ type: 'largest-contentful-paint', buffered: true });
      }),
  );
  await page.context().close();
  return times;
}

async function paints(browser, name, path, signedIn) {
  const runs = [];
  for (let time = 0; time < TIMES; time += 1) runs.push(await paint(browser, path, signedIn));
  const median = (of) => share(runs.map(of), 0.5);
  say(`${name}, first paint`, median((run) => run.first), 1000, `largest ${Math.round(median((run) => run.largest))} ms, all figures there ${Math.round(median((run) => run.ready))} ms`);
}

/** Times between frames while `move` runs, in milliseconds. */
async function frames(page, move) {
  await page.evaluate(() => {
    const times = [];
    let last = performance.now();
    globalThis.stopCounting = () => times;
    const tick = (now) => {
      times.push(now - last);
      last = now;
      if (times.length < 20_000) requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  });
  await move();
  return page.evaluate(() => globalThis.stopCounting().slice(1));
}

/** Draws the map about and zooms in and out, as somebody looking for a place does. */
async function wander(page) {
  const { x, y, width, height } = await page.locator('.map').boundingBox();
  const centre = [x + width / 2, y + height / 2];
  for (const [dx, dy] of [[-260, 60], [260, -60], [120, 180], [-120, -180]]) {
    await page.mouse.move(...centre);
    await page.mouse.down();
    await page.mouse.move(centre[0] + dx, centre[1] + dy, { steps: 40 });
    await page.mouse.up();
  }
  for (const way of [-240, -240, 240, 240]) {
    await page.mouse.move(...centre);
    await page.mouse.wheel(0, way);
    await page.waitForTimeout(600); // the zoom is animated
  }
}

async function map(browser, layer, slower) {
  const page = await open(browser, true);
  if (slower) await slow(page);
  await page.goto(`/map?layer=${layer}&period=days:2026-01-01..2026-12-31`);
  await page.locator('.bubble.cluster').first().waitFor();
  const records = (await page.locator('.map + p').innerText()).split(' ')[0];
  const marks = await page.locator('.map .leaflet-marker-icon').count();
  const times = await frames(page, () => wander(page));
  const beside = `${records} records as ${marks} marks; median ${share(times, 0.5).toFixed(1)} ms, longest ${share(times, 1).toFixed(0)} ms`;
  say(`map of ${layer}${slower ? `, ${SLOWER} times slower` : ''}, 95 of 100 frames`, share(times, 0.95), slower ? null : 50, beside);
  await page.context().close();
}

const args = process.getuid?.() === 0 ? ['--no-sandbox', ...FLAGS] : FLAGS; // the sandbox refuses root
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args });
try {
  await paints(browser, 'sign-in page', '/', false);
  await paints(browser, 'overview', '/', true);
  await map(browser, 'visits', false);
  await map(browser, 'issues', false);
  await map(browser, 'visits', true);
} finally {
  await browser.close();
}
