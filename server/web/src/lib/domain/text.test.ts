import { expect, it } from 'vitest';
import { byName, contains, fold } from './text.ts';
import { areas, findUnits, units, unitsOf } from './units.ts';

it.each([
  ['Thủy', 'Thuỷ'],
  ['Đắk', 'dak'],
  ['Đăk', 'Đắk'],
  ['Phú Quý', 'phu qui'],
  ["B'Lao", 'B’Lao'],
  ['Mỹ', 'Mĩ'],
  ['XUÂN HƯƠNG - Đà Lạt', 'xuan huong da lat'],
])('%s is found as %s', (a, b) => expect(fold(a)).toBe(fold(b)));

it('y stays a letter of its own after a vowel', () => {
  expect(fold('Thúy')).not.toBe(fold('Thúi'));
  expect(fold('Tây')).toBe('tay');
});

it('every word must stand there, in any order', () => {
  expect(contains('Nước sạch thôn Đạ Nghịt', 'da nghit nuoc')).toBe(true);
  expect(contains('Nước sạch', 'nước bẩn')).toBe(false);
});

it('names sort by the Vietnamese alphabet', () => {
  expect(['Đà Lạt', 'Dran', 'Ân', 'An', 'Ăn', 'Tổ 10', 'Tổ 9'].sort(byName)).toEqual(['An', 'Ăn', 'Ân', 'Dran', 'Đà Lạt', 'Tổ 9', 'Tổ 10']);
});

it('units are found by their old names', () => {
  expect(units).toHaveLength(124);
  expect(findUnits('di linh').length).toBeGreaterThan(0);
  expect(findUnits('phu thuy').map((unit) => unit.name)).toContain('Phường Phú Thủy');
});

it('areas have the ids that the server gives them', () => {
  const ids = areas.map((area) => area.id);
  for (const id of ['former-lam-dong', 'former-binh-thuan', 'former-dak-nong', 'former-district-huyen-phu-qui', 'former-district-thi-xa-la-gi']) expect(ids).toContain(id);
  expect(unitsOf('former-lam-dong')?.size).toBe(51);
  expect(unitsOf('24781')).toEqual(new Set(['24781']));
  expect(unitsOf(null)).toBeNull();
});
