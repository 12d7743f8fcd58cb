// The 17 figures of the field's rules, each as tiles and tables made of one summary. Pages and printed reports share them.
import type { Share, Summary } from '../api/client.ts';
import { type Key, t } from '../i18n/index.svelte.ts';
import { label } from './codes.ts';
import type { List } from './codes.ts';
import { basisName } from './due.ts';
import { pareto, shareText } from './figures.ts';
import { count, date, decimal, percent } from './format.ts';
import { byName } from './text.ts';
import { unitName } from './units.ts';

export interface Table {
  title: string;
  head: string[];
  rows: (string | number)[][];
  /** What to say when there are no rows. */
  none?: string;
}

export interface Content {
  tiles: { label: string; value: string; under?: string }[];
  tables: Table[];
}

export interface Figure {
  number: number;
  slug: string;
  key: Key;
  /** Names of the definitions that the page shows. */
  definitions: string[];
  content: (figures: Summary) => Content;
}

const rate = (label: string, share: Share | null | undefined): Content['tiles'][number] => ({
  label,
  value: percent(share?.rate),
  under: shareText(share),
});
const plain = (label: string, value: number | string | null | undefined): Content['tiles'][number] => ({ label, value: count(value) });

/** A table of counts by a code list, from most to least. */
function byCode(title: string, list: List, counts: Record<string, number | string>, first: string): Table {
  const rows = Object.entries(counts)
    .map(([code, value]) => ({ name: code === 'None' || code === 'not_recorded' ? t('value.not_recorded') : label(list, code), value }))
    .sort((a, b) => Number(b.value) - Number(a.value) || byName(a.name, b.name))
    .map(({ name, value }) => [name, count(value)]);
  return { title, head: [first, t('chart.count')], rows };
}

function byUnit(title: string, figures: Summary): Table {
  const rows = Object.entries(figures.by_unit)
    .sort(([, a], [, b]) => byName(a.name, b.name))
    .map(([, unit]) => [unit.name, count(unit.visits_held), count(unit.issues), count(unit.overdue_open), percent(unit.on_time.rate), count(unit.on_time.denominator)]);
  return { title, head: [t('visit.unit'), t('figure.visits_held'), t('figure.issues'), t('figure.overdue'), t('figure.on_time_rate'), 'n'], rows };
}

function agencies(figures: Summary): Table {
  const rows = Object.entries(figures.resolution.by_agency)
    .sort(([a, one], [b, other]) => other.overdue_open - one.overdue_open || byName(a, b))
    .map(([name, one]) => [name || t('issue.unassigned'), count(one.overdue_open), percent(one.on_time.rate), shareText(one.on_time)]);
  return { title: t('report.by_agency'), head: [t('issue.agency'), t('figure.overdue'), t('figure.on_time_rate'), t('report.of_n')], rows };
}

export const FIGURES: Figure[] = [
  {
    number: 1,
    slug: 'visits',
    key: 'report.visits',
    definitions: ['visits.held', 'visits.plan_completion', 'visits.unit_coverage'],
    content: (figures) => ({
      tiles: [plain(t('figure.visits_held'), figures.visits.held), rate(t('report.plan_completion'), figures.visits.plan_completion), rate(t('report.unit_coverage'), figures.visits.unit_coverage), ...(figures.visits.village_coverage ? [rate(t('coverage.share'), figures.visits.village_coverage)] : []), plain(t('report.officials'), figures.visits.officials_distinct)],
      tables: [
        byCode(t('report.by_programme'), 'programme', figures.visits.by_programme_held, t('visit.programme')),
        byCode(t('report.by_status'), 'visit_status', figures.visits.by_status, t('visit.status')),
        byUnit(t('report.by_unit'), figures),
      ],
    }),
  },
  {
    number: 2,
    slug: 'people',
    key: 'report.people',
    definitions: ['visits.residents_met_sum'],
    content: (figures) => ({
      tiles: [plain(t('figure.residents'), figures.visits.residents_met_sum), plain(t('report.businesses'), figures.visits.businesses_met_sum), plain(t('report.not_counted'), figures.visits.residents_not_counted)],
      tables: [],
    }),
  },
  {
    number: 3,
    slug: 'received',
    key: 'report.received',
    definitions: ['issues.countable', 'issues.by_reporter_mode'],
    content: (figures) => ({
      tiles: [plain(t('figure.issues'), figures.issues.countable), { label: t('report.per_visit'), value: decimal(figures.issues.per_visit ?? null, 2) }, plain(t('report.duplicates'), figures.issues.duplicates)],
      tables: [
        byCode(t('report.by_kind'), 'issue_kind', figures.issues.by_kind, t('issue.kind')),
        {
          title: t('report.by_field'),
          head: [t('issue.field'), t('chart.count'), t('chart.cumulative')],
          rows: pareto(figures.issues.by_field).map((field) => [label('issue_field', field.code), count(field.value), percent(field.cumulative)]),
        },
        byCode(t('report.by_priority'), 'priority', figures.issues.by_priority, t('issue.priority')),
        byCode(t('report.by_mode'), 'reporter_mode', figures.issues.by_reporter_mode as Record<string, number | string>, t('issue.reporter')),
        byUnit(t('report.by_unit'), figures),
      ],
    }),
  },
  {
    number: 4,
    slug: 'first-notice',
    key: 'report.first_notice',
    definitions: ['first_notice'],
    content: (figures) => ({ tiles: [rate(t('figure.first_notice'), figures.first_notice)], tables: [] }),
  },
  {
    number: 5,
    slug: 'resolution',
    key: 'report.resolution',
    definitions: ['resolution.settled', 'resolution.resolution_rate'],
    content: (figures) => ({
      tiles: [
        rate(t('figure.resolution_rate'), { numerator: figures.resolution.settled, denominator: figures.resolution.resolution_denominator, rate: figures.resolution.resolution_rate }),
        plain(t('group.settled'), figures.resolution.settled),
      ],
      tables: [byCode(t('report.by_status'), 'issue_status', figures.issues.by_status, t('issue.status'))],
    }),
  },
  {
    number: 6,
    slug: 'on-time',
    key: 'report.on_time',
    definitions: ['resolution.on_time_rate', 'resolution.on_time_net'],
    content: (figures) => ({
      tiles: [
        rate(t('figure.on_time_rate'), { numerator: figures.resolution.on_time_numerator, denominator: figures.resolution.on_time_denominator, rate: figures.resolution.on_time_rate }),
        rate(t('report.on_time_net'), figures.resolution.on_time_net),
      ],
      tables: [agencies(figures)],
    }),
  },
  {
    number: 7,
    slug: 'overdue',
    key: 'report.overdue',
    definitions: ['resolution.overdue_open'],
    content: (figures) => {
      const ages = figures.resolution.overdue_by_age;
      const rows: [string, number][] = [
        ['0–10', ages.days_0_10],
        ['11–30', ages.days_11_30],
        ['31–45', ages.days_31_45],
        ['46–90', ages.days_46_90],
        ['> 90', ages.days_over_90],
      ];
      return {
        tiles: [plain(t('figure.overdue'), figures.resolution.overdue_open)],
        tables: [{ title: t('chart.ages'), head: [t('chart.days'), t('chart.count')], rows: rows.map(([days, value]) => [days, count(value)]) }, agencies(figures)],
      };
    },
  },
  {
    number: 8,
    slug: 'days',
    key: 'report.days',
    definitions: ['resolution.median_days_to_settle'],
    content: (figures) => ({
      tiles: [
        { label: t('report.median'), value: decimal(figures.resolution.median_days_to_settle), under: t('report.days_unit') },
        { label: t('report.p90'), value: count(figures.resolution.p90_days_to_settle), under: t('report.days_unit') },
      ],
      tables: [],
    }),
  },
  {
    number: 9,
    slug: 'outcomes',
    key: 'report.outcomes',
    definitions: ['outcomes.confirmed_share', 'resident_confirmation'],
    content: (figures) => ({
      tiles: [rate(t('report.confirmed'), figures.outcomes.confirmed_share), rate(t('report.not_heard'), figures.outcomes.not_heard_share)],
      tables: [byCode(t('report.outcome_mix'), 'outcome', figures.outcomes.mix, t('issue.outcome')), byCode(t('report.words'), 'confirmation', figures.resident_confirmation, t('issue.confirmation'))],
    }),
  },
  {
    number: 10,
    slug: 'left',
    key: 'report.left',
    definitions: ['left_the_line'],
    content: (figures) => ({
      tiles: [plain(label('issue_status', 'withdrawn'), figures.left_the_line.withdrawn), plain(label('issue_status', 'not_accepted'), figures.left_the_line.not_accepted), plain(label('issue_status', 'out_of_competence'), figures.left_the_line.out_of_competence)],
      tables: [
        {
          title: t('report.reasons'),
          head: [t('issue.ticket'), t('visit.unit'), t('issue.status'), t('issue.reason'), t('issue.document')],
          rows: figures.left_the_line.reasons.map((one) => [one.ticket ?? '–', unitName(one.unit), label('issue_status', one.status), one.reason ?? t('value.not_recorded'), one.document ?? '–']),
        },
      ],
    }),
  },
  {
    number: 11,
    slug: 'complaints',
    key: 'report.complaints',
    definitions: ['complaints', 'denunciations'],
    content: (figures) => ({
      tiles: [
        plain(t('report.complaints_received'), figures.complaints.received),
        rate(t('report.decided'), figures.complaints.decided_in_time),
        rate(t('report.in_limit'), figures.complaints.settled_in_limit),
        ...(figures.denunciations === null || figures.denunciations === undefined ? [] : [plain(t('report.denunciations'), figures.denunciations)]),
      ],
      tables: [
        {
          title: t('report.by_limit'),
          head: [t('issue.basis'), t('report.in_limit'), t('report.of_n')],
          rows: Object.entries(figures.complaints.by_basis).map(([basis, share]) => [basisName(basis), percent(share.rate), shareText(share)]),
        },
      ],
    }),
  },
  {
    number: 12,
    slug: 'standing',
    key: 'report.standing',
    definitions: ['long_standing', 'hot_spots'],
    content: (figures) => ({
      tiles: [plain(t('report.long_standing'), figures.long_standing.length), plain(t('report.hot_spots'), figures.hot_spots.issues.length)],
      tables: [
        {
          title: t('report.long_standing'),
          head: [t('issue.ticket'), t('visit.unit'), t('issue.field'), t('report.since'), t('report.times'), t('issue.status'), t('issue.agency'), t('issue.due')],
          rows: figures.long_standing.map((one) => [one.ticket ?? '–', unitName(one.unit), label('issue_field', one.field), one.since_year, count(one.times_raised_before), label('issue_status', one.status), one.owner ?? t('issue.unassigned'), date(one.due)]),
        },
        {
          title: t('report.hot_spots'),
          head: [t('issue.ticket'), t('visit.unit'), t('issue.field'), t('report.since'), t('report.last_action'), t('issue.status'), t('issue.agency')],
          rows: figures.hot_spots.issues.map((one) => [one.ticket ?? '–', unitName(one.unit), label('issue_field', one.field), date(one.since), date(one.last_action_on), label('issue_status', one.status), one.owner ?? t('issue.unassigned')]),
        },
        byCode(t('report.hot_spot_visits'), 'hot_spot', figures.hot_spots.visits_by_state, t('visit.hot_spot')),
      ],
    }),
  },
  {
    number: 13,
    slug: 'satisfaction',
    key: 'report.satisfaction',
    definitions: ['satisfaction.satisfied_rate', 'satisfaction.response_rate'],
    content: (figures) => {
      const cards = figures.satisfaction;
      if (cards.visits_with_cards === 0) return { tiles: [{ label: t('figure.satisfied'), value: t('value.not_collected') }], tables: [] };
      const scale = ['very_satisfied', 'satisfied', 'neutral', 'dissatisfied', 'very_dissatisfied'] as const;
      const shown = (value: unknown): string => (value === null || value === undefined ? t('value.hidden') : count(value as number | string));
      return {
        tiles: [
          { label: t('figure.satisfied'), value: percent(cards.satisfied_rate), under: `n = ${shown(cards.answered)}` },
          { label: t('report.response_rate'), value: percent(cards.response_rate) },
          plain(t('report.visits_with_cards'), cards.visits_with_cards),
        ],
        tables: [{ title: t('chart.satisfaction'), head: [t('chart.answer'), t('chart.count')], rows: [...scale.map((code) => [label('satisfaction', code), shown(cards[code])]), [label('satisfaction', 'no_answer'), count(cards.no_answer)]] }],
      };
    },
  },
  {
    number: 14,
    slug: 'dialogue',
    key: 'report.dialogue',
    definitions: ['dialogue_conclusions', 'supervision', 'bright_spots'],
    content: (figures) => ({
      tiles: [rate(t('report.conclusions'), figures.dialogue_conclusions), plain(t('report.sessions'), figures.supervision.sessions), plain(t('report.findings'), figures.supervision.findings), plain(t('report.recommendations'), figures.supervision.recommendations)],
      tables: [
        byCode(t('report.responses'), 'finding_response', figures.supervision.responses, t('report.response')),
        byCode(t('report.bright_stage'), 'bright_spot_stage', figures.bright_spots.by_stage, t('report.stage')),
        byCode(t('report.bright_field'), 'issue_field', figures.bright_spots.by_field, t('issue.field')),
        { title: t('report.bright_difficulty'), head: [t('visit.difficulty'), t('chart.count')], rows: Object.entries(figures.bright_spots.by_difficulty).map(([name, value]) => [name === 'not_recorded' ? t('value.not_recorded') : name, count(value)]) },
      ],
    }),
  },
  {
    number: 15,
    slug: 'promises',
    key: 'report.promises',
    definitions: [],
    content: (figures) => ({
      tiles: [figures.promises_kept ? rate(t('report.promises'), figures.promises_kept) : { label: t('report.promises'), value: t('value.not_collected') }, plain(t('report.follow_ups'), figures.follow_up_visits)],
      tables: [],
    }),
  },
  {
    number: 16,
    slug: 'conduct',
    key: 'report.conduct',
    definitions: ['conduct'],
    content: (figures) => ({
      tiles: [
        { label: t('report.about_conduct'), value: figures.conduct.note ? t('value.not_collected') : t('report.of_collected', { about: count(figures.conduct.about_conduct), of: count(figures.conduct.collected) }) },
        plain(t('group.settled'), figures.conduct.settled),
      ],
      tables: [{ title: t('report.by_unit'), head: [t('visit.unit'), t('chart.count')], rows: Object.entries(figures.conduct.by_unit).map(([code, value]) => [unitName(code), count(value)]) }],
    }),
  },
  {
    number: 17,
    slug: 'quality',
    key: 'report.quality',
    definitions: ['data_quality', 'devices_not_synced'],
    content: (figures) => {
      const quality = figures.data_quality;
      const of = (value: number): Content['tiles'][number]['value'] => t('report.of_collected', { about: count(value), of: count(quality.held) });
      return {
        tiles: [
          { label: t('report.no_gps'), value: of(quality.no_gps) },
          { label: t('report.no_note'), value: of(quality.no_note) },
          plain(t('report.returned'), quality.returned),
          plain(t('report.amended'), quality.amendments_pending),
          plain(t('report.to_review'), quality.records_to_review),
          { label: t('report.hours_to_sync'), value: decimal(quality.median_hours_to_sync), under: t('report.hours_unit') },
          { label: t('report.devices'), value: `${count(figures.devices_not_synced.count)}/${count(figures.devices_not_synced.of)}` },
        ],
        tables: [],
      };
    },
  },
];

/** The figure of an address. */
export const figureOf = (slug: string | undefined): Figure | undefined => FIGURES.find((figure) => figure.slug === slug);
