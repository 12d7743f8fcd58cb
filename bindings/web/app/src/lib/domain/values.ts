// What a form shows of a record: the value of a field by the name that edits use. Counts, times and cards are each
// official's own; the form shows one's own first.
import type { Count, Edit, Issue, Visit } from '../core/contract.ts';

type Values = Record<string, unknown>;

/** The values of all fields of a record that forms edit. `official`: whose phone it is. */
export function valuesOf(record: Visit | Issue, official: string): Values {
  return record.record === 'visit' ? visitValues(record, official) : issueValues(record);
}

function visitValues(visit: Visit, official: string): Values {
  const own = (count: Count): number | null => (official in count.values ? (count.values[official] ?? null) : count.effective);
  const team = Object.fromEntries(Object.entries(visit.team).map(([id, member]) => [`team.${id}`, member]));
  const spot = Object.fromEntries(Object.entries(visit.bright_spot ?? {}).map(([name, value]) => [`bright_spot.${name}`, value]));
  return {
    unit: visit.unit,
    programme: visit.programme,
    'place.kind': visit.place.kind,
    'place.name': visit.place.name,
    venue: visit.venue,
    planned_on: visit.planned_on,
    started_at: visit.started_at,
    ended_at: visit.ended_at,
    activities: visit.activities,
    language_support: visit.language_support,
    'counts.residents': own(visit.counts.residents),
    'counts.households': own(visit.counts.households),
    'counts.businesses': own(visit.counts.businesses),
    note: visit.note,
    gps: visit.gps,
    gps_missing_reason: visit.gps_missing_reason,
    hot_spot: visit.hot_spot,
    satisfaction: visit.satisfaction,
    follow_up_of: visit.follow_up_of,
    ...team,
    ...spot,
  };
}

function issueValues(issue: Issue): Values {
  return {
    visit: issue.visit,
    kind: issue.kind,
    field: issue.field,
    title: issue.title,
    description: issue.description,
    place_detail: issue.place_detail,
    priority: issue.priority,
    'reporter.mode': issue.reporter.mode,
    'reporter.consent': issue.reporter.consent,
    'reporter.contact_ref': issue.reporter.contact_ref,
    long_standing: issue.long_standing,
  };
}

/** Edits as a record of values; the last of a field counts. */
export const asValues = (edits: Edit[]): Values => Object.fromEntries(edits.map(({ field, value }) => [field, value]));

/** The members of a family of fields, such as `team.` or `satisfaction.cards.`, by the rest of their names. */
export function family<T>(values: Values, prefix: string): [string, T][] {
  const members = Object.entries(values).filter(([field, value]) => field.startsWith(prefix) && value !== null);
  return members.map(([field, value]) => [field.slice(prefix.length), value as T]);
}

/** The fields that must be filled before a visit is handed in, and are not. As `gandan_model::visit::Visit::missing`. */
export function missing(values: Values): string[] {
  const required = ['unit', 'planned_on', 'started_at', 'ended_at', 'counts.residents'];
  return required.filter((field) => values[field] === null || values[field] === undefined);
}
