// The figures of section 4 of the field's rules as the page shows them: which number, what it means, how it changed.
import type { Share, Summary } from '../api/client.ts';
import { type Key, t } from '../i18n/index.svelte.ts';
import { NONE, count, decimal, percent } from './format.ts';

export interface Tile {
  key: Key;
  /** Name of the definition in the summary. */
  definition: string;
  value: (figures: Summary) => number | null;
  show: (value: number | null) => string;
  /** What stands below: numerator and denominator, n, response rate. */
  under?: (figures: Summary) => string;
  /** Whether more is better (1), worse (-1), or neither (0). */
  good: 1 | -1 | 0;
  rate?: boolean;
  path?: string;
  params?: Record<string, string | boolean>;
}

/** "43/89". */
export const shareText = (share: Share | null | undefined): string => (share ? `${count(share.numerator)}/${count(share.denominator)}` : '–');

export const TILES: Tile[] = [
  {
    key: 'figure.visits_held',
    definition: 'visits.held',
    value: (figures) => figures.visits.held,
    show: count,
    under: (figures) => t('figure.units_reached', { reached: count(figures.visits.units_reached), of: count(figures.visits.unit_coverage.denominator) }),
    good: 1,
    path: '/visits',
  },
  {
    key: 'figure.residents',
    definition: 'visits.residents_met_sum',
    value: (figures) => figures.visits.residents_met_sum,
    show: count,
    under: () => t('figure.attendances'),
    good: 0,
  },
  {
    key: 'figure.issues',
    definition: 'issues.countable',
    value: (figures) => figures.issues.countable,
    show: count,
    under: (figures) => t('figure.per_visit', { value: decimal(figures.issues.per_visit ?? null, 2) }),
    good: 0,
    path: '/issues',
  },
  {
    key: 'figure.overdue',
    definition: 'resolution.overdue_open',
    value: (figures) => figures.resolution.overdue_open,
    show: count,
    under: (figures) => t('figure.over_90', { value: count(figures.resolution.overdue_by_age.days_over_90) }),
    good: -1,
    path: '/issues',
    params: { overdue: true },
  },
  {
    key: 'figure.resolution_rate',
    definition: 'resolution.resolution_rate',
    value: (figures) => figures.resolution.resolution_rate ?? null,
    show: percent,
    under: (figures) => `${count(figures.resolution.settled)}/${count(figures.resolution.resolution_denominator)}`,
    good: 1,
    rate: true,
  },
  {
    key: 'figure.on_time_rate',
    definition: 'resolution.on_time_rate',
    value: (figures) => figures.resolution.on_time_rate ?? null,
    show: percent,
    under: (figures) => `${count(figures.resolution.on_time_numerator)}/${count(figures.resolution.on_time_denominator)}`,
    good: 1,
    rate: true,
  },
  {
    key: 'figure.first_notice',
    definition: 'first_notice',
    value: (figures) => figures.first_notice.rate ?? null,
    show: percent,
    under: (figures) => shareText(figures.first_notice),
    good: 1,
    rate: true,
  },
  {
    key: 'figure.satisfied',
    definition: 'satisfaction.satisfied_rate',
    value: (figures) => figures.satisfaction.satisfied_rate ?? null,
    show: percent,
    under: (figures) =>
      figures.satisfaction.visits_with_cards === 0
        ? t('value.not_collected')
        : t('figure.answered', { n: count(figures.satisfaction.answered), rate: percent(figures.satisfaction.response_rate) }),
    good: 1,
    rate: true,
  },
];

/** The change of a tile: its words and whether it is good news. Null if there is nothing to compare. */
export function change(tile: Tile, now: Summary, before: Summary): { text: string; tone: 'good' | 'bad' | 'plain' } | null {
  const [a, b] = [tile.value(now), tile.value(before)];
  if (a === null || b === null) return null;
  const difference = a - b;
  const size = tile.rate ? `${decimal(Math.abs(difference) * 100)} ${t('figure.points')}` : count(Math.abs(difference));
  const text = Math.abs(difference) < (tile.rate ? 0.0005 : 0.5) ? '=' : difference > 0 ? `+${size}` : `−${size}`;
  const tone = text === '=' || tile.good === 0 ? 'plain' : Math.sign(difference) === tile.good ? 'good' : 'bad';
  return { text, tone };
}

/** The groups of states that charts stack, from what waits to what is done. */
export const STATE_GROUPS: { key: Key; colour: number; states: string[] }[] = [
  { key: 'group.settled', colour: 1, states: ['resolved', 'replied', 'closed'] },
  { key: 'group.in_progress', colour: 3, states: ['in_progress'] },
  { key: 'group.forwarded', colour: 4, states: ['forwarded'] },
  { key: 'group.waiting', colour: 2, states: ['recorded', 'received', 'awaiting_info', 'reopened'] },
  { key: 'group.left', colour: 6, states: ['withdrawn', 'out_of_competence', 'not_accepted'] },
];

/** Counts by group of states. */
export function grouped(byStatus: Record<string, number>): number[] {
  return STATE_GROUPS.map(({ states }) => states.reduce((sum, state) => sum + (byStatus[state] ?? 0), 0));
}

/** Counts from most to least, each with the share of all up to it. */
export function pareto(counts: Record<string, number>): { code: string; value: number; cumulative: number }[] {
  const sorted = Object.entries(counts).sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
  const all = sorted.reduce((sum, [, value]) => sum + value, 0);
  let so_far = 0;
  return sorted.map(([code, value]) => {
    so_far += value;
    return { code, value, cumulative: all ? so_far / all : 0 };
  });
}

/** One number of a report as it was and as it is. */
export interface Compared {
  /** Number of the figure. */
  number: number;
  label: string;
  was: string;
  is: string;
  differs: boolean;
}

/** The tiles of figures in two summaries, side by side; a tile that stands in one alone has a dash in the other. */
export function compared(figures: { number: number; content: (figures: Summary) => { tiles: { label: string; value: string; under?: string }[] } }[], was: Summary, is: Summary): Compared[] {
  const text = (tile: { value: string; under?: string } | undefined): string => (tile ? [tile.value, tile.under].filter(Boolean).join(' · ') : NONE);
  return figures.flatMap((figure) => {
    const [before, now] = [figure.content(was).tiles, figure.content(is).tiles];
    const labels = [...new Set([...before, ...now].map((tile) => tile.label))];
    return labels.map((label) => {
      const [old, fresh] = [before, now].map((tiles) => text(tiles.find((tile) => tile.label === label))) as [string, string];
      return { number: figure.number, label, was: old, is: fresh, differs: old !== fresh };
    });
  });
}
