// How long a phone takes to answer a tap, in two ways. The work: what the page's main thread does from the tap until the next
// picture is handed over, in processor time, which other programs on the machine do not lengthen. The wait: from the finger to
// that picture on the screen, as the browser itself measures it (Event Timing, what "interaction to next paint" is made of).
// No limit is asserted: the machine is shared. The yardstick of the run is a page with one button that changes one word.
import type { CDPSession, Locator, Page } from 'playwright-core';

interface Watched {
  taps: { from: number; ms: number }[];
  frames: number[];
}

/** An event of the browser's own record; times in microseconds, `tdur` in processor time. */
interface Traced {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  ts: number;
  dur?: number;
  tdur?: number;
  args: { data?: { type?: string } };
}

export interface Figure {
  name: string;
  /** Milliseconds of the main thread. */
  work: number;
  /** Milliseconds by the clock. */
  wait: number;
}

/** Runs in the page: notes each tap that took a frame or more. */
function watch(): void {
  const watched: Watched = { taps: [], frames: [] };
  (globalThis as unknown as { watched: Watched }).watched = watched;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as (PerformanceEventTiming & { interactionId?: number })[]) {
      if (entry.interactionId) watched.taps.push({ from: entry.startTime, ms: entry.duration });
    }
  }).observe({ type: 'event', durationThreshold: 16 } as PerformanceObserverInit);
}

export class Taps {
  readonly figures: Figure[] = [];

  private constructor(
    readonly page: Page,
    private readonly session: CDPSession,
  ) {}

  /** From the page's next load on. `rate`: how many times slower its main thread is made. */
  static async on(page: Page, rate: number): Promise<Taps> {
    const session = await page.context().newCDPSession(page);
    await session.send('Emulation.setCPUThrottlingRate', { rate });
    await page.addInitScript(watch);
    return new Taps(page, session);
  }

  /** Taps, and waits until `then` is there. */
  async tap(name: string, target: Locator, then = target): Promise<void> {
    await target.scrollIntoViewIfNeeded();
    const from = await this.page.evaluate(() => performance.now());
    const traced = await this.traced(async () => {
      await target.tap();
      await then.first().waitFor();
    });
    const wait = await this.page.evaluate(async (from) => {
      // Told a moment after the picture is on the screen.
      for (let n = 0; n < 3; n++) await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
      const { taps } = (globalThis as unknown as { watched: Watched }).watched;
      return Math.max(0, ...taps.filter((tap) => tap.from >= from - 1).map((tap) => tap.ms));
    }, from);
    this.figures.push({ name, work: workOf(traced), wait });
  }

  /** Frames that were missed while one scrolls `pixels` down: how many of how many. */
  async scroll(pixels: number): Promise<string> {
    await this.page.evaluate(() => {
      const { watched } = globalThis as unknown as { watched: Watched };
      watched.frames = [];
      const frame = (at: number): void => {
        watched.frames.push(at);
        if (watched.frames.length < 10_000) requestAnimationFrame(frame);
      };
      requestAnimationFrame(frame);
    });
    await this.session.send('Input.synthesizeScrollGesture', { x: 180, y: 600, yDistance: -pixels, speed: 1_600, gestureSourceType: 'touch' });
    return this.page.evaluate(() => {
      const { frames } = (globalThis as unknown as { watched: Watched }).watched;
      const steps = frames.slice(1).map((at, index) => Math.max(1, Math.round((at - (frames[index] ?? at)) / (1_000 / 60))));
      const all = steps.reduce((sum, step) => sum + step, 0);
      frames.length = 10_000; // ends the count
      return `${all - steps.length} of ${all}`;
    });
  }

  /** The same tap and scroll on a page that does nothing. */
  async yardstick(): Promise<Figure & { scrolled: string }> {
    await this.page.goto('/field/theme.js');
    await this.page.setContent('<button style="font-size:2rem" onclick="this.textContent = \'Rồi\'">Chạm</button><div style="height:40000px"></div>');
    await this.page.evaluate(watch);
    for (let n = 0; n < 3; n++) await this.tap('nothing', this.page.locator('button'));
    const [, middle] = this.figures.splice(-3).sort((a, b) => a.wait - b.wait);
    return { ...(middle as Figure), scrolled: await this.scroll(6_000) };
  }

  async end(): Promise<void> {
    await this.session.send('Emulation.setCPUThrottlingRate', { rate: 1 });
    await this.session.detach();
  }

  private async traced(work: () => Promise<void>): Promise<Traced[]> {
    const events: Traced[] = [];
    const take = ({ value }: { value: object[] }): void => void events.push(...(value as Traced[]));
    this.session.on('Tracing.dataCollected', take);
    await this.session.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig: { includedCategories: ['devtools.timeline', 'disabled-by-default-devtools.timeline'] } });
    await work();
    const complete = new Promise((done) => this.session.once('Tracing.tracingComplete', done));
    await this.session.send('Tracing.end');
    await complete;
    this.session.off('Tracing.dataCollected', take);
    return events;
  }
}

/** Milliseconds of the main thread's tasks from the click's until the one that hands the next picture over. */
function workOf(events: Traced[]): number {
  const click = events.find(({ name, args }) => name === 'EventDispatch' && args.data?.type === 'click');
  if (!click) return NaN;
  const mine = events.filter(({ pid, tid }) => pid === click.pid && tid === click.tid);
  const picture = Math.min(...mine.filter(({ name, ts }) => name === 'Commit' && ts > click.ts).map(({ ts }) => ts));
  const tasks = mine.filter(({ name, ph, ts, dur = 0 }) => name === 'RunTask' && ph === 'X' && ts + dur >= click.ts && ts <= picture);
  return tasks.reduce((sum, { tdur = 0 }) => sum + tdur, 0) / 1_000;
}
