// What all pages share: area, period and judgement day, read from the address.
import { civilOf } from '../domain/format.ts';
import { type Period, isDay, periodAt, readPeriod } from '../domain/period.ts';
import { areas, unit, unitName } from '../domain/units.ts';
import { t } from '../i18n/index.svelte.ts';
import { route } from '../router.svelte.ts';

class Context {
  /** Today's civil date in UTC+7. */
  today = $state(civilOf(Date.now()));
  /** Id of an area or code of a unit; null: everything the account sees. */
  area = $derived(route.query.get('area'));
  period = $derived<Period>(readPeriod(route.query.get('period')) ?? periodAt('admin', 'quarter', this.today));
  /** The judgement day of the address; null: today. */
  asOfAsked = $derived.by(() => {
    const asked = route.query.get('as_of');
    return asked && isDay(asked) ? asked : null;
  });
  asOf = $derived(this.asOfAsked ?? this.today);

  constructor() {
    // The page may stay open over midnight.
    setInterval(() => (this.today = civilOf(Date.now())), 60_000);
  }
}

export const context = new Context();

/** The name of an area or unit; null: all that the account sees. */
export function areaName(area: string | null): string {
  if (!area) return t('area.all');
  const found = areas.find((known) => known.id === area);
  return found ? found.name : unit(area) ? unitName(area) : area;
}

/** The name of a period: "Quý IV/2026 (15/09 – 14/12)". */
export function periodName(period: Period): string {
  if (period.kind === 'sunday') return t('period.sunday_name', { day: dotted(period.to) });
  if (period.kind === 'days') return t('period.days_name', { from: dotted(period.from), to: dotted(period.to) });
  const { step = 'month', year = 0, number = 1 } = period;
  const roman = ['I', 'II', 'III', 'IV'][number - 1] ?? '';
  return t(`period.${step}_name`, { number: step === 'quarter' ? roman : number, year });
}

/** The name of a period with its first and last day, unless these are its name. */
export const periodSpan = (period: Period): string =>
  period.kind === 'days' ? periodName(period) : `${periodName(period)} (${dotted(period.from)} – ${dotted(period.to)})`;

function dotted(day: string): string {
  return day.split('-').reverse().join('/');
}
