// The parts of a visit's sheet, in the order in which a meeting goes, and a line that says what stands in each.
import { label } from '$web/lib/domain/codes.ts';
import { count, date } from '$web/lib/domain/format.ts';
import type { Visit } from '../core/contract.ts';
import { type Key, t } from '../i18n/index.svelte.ts';
import { timeOf } from './time.ts';
import { family } from './values.ts';
import { placeName } from './words.ts';

export const SECTIONS = ['place', 'team', 'activities', 'counts', 'note', 'cards', 'photos', 'position', 'bright', 'supervision'] as const;
export type Section = (typeof SECTIONS)[number];

type Values = Record<string, unknown>;
const text = (values: Values, field: string): string | null => (typeof values[field] === 'string' && values[field] !== '' ? values[field] : null);
const join = (parts: (string | null)[]): string | null => parts.filter(Boolean).join(' · ') || null;

export const sectionName = (section: Section): string => t(`section.${section}` satisfies Key);

/** Cards of a visit by their value: those entered one by one, else the official's own tally of paper cards. */
export function cardsOf(values: Values, record: Visit | null): Record<string, number> {
  const entered = family<string>(values, 'satisfaction.cards.').map(([, value]) => value);
  const tally = { ...(values.satisfaction as Record<string, number> | null ?? record?.satisfaction ?? {}) };
  for (const value of entered) tally[value] = (tally[value] ?? 0) + 1;
  return tally;
}

/** Findings: those that the record has, and those of the edit. */
export const findingsOf = (values: Values, record: Visit | null): Values[] => [...(record?.supervision ?? []), ...((values.supervision as Values[] | undefined) ?? [])];

const summaries: Record<Section, (values: Values, record: Visit | null) => string | null> = {
  place: (values) =>
    join([
      placeName(text(values, 'place.kind'), text(values, 'place.name')) || null,
      text(values, 'programme') && label('programme', text(values, 'programme')),
      date(text(values, 'planned_on')),
      [text(values, 'started_at'), text(values, 'ended_at')].map((at) => at && timeOf(at)).filter(Boolean).join('–') || null,
    ]),
  team: (values) => {
    const members = family<{ role: string; name?: string }>(values, 'team.');
    return members.map(([id, { name, role }]) => `${name ?? id} (${label('team_role', role).toLowerCase()})`).join(', ') || null;
  },
  activities: (values) => (values.activities as string[] | undefined)?.map((code) => label('activity', code)).join(', ') || null,
  counts: (values) =>
    join(
      (['residents', 'households', 'businesses'] as const).map((what) => {
        const value = values[`counts.${what}`];
        return typeof value === 'number' ? t(`counts.some_${what}`, { count: count(value) }) : null;
      }),
    ),
  note: (values) => text(values, 'note')?.slice(0, 120) ?? null,
  cards: (values, record) => {
    const all = Object.entries(cardsOf(values, record)).filter(([value]) => value !== 'method').reduce((sum, [, n]) => sum + n, 0);
    return all > 0 ? t('cards.entered', { count: all }) : null;
  },
  photos: (_, record) => (record && record.photos.length > 0 ? t('photos.taken', { count: record.photos.length }) : null),
  position: (values) => {
    const gps = values.gps as Visit['gps'] | undefined;
    if (gps) return t('position.taken', { metres: Math.round(gps.accuracy_m) });
    return text(values, 'gps_missing_reason') && label('gps_missing_reason', text(values, 'gps_missing_reason'));
  },
  bright: (values) => text(values, 'bright_spot.title'),
  supervision: (values, record) => {
    const findings = findingsOf(values, record);
    return findings.length > 0 ? t('supervision.noted', { count: findings.length }) : null;
  },
};

/** What stands in a section, in one line; null: nothing yet. */
export const summary = (section: Section, values: Values, record: Visit | null): string | null => summaries[section](values, record);

/** The name of a field that must be filled, and the section in which it is. */
export const REQUIRED: Record<string, { section: Section; name: Key }> = {
  unit: { section: 'place', name: 'field.unit' },
  planned_on: { section: 'place', name: 'field.planned_on' },
  started_at: { section: 'place', name: 'field.started_at' },
  ended_at: { section: 'place', name: 'field.ended_at' },
  'counts.residents': { section: 'counts', name: 'field.residents' },
};

export const isHousehold = (values: Values): boolean => values.programme === 'household_visit' || values.venue === 'household';
