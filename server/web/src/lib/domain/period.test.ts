import { describe, expect, it } from 'vitest';
import { comparison, daysPeriod, isDay, months, periodAt, readPeriod, shift, sundayOf, sundayPeriod, weeks } from './period.ts';

describe('administrative periods end on the 14th', () => {
  it.each([
    ['month', '2026-11-14', '2026-10-15', '2026-11-14', 'admin-month:2026-11'],
    ['month', '2026-11-15', '2026-11-15', '2026-12-14', 'admin-month:2026-12'],
    ['month', '2026-12-20', '2026-12-15', '2027-01-14', 'admin-month:2027-01'],
    ['quarter', '2026-11-21', '2026-09-15', '2026-12-14', 'admin-quarter:2026-4'],
    ['quarter', '2026-12-15', '2026-12-15', '2027-03-14', 'admin-quarter:2027-1'],
    ['half', '2026-03-01', '2025-12-15', '2026-06-14', 'admin-half:2026'],
    ['nine', '2026-03-01', '2025-12-15', '2026-09-14', 'admin-nine:2026'],
    ['year', '2026-03-01', '2025-12-15', '2026-12-14', 'admin-year:2026'],
  ] as const)('%s at %s', (step, day, from, to, text) => {
    const period = periodAt('admin', step, day);
    expect([period.from, period.to, period.text]).toEqual([from, to, text]);
    expect(readPeriod(text)).toEqual(period);
  });
});

it('calendar periods have whole months, February too', () => {
  expect(periodAt('calendar', 'month', '2028-02-10')).toMatchObject({ from: '2028-02-01', to: '2028-02-29' });
  expect(periodAt('calendar', 'quarter', '2026-11-21')).toMatchObject({ from: '2026-10-01', to: '2026-12-31', text: 'quarter:2026-4' });
});

it('a Sunday stands for the week, Monday to Sunday', () => {
  expect(sundayOf('2026-11-22')).toBe('2026-11-22');
  expect(sundayOf('2026-11-23')).toBe('2026-11-29');
  expect(sundayPeriod('2026-11-18')).toMatchObject({ from: '2026-11-16', to: '2026-11-22', text: 'sunday:2026-11-22' });
});

it('what is no period is none', () => {
  for (const text of [null, '', 'x', 'month:2026', 'month:2026-13', 'month:2026-00', 'quarter:2026-5', 'days:2026-02-30..2026-03-01', 'days:2026-03-02..2026-03-01', 'sunday:2026-13-01'])
    expect(text === 'month:2026' ? readPeriod(text)?.text : readPeriod(text)).toBe(text === 'month:2026' ? 'month:2026-01' : null);
  expect(isDay('2026-02-29')).toBe(false);
});

it('shifting goes there and back', () => {
  for (const text of ['admin-month:2026-01', 'admin-quarter:2026-1', 'admin-half:2026', 'year:2026', 'sunday:2026-11-22', 'days:2026-08-01..2026-11-30']) {
    const period = readPeriod(text);
    if (!period) throw new Error(text);
    expect(shift(shift(period, -1), 1)).toEqual(period);
  }
  expect(shift(periodAt('admin', 'month', '2026-01-01'), -1).text).toBe('admin-month:2025-12');
});

describe('a period is compared with as many days of the one before', () => {
  it('a whole one with a whole one', () => {
    expect(comparison(daysPeriod('2026-09-01', '2026-09-30'), '2026-11-21')).toEqual({ from: '2026-08-02', to: '2026-08-31', asOf: '2026-08-31', cut: false });
  });
  it('half of one with half of one', () => {
    expect(comparison(periodAt('calendar', 'month', '2026-11-10'), '2026-11-10')).toEqual({ from: '2026-10-01', to: '2026-10-10', asOf: '2026-10-10', cut: true });
  });
  it('never with more than the one before has', () => {
    expect(comparison(periodAt('calendar', 'month', '2026-03-30'), '2026-03-30')).toMatchObject({ to: '2026-02-28' });
  });
});

it('weeks and months are cut to the span and bounded', () => {
  expect(weeks('2026-11-18', '2026-11-24')).toEqual([
    { monday: '2026-11-16', from: '2026-11-18', to: '2026-11-22' },
    { monday: '2026-11-23', from: '2026-11-23', to: '2026-11-24' },
  ]);
  expect(weeks('2020-01-01', '2026-01-01', 53)).toHaveLength(53);
  expect(months('2026-10-15', '2026-12-14').map(({ month, from, to }) => [month, from, to])).toEqual([
    ['2026-10', '2026-10-15', '2026-10-31'],
    ['2026-11', '2026-11-01', '2026-11-30'],
    ['2026-12', '2026-12-01', '2026-12-14'],
  ]);
});
