// Names and values of a record's keys, as history and review items carry them: `count/residents/CB-001`, `event/k3f9`.
import { type Key, t } from '../i18n/index.svelte.ts';
import { label, listOf } from './codes.ts';
import { count, date, moment } from './format.ts';
import { unitName } from './units.ts';

type Kind = 'visit' | 'issue';
type Json = unknown;

const NAMES: Record<string, Key> = {
  note: 'field.note',
  description: 'field.description',
  title: 'field.title',
  unit: 'field.unit',
  programme: 'field.programme',
  venue: 'field.venue',
  'place/kind': 'field.place_kind',
  'place/name': 'field.place_name',
  planned_on: 'field.planned_on',
  start: 'field.start',
  end: 'field.end',
  start_fix: 'field.start',
  end_fix: 'field.end',
  started_at: 'field.start',
  ended_at: 'field.end',
  gps: 'field.gps',
  gps_missing_reason: 'field.gps_missing_reason',
  team: 'field.team',
  activity: 'field.activity',
  language: 'field.language',
  'count/residents': 'field.residents',
  'count/households': 'field.households',
  'count/businesses': 'field.businesses',
  'group/residents': 'field.residents',
  'group/households': 'field.households',
  'group/businesses': 'field.businesses',
  photo: 'field.photo',
  caption: 'field.caption',
  hot_spot: 'field.hot_spot',
  card: 'field.satisfaction',
  tally: 'field.satisfaction',
  satisfaction: 'field.satisfaction',
  bright_spot: 'field.bright_spot',
  finding: 'field.finding',
  follow_up_of: 'field.follow_up_of',
  event: 'field.event',
  status: 'field.status',
  created_at: 'field.created_at',
  deleted: 'field.deleted',
  issue_kind: 'field.kind',
  kind: 'field.kind',
  field: 'field.field',
  priority: 'field.priority',
  confidentiality: 'field.confidentiality',
  agency: 'field.agency',
  responsible_agency: 'field.agency',
  received_on: 'field.received_on',
  accepted_on: 'field.accepted_on',
  outcome: 'field.outcome',
  result_text: 'field.result_text',
  reply: 'field.reply',
  reply_channel: 'field.reply_channel',
  replied_on: 'field.replied_on',
  confirmation: 'field.confirmation',
  resident_confirmation: 'field.confirmation',
  'reporter/mode': 'field.reporter_mode',
  'reporter/consent': 'field.consent',
  long_standing: 'field.long_standing',
  place_detail: 'field.place_detail',
  ticket: 'field.ticket',
  visit: 'field.visit',
  recorded_by: 'field.recorded_by',
  duplicate_of: 'field.duplicate_of',
  withdrawal: 'field.withdrawal',
  document: 'field.document',
  review: 'field.review',
  amendment: 'field.amendment',
  assignment: 'field.assignment',
};

/** The parts of a key, whichever sign parts them. */
function split(key: string): string[] {
  return key.replaceAll('.', '/').replace(/^counts\//, 'count/').split('/');
}

/** The name of a key in the reader's language; what follows the name (an official, an element) comes after it. */
export function fieldName(key: string): string {
  const parts = split(key);
  for (const length of [2, 1]) {
    const name = NAMES[parts.slice(0, length).join('/')];
    if (!name || parts.length < length) continue;
    const rest = parts.slice(length).filter((part) => /^[A-Z]{1,4}-\d+/.test(part));
    return rest.length ? `${t(name)} (${rest.join(', ')})` : t(name);
  }
  return key;
}

const isObject = (value: Json): value is Record<string, Json> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A value as a reader understands it. */
export function valueText(key: string, value: Json, kind: Kind): string {
  if (value === null || value === undefined) return t('value.none');
  if (value === '') return t('value.empty');
  const head = split(key)[0] ?? '';
  if (Array.isArray(value)) return value.map((item) => valueText(key, item, kind)).join(', ');
  if (isObject(value)) return objectText(head, value, kind);
  if (typeof value === 'boolean') return head === 'activity' ? label('activity', split(key)[1]) : value ? t('value.yes') : t('value.no');
  if (typeof value === 'number') return head === 'created_at' || head === 'deleted' ? moment(value) : count(value);
  return textText(key, head, String(value), kind);
}

function textText(key: string, head: string, text: string, kind: Kind): string {
  if (head === 'unit') return unitName(text);
  if (head === 'deleted' && text === 'exists') return t('value.exists');
  const list = listOf(key === 'issue_kind' ? 'kind' : key === 'confirmation' ? 'resident_confirmation' : key, kind);
  if (list) return label(list, text);
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) return date(text);
  if (/^\d{4}-\d{2}-\d{2}T/.test(text)) return moment(text);
  return text;
}

function objectText(head: string, value: Record<string, Json>, kind: Kind): string {
  const text = (name: string): string => (typeof value[name] === 'string' ? String(value[name]) : '');
  if (typeof value.to === 'string') {
    const to = label(kind === 'visit' ? 'visit_status' : 'issue_status', value.to);
    return [to, value.at ? moment(text('at')) : '', text('reason')].filter(Boolean).join(' · ');
  }
  if (head === 'team' || 'role' in value) return [text('name') || text('official'), label('team_role', text('role')), text('agency')].filter(Boolean).join(' · ');
  if (typeof value.lat === 'number') return `${value.lat}, ${String(value.lon)} (± ${String(value.accuracy_m)} m)`;
  if ('proposed' in value) {
    const field = text('field');
    return `${fieldName(field)}: ${valueText(field, value.verified, kind)} → ${valueText(field, value.proposed, kind)}`;
  }
  if (head === 'reply') return [label('reply_channel', text('channel')), text('text')].filter(Boolean).join(': ');
  if (head === 'photo') return [text('caption'), moment(text('taken_at'))].filter((part) => part && part !== '–').join(' · ');
  return Object.entries(value)
    .filter(([, member]) => member !== null && typeof member !== 'object')
    .map(([name, member]) => `${name}: ${String(member)}`)
    .join(' · ');
}

/** A change of one key. */
export interface FieldStep {
  field: string;
  old: Json;
  new: Json;
}

/** What a record said after so many steps of its history: the keys and their values, in the order of their names. */
export function recordAt(steps: { changes: FieldStep[] }[], upTo: number): [string, Json][] {
  const values = new Map<string, Json>();
  for (const step of steps.slice(0, upTo + 1)) {
    for (const change of step.changes) {
      if (change.new === null || change.new === undefined) values.delete(change.field);
      else values.set(change.field, change.new);
    }
  }
  return [...values].sort(([a], [b]) => fieldName(a).localeCompare(fieldName(b), 'vi'));
}

const RULES: Record<string, Key> = {
  lww_keep_loser: 'rule.lww_keep_loser',
  multi_value: 'rule.multi_value',
  per_official_register: 'rule.per_official_register',
  legally_stricter_until_review: 'rule.stricter',
  most_severe_until_review: 'rule.severe',
  event_log_union: 'rule.event_log_union',
  evidence_wins: 'rule.evidence_wins',
  edit_wins: 'rule.edit_wins',
  two_leads: 'rule.two_leads',
  amendment: 'rule.amendment',
};

/** Why a review item asks for a person, by its rule. */
export const ruleText = (rule: string): string => t(RULES[rule] ?? 'rule.other');

/** What to send as decision when a person picks one of the values of a review item. `undefined`: this rule takes no value. */
export function decisionFor(item: { rule: string; field: string }, value: Json): Json | undefined {
  if (item.rule === 'event_log_union' || item.rule === 'evidence_wins') return isObject(value) ? value.to : undefined;
  if (item.rule === 'edit_wins') return true;
  if (item.rule === 'two_leads' || item.rule === 'amendment') return undefined;
  return isObject(value) ? undefined : value;
}
