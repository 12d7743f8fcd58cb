// Periods: administrative (cut-off on the 14th, Decree 09/2019 article 12), calendar, a Sunday's week, or two free days.
// A period is written into the address as text: `admin-quarter:2026-4`, `month:2026-11`, `sunday:2026-11-22`,
// `days:2026-08-01..2026-11-21`. All days are civil dates in UTC+7.

export type Step = 'month' | 'quarter' | 'half' | 'nine' | 'year';
export interface Period {
  /** As written in the address. */
  text: string;
  kind: 'admin' | 'calendar' | 'sunday' | 'days';
  step?: Step;
  year?: number;
  /** Month 1–12 or quarter 1–4, for those two steps. */
  number?: number;
  /** First and last day. */
  from: string;
  to: string;
}

const pad = (value: number): string => String(value).padStart(2, '0');

/** A civil date from numbers that may run over: month 13 is January of the next year. */
export function civil(year: number, month: number, day: number): string {
  return new Date(Date.UTC(year, month - 1, day)).toISOString().slice(0, 10);
}

/** The day so many days later. */
export function addDays(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}

/** Days from one civil date to another. */
export function daysBetween(from: string, to: string): number {
  return Math.round((Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / 86_400_000);
}

/** The Sunday of the week, Monday to Sunday, in which a day lies. */
export function sundayOf(day: string): string {
  const weekday = new Date(`${day}T00:00:00Z`).getUTCDay(); // 0: Sunday
  return addDays(day, (7 - weekday) % 7);
}

/** True for a day that is on the calendar. */
export function isDay(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && civil(...(text.split('-').map(Number) as [number, number, number])) === text;
}

const MONTHS: Record<Step, number> = { month: 1, quarter: 3, half: 6, nine: 9, year: 12 };

function of(kind: 'admin' | 'calendar', step: Step, year: number, number = 1): Period {
  const first = step === 'month' ? number : step === 'quarter' ? (number - 1) * 3 + 1 : 1;
  const last = first + MONTHS[step] - 1;
  const [from, to] =
    kind === 'admin'
      ? [civil(year, first - 1, 15), civil(year, last, 14)]
      : [civil(year, first, 1), civil(year, last + 1, 0)];
  const name = `${kind === 'admin' ? 'admin-' : ''}${step}`;
  const counted = step === 'month' || step === 'quarter';
  const place = step === 'month' ? pad(number) : String(number);
  return { text: counted ? `${name}:${year}-${place}` : `${name}:${year}`, kind, step, year, ...(counted ? { number } : {}), from, to };
}

/** The administrative or calendar period of a step in which a day lies. */
export function periodAt(kind: 'admin' | 'calendar', step: Step, day: string): Period {
  let [year, month] = day.split('-').map(Number) as [number, number];
  if (kind === 'admin' && Number(day.slice(8)) >= 15) month += 1;
  if (month > 12) [year, month] = [year + 1, 1];
  return of(kind, step, year, step === 'month' ? month : Math.ceil(month / 3));
}

/** The week that ends with the Sunday on or after a day. */
export function sundayPeriod(day: string): Period {
  const sunday = sundayOf(day);
  return { text: `sunday:${sunday}`, kind: 'sunday', from: addDays(sunday, -6), to: sunday };
}

/** Two free days. */
export function daysPeriod(from: string, to: string): Period {
  return { text: `days:${from}..${to}`, kind: 'days', from, to };
}

/** Reads a period out of the address; null if it is none. */
export function readPeriod(text: string | null): Period | null {
  if (!text) return null;
  const days = /^days:(\d{4}-\d{2}-\d{2})\.\.(\d{4}-\d{2}-\d{2})$/.exec(text);
  if (days) {
    const [from, to] = [days[1] ?? '', days[2] ?? ''];
    return isDay(from) && isDay(to) && from <= to ? daysPeriod(from, to) : null;
  }
  const sunday = /^sunday:(\d{4}-\d{2}-\d{2})$/.exec(text)?.[1];
  if (sunday) return isDay(sunday) ? sundayPeriod(sunday) : null;
  const found = /^(admin-)?(month|quarter|half|nine|year):(\d{4})(?:-(\d{1,2}))?$/.exec(text);
  if (!found) return null;
  const step = found[2] as Step;
  const number = found[4] ? Number(found[4]) : 1;
  const most = step === 'month' ? 12 : step === 'quarter' ? 4 : 1;
  if (number < 1 || number > most) return null;
  return of(found[1] ? 'admin' : 'calendar', step, Number(found[3]), number);
}

/** The period of the same form before (`by` = -1) or after (`by` = 1). */
export function shift(period: Period, by: number): Period {
  if (period.kind === 'sunday') return sundayPeriod(addDays(period.to, 7 * by));
  if (period.kind === 'days') {
    const length = daysBetween(period.from, period.to) + 1;
    return daysPeriod(addDays(period.from, length * by), addDays(period.to, length * by));
  }
  const { kind, step = 'month', year = 0, number = 1 } = period;
  const counted = step === 'month' ? 12 : step === 'quarter' ? 4 : 1;
  const place = year * counted + (number - 1) + by;
  return of(kind, step, Math.floor(place / counted), (((place % counted) + counted) % counted) + 1);
}

/** What to compare a period with: the one before, cut to as many days as have passed by `asOf`, so that half a month is
 * not compared with a whole one. */
export function comparison(period: Period, asOf: string): { from: string; to: string; asOf: string; cut: boolean } {
  const before = shift(period, -1);
  if (asOf >= period.to) return { from: before.from, to: before.to, asOf: before.to, cut: false };
  const passed = Math.max(0, daysBetween(period.from, asOf));
  const to = addDays(before.from, passed);
  const last = to < before.to ? to : before.to;
  return { from: before.from, to: last, asOf: last, cut: last !== before.to };
}

/** The weeks, Monday to Sunday, that a span touches; the first and last cut to it. At most `most`, the latest. */
export function weeks(from: string, to: string, most = 60): { monday: string; from: string; to: string }[] {
  const found = [];
  for (let monday = addDays(sundayOf(from), -6); monday <= to; monday = addDays(monday, 7)) {
    const sunday = addDays(monday, 6);
    found.push({ monday, from: monday < from ? from : monday, to: sunday > to ? to : sunday });
  }
  return found.slice(-most);
}

/** The calendar months that a span touches, cut to it; at most `most`, the latest. */
export function months(from: string, to: string, most = 12): { month: string; from: string; to: string }[] {
  const found = [];
  let [year, month] = from.split('-').map(Number) as [number, number];
  for (; civil(year, month, 1) <= to; month += 1) {
    const [first, last] = [civil(year, month, 1), civil(year, month + 1, 0)];
    found.push({ month: first.slice(0, 7), from: first < from ? from : first, to: last > to ? to : last });
  }
  return found.slice(-most);
}
