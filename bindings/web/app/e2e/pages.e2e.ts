// Every page, on two sizes of phone, light and dark, with the largest text: sound, and a picture to look at.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LARGE, Phone } from './phone.ts';

const SECTIONS = ['place', 'team', 'activities', 'counts', 'note', 'cards', 'photos', 'position', 'bright', 'supervision'];

describe.each([
  { name: 'small', size: { width: 360, height: 740 }, theme: 'light' as const, official: 'CB-501', largest: false },
  { name: 'large', size: LARGE, theme: 'dark' as const, official: 'CB-502', largest: true },
])('on a $name phone, $theme', ({ name, size, theme, official, largest }) => {
  let phone: Phone;
  let visit = '';
  beforeAll(async () => {
    phone = await Phone.make({ size, theme });
    await phone.page.goto('/field');
    await phone.settled('Gần Dân');
    await phone.sound();
    await phone.shoot(`${name}-welcome`);
    await phone.enrol(official);
    if (largest) await phone.page.evaluate(() => localStorage.setItem('gandan.textSize', '"largest"'));
  });
  afterAll(() => phone.end());

  /** Inside the app, as a tap goes: a load would ask for the PIN. */
  async function go(path: string): Promise<void> {
    await phone.page.evaluate((to) => {
      const link = document.createElement('a');
      link.href = to;
      document.body.append(link);
      link.click();
      link.remove();
    }, path);
    await phone.page.waitForFunction((to) => location.pathname === to && document.querySelector('h1') !== null && !document.querySelector('[aria-busy=true]'), path);
  }

  async function look(path: string, picture: string): Promise<void> {
    await go(path);
    await phone.sound();
    const wider = await phone.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(wider, `${path} scrolls sideways`).toBe(0);
    await phone.shoot(`${name}-${picture}`);
  }

  it('unlocks', async () => {
    await phone.page.reload();
    await phone.settled('Mở khóa');
    await phone.sound();
    await phone.shoot(`${name}-unlock`);
    await phone.unlock();
  });

  const PAGES = [['/field', 'home'], ['/field/visits', 'visits'], ['/field/issues', 'issues'], ['/field/more', 'more'], ['/field/sync', 'sync'], ['/field/review', 'review'], ['/field/join', 'join'], ['/field/visits/new', 'new']] as const;
  const partsOf = (visit: string): (readonly [string, string])[] => [
    ...SECTIONS.map((section) => [`/field/visits/${visit}/${section}`, section] as const),
    [`/field/visits/${visit}`, 'visit'],
    [`/field/visits/${visit}/readback`, 'readback'],
    [`/field/visits/${visit}/pair`, 'pair'],
    [`/field/issues/new/${visit}`, 'issue-new'],
  ];

  it('shows the first page, the lists and the rest', async () => {
    for (const [path, picture] of PAGES) await look(path, picture);
  });

  it('shows the sheet of a visit and each of its parts', async () => {
    await go('/field');
    await phone.tap('Ghi cuộc làm việc mới');
    await phone.tap('Bắt đầu ghi');
    await phone.settled('Nơi và thời gian');
    visit = new URL(phone.page.url()).pathname.split('/')[3] ?? '';
    for (const [path, picture] of partsOf(visit)) await look(path, picture);
  });

  it('says all of it in English', async () => {
    await go('/field/more');
    await phone.page.getByText('English', { exact: true }).click();
    await phone.settled('More');
    for (const [path, picture] of [...PAGES, ...partsOf(visit)]) {
      await look(path, `english-${picture}`);
      // A key without words would show as itself.
      expect(await phone.page.locator('body').innerText(), path).not.toMatch(/\b[a-z]+\.[a-z]+_[a-z_]+\b/);
    }
  });
});
