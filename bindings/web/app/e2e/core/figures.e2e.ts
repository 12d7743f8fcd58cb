// What the core takes in a browser, for the table in tests/README.md. No limit is asserted: the machine is shared. The
// yardstick of the run is a round trip to the worker that does nothing.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { files, Phone, PIN, Stage, UNIT } from './stage.ts';

/** `FIGURES=2000`: visits on the phone; fewer in an ordinary run. */
const VISITS = Number(process.env.FIGURES ?? 50);
let stage: Stage;
beforeAll(async () => {
  stage = await Stage.build();
});
afterAll(() => stage?.close());

it('measures opening, saving, listing and searching', { timeout: 600_000 }, async () => {
  const phone = await Phone.start(stage.profile('figures'), stage.base);
  await phone.core.evaluate((core, pin) => core.create(pin), PIN);
  await phone.core.evaluate((core, link) => core.enrol(link), stage.link('CB-figures'));
  const took = await phone.core.evaluate(
    async (core, [visits, unit, pin]) => {
      const figures: Record<string, number[]> = {};
      const time = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
        const start = performance.now();
        const result = await work();
        (figures[name] ??= []).push(performance.now() - start);
        return result;
      };
      let id = '';
      for (let n = 0; n < visits; n++) {
        const edits = [
          { field: 'unit', value: unit },
          { field: 'place.name', value: `Thôn ${n % 40}` },
          { field: 'planned_on', value: `2026-${String(1 + (n % 11)).padStart(2, '0')}-${String(1 + (n % 28)).padStart(2, '0')}` },
          { field: 'counts.residents', value: n % 60 },
          { field: 'note', value: `Bà con nêu ${n} việc: cống nghẹt, đèn đường hỏng, nước sạch yếu vào giờ cao điểm.` },
        ];
        ({ id } = await time('save', () => core.createRecord('visit', null, edits)));
      }
      for (let n = 0; n < 20; n++) {
        await time('nothing', () => core.check('venue', '', false));
        await time('draft', () => core.saveDraft('visit', id, [{ field: 'note', value: `${n}` }]));
        await time('show', () => core.show(id));
        await time('list of 50', () => core.visits({}, 50));
        await time('list of 500', () => core.visits({}, 500));
        await time('search', () => core.visits({ query: 'cong nghet' }, 50));
        await time('standing', () => core.standing());
      }
      for (let n = 0; n < 5; n++) {
        await core.lock();
        await time('unlock, the PIN in it', () => core.unlock(pin));
      }
      return figures;
    },
    [VISITS, UNIT, PIN] as const,
  );
  for (const [name, times] of Object.entries(took)) {
    times.sort((a, b) => a - b);
    const at = (share: number) => `${(times[Math.floor((times.length - 1) * share)] ?? NaN).toFixed(1)} ms`;
    console.log(`${name.padEnd(24)} median ${at(0.5).padStart(10)}   95 % ${at(0.95).padStart(10)}`);
  }
  expect(took.save).toHaveLength(VISITS);
  await phone.close();
  const pool = [...files(stage.profile('figures'))].filter(({ path }) => path.includes('File System'));
  console.log(`${VISITS} visits take ${Math.round(pool.reduce((sum, { bytes }) => sum + bytes.length, 0) / 1024)} KB in the browser's storage`);
});
