// A Sunday: a phone is enrolled, goes where there is no network, is reloaded and loses its battery, and comes back.
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { launch, open } from '../../../../server/web/e2e/browser.ts';
import { operate } from '../../../../server/web/e2e/stage.ts';
import { Phone, beginVisit, countResidents, handIn, photograph, section, staff } from './phone.ts';
import { MAKER, photo } from './picture.ts';

interface Items<T> {
  items: T[];
}
interface VisitRow {
  id: string;
  place_name: string;
  status: string;
  residents: number | null;
}

let phone: Phone;
beforeAll(async () => {
  phone = await Phone.make();
  await phone.enrol('CB-101');
});
afterAll(() => phone.end());

const VILLAGES = ['Thôn Một', 'Thôn Hai', 'Thôn Ba'];
const ids: string[] = [];

/** A member of the office, for the first time: pictures are shown to who has signed in. */
async function signIn(page: Page): Promise<void> {
  const first = String(operate('account', inject('field').data, ['add', '--login', 'van-phong', '--name', 'Văn phòng tỉnh', '--role', 'province_staff', '--province']).password);
  const next = 'suối Cam Ly chảy qua phố núi';
  await page.getByLabel('Tên đăng nhập').fill('van-phong');
  await page.getByLabel('Mật khẩu', { exact: true }).fill(first);
  await page.getByRole('button', { name: 'Đăng nhập', exact: true }).click();
  await page.getByLabel('Mật khẩu hiện tại').fill(first);
  await page.locator('input[autocomplete=new-password]').first().fill(next);
  await page.getByLabel('Nhập lại mật khẩu mới').fill(next);
  await page.getByRole('button', { name: 'Đổi mật khẩu' }).click();
}

const captionOf = (village: string): string => `Họp ở ${village}`;

it('records three visits with photographs without a network', async () => {
  await phone.network(false);
  for (const [index, village] of VILLAGES.entries()) {
    ids.push(await beginVisit(phone, village));
    await countResidents(phone, 40 + index);
    await section(phone, 'Ảnh');
    await photograph(phone, await photo(phone.page, index), captionOf(village));
    await phone.tap('Xong');
    if (index === 2) break; // left open
    await handIn(phone);
    await phone.tap('Quay lại');
  }
  const there = await staff<Items<VisitRow>>('visits?unit=24781');
  expect(there.items).toEqual([]);
});

it('records an issue with nothing chosen beforehand, and gives its ticket', async () => {
  await phone.tap('Ghi một việc');
  await phone.settled('Ghi một việc');
  expect(await phone.page.getByRole('radio', { checked: true }).count()).toBe(0);
  await phone.page.getByText('Kiến nghị', { exact: true }).click();
  await phone.page.getByLabel('Lĩnh vực').selectOption('transport');
  await phone.page.getByLabel('Nội dung ngắn gọn').fill('Cầu treo hỏng ván');
  await phone.page.getByLabel('Kể rõ sự việc').fill('Gọi 0912 345 678 để biết thêm.');
  await phone.page.getByText(/Có thể là số điện thoại/).waitFor();
  await phone.page.getByLabel('Kể rõ sự việc').fill('Ván cầu mục từ mùa mưa.');
  await phone.page.getByText('Bức xúc', { exact: true }).click();
  await phone.page.getByText('Cá nhân nêu tên', { exact: true }).click();
  // The words are there before anything is asked, and no name is asked for before the answer.
  await phone.page.getByText(/Việc của ông\/bà được ghi nhận mà không cần nêu tên/).waitFor();
  expect(await phone.page.getByLabel('Họ tên').count()).toBe(0);
  await phone.page.getByRole('region', { name: 'Hỏi sự đồng ý' }).getByText('Đồng ý', { exact: true }).click();
  await phone.page.getByLabel('Họ tên').fill('Người nêu việc');
  await phone.page.getByText('Đã lưu', { exact: true }).waitFor();
  await phone.tap('Lưu, lấy mã phiếu');
  await phone.settled('Mã phiếu');
  expect(await phone.page.locator('.code').textContent()).toMatch(/^24781-/);
  await phone.page.getByRole('img', { name: /^Mã QR tra cứu phiếu/ }).waitFor();
});

it('starts again without a network, and everything is there', async () => {
  await phone.page.goto('/field/visits');
  await phone.unlock('Cuộc làm việc');
  for (const village of VILLAGES.slice(0, 2)) await phone.page.getByRole('link', { name: new RegExp(village) }).waitFor();
  await phone.tap('Hôm nay');
  await phone.page.getByRole('link', { name: /Thôn Ba/ }).waitFor(); // not handed in: unfinished
  await phone.page.getByText(/3 ảnh/).waitFor(); // among what waits to be sent
  await phone.shoot('home');
  await phone.page.getByRole('link', { name: /Thôn Ba/ }).click();
  await section(phone, 'Ảnh');
  await phone.page.getByRole('img', { name: captionOf('Thôn Ba') }).waitFor();
  await phone.tap('Xong');
  await phone.page.getByRole('link', { name: 'Quay lại' }).click();
  await phone.settled(/^Chào/);
});

it('loses nothing that it called saved when it dies in the middle of a save', async () => {
  await phone.page.getByRole('link', { name: /Thôn Ba/ }).first().click();
  await phone.settled(/Thôn Ba/);
  await section(phone, 'Ghi chép');
  const note = phone.page.getByLabel('Ghi chép cuộc làm việc');
  await note.fill('Bà con nghe giải thích.');
  await phone.page.getByText('Đã lưu', { exact: true }).waitFor();
  // More is being typed while the battery goes.
  const typing = note.pressSequentially(' Và còn nữa, còn nữa.', { delay: 5 }).catch(() => undefined);
  await phone.die();
  await typing;
  await phone.start();
  await phone.network(false);
  await phone.page.goto(`/field/visits/${ids[2]}/note`);
  await phone.unlock('Ghi chép');
  expect(await phone.page.getByLabel('Ghi chép cuộc làm việc').inputValue()).toMatch(/^Bà con nghe giải thích\./);
});

it('hands everything over when the network returns, and the office sees it', async () => {
  await phone.tap('Xong');
  await handIn(phone);
  await phone.network(true);
  await phone.tap('Quay lại');
  await phone.synced();
  const { items } = await staff<Items<VisitRow>>('visits?unit=24781');
  expect(items.map(({ id }) => id).sort()).toEqual([...ids].sort());
  expect(items.map(({ status }) => status)).toEqual(['submitted', 'submitted', 'submitted']);
  expect(items.map(({ residents }) => residents).sort()).toEqual([40, 41, 42]);
  const issues = await staff<Items<{ title: string; kind: string; visit_id?: string }>>('issues?unit=24781');
  expect(issues.items.map(({ title }) => title)).toEqual(['Cầu treo hỏng ván']);
  expect(phone.troubles).toEqual([]);
});

it('the photographs are there for the office, small and without what the camera had written into them', async () => {
  const { base, token } = inject('field');
  interface Shown {
    record: { photos: { caption: string; people_visible: string; sha256: string; thumb_sha256: string }[] };
  }
  for (const [index, id] of ids.entries()) {
    const { photos } = (await staff<Shown>(`visits/${id}`)).record;
    expect(photos.map(({ caption, people_visible }) => [caption, people_visible])).toEqual([[captionOf(VILLAGES[index] ?? ''), 'crowd']]);
    for (const name of [photos[0]?.sha256, photos[0]?.thumb_sha256]) {
      const answer = await fetch(`${base}/api/v1/visits/${id}/files/${name}`, { headers: { authorization: `Bearer ${token}` } });
      expect(answer.status).toBe(200);
      const bytes = Buffer.from(await answer.arrayBuffer()).toString('latin1');
      expect(bytes).not.toContain('Exif');
      expect(bytes).not.toContain(MAKER);
    }
  }
  const browser = await launch();
  try {
    const page = await open(browser, base, {});
    await page.goto(`/visits/${ids[0]}`);
    await signIn(page);
    // Drawn, not only named.
    await page.waitForFunction((name) => {
      const image = document.querySelector<HTMLImageElement>(`img[alt="${name}"]`);
      image?.scrollIntoView();
      return image?.complete && image.naturalWidth === 320;
    }, captionOf('Thôn Một'));
    const original = await page.evaluate(async (address) => {
      const bitmap = await createImageBitmap(await (await fetch(address)).blob());
      return [bitmap.width, bitmap.height];
    }, await page.getByRole('link', { name: /Xem ảnh gốc/ }).getAttribute('href').then(String));
    expect(original).toEqual([1_600, 1_200]);
  } finally {
    await browser.close();
  }
});
