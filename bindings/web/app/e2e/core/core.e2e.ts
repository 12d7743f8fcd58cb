import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SyncReport } from '../../src/lib/core/contract.ts';
import { files, load, Phone, PIN, refusal, Stage, UNIT } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.build();
});
afterAll(() => stage?.close());

const place = (name: string) => [
  { field: 'unit', value: UNIT },
  { field: 'place.name', value: name },
];

/** A phone that is enrolled and open. */
async function enrolled(name: string): Promise<Phone> {
  const phone = await Phone.start(stage.profile(name), stage.base);
  await phone.core.evaluate((core, pin) => core.create(pin), PIN);
  await phone.core.evaluate((core, link) => core.enrol(link), stage.link(`CB-${name}`));
  return phone;
}

/** Exchanges everything; the report, and the round trips as they were told. */
const sync = (phone: Phone, metered = false): Promise<{ report: SyncReport; steps: number[] }> =>
  phone.core.evaluate(async (core, metered) => {
    const steps: number[] = [];
    const report = await core.sync({ metered, signal: new AbortController().signal, progress: ({ round_trips }) => steps.push(round_trips) });
    return { report, steps };
  }, metered);

const names = (phone: Phone): Promise<(string | null)[]> =>
  phone.core.evaluate(async (core) => (await core.visits({}, 500)).items.map((row) => row.place_name));

describe('the door', () => {
  it('opens with the PIN alone, and what was saved is there after a reload', async () => {
    const phone = await Phone.start(stage.profile('door'), stage.base);
    expect(await phone.core.evaluate((core) => core.door())).toBe('new');
    for (const weak of ['000000', '123456', '654321', '121212', '12345', 'abcdef']) {
      expect((await refusal(phone.core, 'create', weak))?.code, weak).toBe('weak_pin');
    }
    await phone.core.evaluate((core, pin) => core.create(pin), PIN);
    await phone.core.evaluate((core, link) => core.enrol(link), stage.link('CB-door'));
    const saved = await phone.core.evaluate((core, edits) => core.createRecord('visit', null, edits), place('Thôn Một'));
    expect(saved).toMatchObject({ unit: UNIT, changed: true });

    const second = await phone.page.context().newPage();
    expect((await refusal(await load(second, stage.base), 'door'))?.code).toBe('taken');
    await second.close();

    const again = await load(phone.page, stage.base);
    expect(await again.evaluate((core) => core.door())).toBe('locked');
    expect((await refusal(again, 'standing'))?.code).toBe('locked');
    for (let tries = 1; tries <= 5; tries++) {
      const { code, more } = (await refusal(again, 'unlock', '593026')) ?? { code: '', more: {} };
      expect(code).toBe('wrong_pin');
      expect(Number(more.wait_ms) > 0, `after ${tries} wrong PINs`).toBe(tries === 5);
    }
    // Even the right one has to wait now, and the clock is the only way.
    expect((await refusal(again, 'unlock', PIN))?.code).toBe('wrong_pin');
    await phone.close();
  });

  it('waits for a page that is just being loaded again', async () => {
    const phone = await enrolled('again');
    const next = await load(await phone.page.context().newPage(), stage.base);
    const door = next.evaluate((core) => core.door());
    await phone.page.reload();
    expect(await door).toBe('locked');
    await phone.close();
  });

  it('takes another PIN, and then no longer the first', async () => {
    const phone = await enrolled('pin');
    expect((await refusal(phone.core, 'changePin', '593026', '771204'))?.code).toBe('wrong_pin');
    await phone.core.evaluate((core, pin) => core.changePin(pin, '771204'), PIN);
    await phone.core.evaluate((core) => core.lock());
    expect((await refusal(phone.core, 'unlock', PIN))?.code).toBe('wrong_pin');
    await phone.core.evaluate((core) => core.unlock('771204'));
    expect(await phone.core.evaluate(async (core) => (await core.standing()).device?.official)).toBe('CB-pin');
    await phone.core.evaluate((core) => core.erase());
    expect(await phone.core.evaluate((core) => core.door())).toBe('new');
    await phone.close();
  });
});

describe('the storage', () => {
  it('keeps everything that was acknowledged when the browser is killed in the middle of saving', async () => {
    let phone = await enrolled('killed');
    const acknowledged: string[] = [];
    for (let round = 0; round < 3; round++) {
      await phone.page.exposeFunction('acknowledge', (name: string) => void acknowledged.push(name));
      const before = acknowledged.length;
      // Saves without end; the browser is killed while one is under way.
      void phone.core
        .evaluate(
          async (core, [unit, round]) => {
            for (let n = 0; ; n++) {
              const name = `${round}-${n}`;
              await core.createRecord('visit', null, [
                { field: 'unit', value: unit },
                { field: 'place.name', value: name },
                { field: 'note', value: 'x'.repeat(2000) },
              ]);
              (globalThis as unknown as { acknowledge: (name: string) => void }).acknowledge(name);
            }
          },
          [UNIT, round] as const,
        )
        .catch(() => undefined);
      await expect.poll(() => acknowledged.length, { timeout: 60_000, interval: 5 }).toBeGreaterThan(before + 10);
      await phone.kill();
      phone = await Phone.start(stage.profile('killed'), stage.base);
      await phone.core.evaluate((core, pin) => core.unlock(pin), PIN);
      const found = new Set(await names(phone));
      expect(acknowledged.filter((name) => !found.has(name))).toEqual([]);
      // At most the one that was being saved is there without its word having got through.
      expect(found.size - acknowledged.length).toBeLessThanOrEqual(round + 1);
    }
    await phone.close();
  });

  it('holds no word of what was written in the clear', async () => {
    const phone = await enrolled('secret');
    const marker = `Bà Tám ${randomUUID()}`;
    await phone.core.evaluate((core, edits) => core.createRecord('visit', null, edits), [...place(marker), { field: 'note', value: marker }]);
    await phone.core.evaluate((core, edits) => core.saveDraft('visit', null, edits), place(marker));
    // The same in a plain file of the same storage, to know that the search below finds what is there.
    await phone.page.evaluate(async (text) => {
      const file = await (await navigator.storage.getDirectory()).getFileHandle('plain.txt', { create: true });
      const stream = await file.createWritable();
      await stream.write(text);
      await stream.close();
    }, marker);
    await phone.close();
    const all = [...files(stage.profile('secret'))];
    const holding = all.filter(({ bytes }) => bytes.includes(marker) || bytes.includes(Buffer.from(marker, 'utf16le')));
    expect(holding.map(({ bytes }) => bytes.length)).toEqual([Buffer.byteLength(marker)]);
    // And no file of the pool begins as a database in the clear does.
    const pool = all.filter(({ path }) => path.includes('File System'));
    expect(pool.filter(({ bytes }) => bytes.length > 4096).length).toBeGreaterThan(1);
    expect(pool.some(({ bytes }) => bytes.includes('SQLite format 3'))).toBe(false);
  });

  it('is repaired when pages of it were overwritten, and loses nothing that can be read', async () => {
    const phone = await enrolled('damaged');
    await phone.core.evaluate(
      async (core, unit) => {
        for (let n = 0; n < 60; n++) {
          await core.createRecord('visit', null, [
            { field: 'unit', value: unit },
            { field: 'place.name', value: `Thôn ${n}` },
            { field: 'note', value: `${n} `.repeat(700) },
          ]);
        }
        await core.lock();
      },
      UNIT,
    );
    await phone.close();
    const largest = [...files(stage.profile('damaged'))]
      .filter(({ path }) => path.includes('File System'))
      .sort((a, b) => b.bytes.length - a.bytes.length)[0];
    if (!largest) throw new Error('the pool has no file');
    const middle = Math.floor(largest.bytes.length / 2 / 4096) * 4096;
    writeFileSync(largest.path, largest.bytes.fill(7, middle, middle + 4096));

    let again = await Phone.start(stage.profile('damaged'), stage.base);
    await again.core.evaluate((core, pin) => core.unlock(pin), PIN);
    // What is damaged shows when it is read; then the next opening looks closely.
    await again.core.evaluate(async (core) => {
      const { items } = await core.visits({}, 500);
      for (const { id } of items) await core.show(id).catch(() => undefined);
      await core.saveDraft('visit', null, []).catch(() => undefined);
    });
    await again.close();
    again = await Phone.start(stage.profile('damaged'), stage.base);
    await again.core.evaluate((core, pin) => core.unlock(pin), PIN);
    const found = await names(again);
    expect(found.length).toBeGreaterThanOrEqual(50);
    const standing = await again.core.evaluate((core) => core.standing());
    expect(standing.device?.official).toBe('CB-damaged');
    await again.core.evaluate((core, edits) => core.createRecord('visit', null, edits), place('Sau khi sửa'));
    await again.close();
  });
});

describe('the exchange', () => {
  it('brings two phones together on one visit', async () => {
    const [one, two] = [await enrolled('one'), await enrolled('two')];
    const id = await one.core.evaluate((core) => core.newId());
    for (const [phone, name] of [[one, 'Thôn 1'], [two, 'Thôn Một']] as const) {
      await phone.core.evaluate((core, [id, edits]) => core.createRecord('visit', id, edits), [id, place(name)] as const);
    }
    const first = await sync(one);
    expect(first.report.pushed).toBe(1);
    expect(first.steps.at(-1)).toBeGreaterThan(0);
    await sync(two);
    await sync(one);
    const shown = async (phone: Phone) =>
      phone.core.evaluate(async (core, id) => {
        const visit = await core.show(id);
        return visit.record === 'visit' ? { name: visit.place.name, review: visit.review.map(({ field, basis }) => ({ field, basis })) } : null;
      }, id);
    const [here, there] = [await shown(one), await shown(two)];
    expect(here).toEqual(there);
    expect(here?.review).toMatchObject([{ field: 'place.name' }]);
    const basis = here?.review[0]?.basis ?? '';
    expect((await refusal(two.core, 'resolve', id, 'place.name', '0000000000000000', 'x'))?.code).toBe('stale');
    await two.core.evaluate((core, [id, basis]) => core.resolve(id, 'place.name', basis, 'Thôn 1'), [id, basis] as const);
    await sync(two);
    await sync(one);
    expect(await shown(one)).toEqual({ name: 'Thôn 1', review: [] });
    expect((await one.core.evaluate((core) => core.standing())).saved_changes).toBe(0);
    await Promise.all([one.close(), two.close()]);
  });

  it('carries a picture to the other phone', async () => {
    const [one, two] = [await enrolled('taker'), await enrolled('viewer')];
    const { id } = await one.core.evaluate((core, edits) => core.createRecord('visit', null, edits), place('Thôn Ba'));
    const photoId = await one.core.evaluate(async (core, id) => {
      const picture = async (side: number): Promise<ArrayBuffer> => {
        const canvas = Object.assign(document.createElement('canvas'), { width: side, height: side });
        const pen = canvas.getContext('2d');
        for (let n = 0; pen && n < side; n++) {
          pen.fillStyle = `hsl(${n * 7} 60% 50%)`;
          pen.fillRect(n, (n * 13) % side, side / 4, side / 4);
        }
        const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/jpeg', 0.8));
        if (!blob) throw new Error('no JPEG');
        return blob.arrayBuffer();
      };
      const photo = { bytes: await picture(1200), thumbnail: await picture(160), people_visible: 'none', caption: 'Cầu treo', taken_at: new Date().toISOString() } as const;
      return (await core.attach(id, photo)).photo_id;
    }, id);
    expect(await one.core.evaluate((core) => core.standing())).toMatchObject({ unsent_photos: 1 });
    // Over a network that costs money the thumbnail alone goes.
    expect((await sync(one, true)).report).toMatchObject({ photos_sent: 1 });
    expect((await sync(one)).report).toMatchObject({ photos_sent: 1, photos_to_send: 1 });
    expect(await one.core.evaluate((core) => core.standing())).toMatchObject({ unsent_photos: 0, unsent_bytes: 0 });
    await sync(two);
    const sizes = await two.core.evaluate(
      async (core, [id, photoId]) => Promise.all((['thumbnail', 'original'] as const).map(async (size) => (await core.photo(id, photoId, size))?.size ?? null)),
      [id, photoId] as const,
    );
    expect(sizes).toEqual([expect.any(Number), null]);
    await Promise.all([one.close(), two.close()]);
  });

  it('can be given up, says so when there is no way to the server, and refuses links of others', async () => {
    const phone = await enrolled('offline');
    await phone.core.evaluate((core, edits) => core.createRecord('visit', null, edits), place('Thôn Hai'));
    const given = await phone.core.evaluate(async (core) => {
      const controller = new AbortController();
      controller.abort();
      return core.sync({ metered: false, signal: controller.signal, progress: () => undefined }).catch((error: { code: string }) => error.code);
    });
    expect(given).toBe('cancelled');
    await phone.page.context().setOffline(true);
    const offline = await phone.core.evaluate((core) => core.sync({ metered: false, signal: new AbortController().signal, progress: () => undefined }).catch((error: { code: string; more: { report: unknown } }) => [error.code, error.more.report !== undefined]));
    expect(offline).toEqual(['offline', true]);
    await phone.page.context().setOffline(false);
    expect((await refusal(phone.core, 'enrol', 'https://elsewhere.example/enrol#CODE'))?.code).toBe('other_server');
    const lines = await phone.core.evaluate(async (core) => (await (await core.exportUnsent()).text()).trim().split('\n'));
    // The device, the change, and the envelope in which it waits.
    expect(lines).toHaveLength(3);
    await phone.close();
  });
});
