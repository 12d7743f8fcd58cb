import { expect, it } from 'vitest';
import type { Visit } from '../core/contract.ts';
import { asValues, family, missing, valuesOf } from './values.ts';

const count = (values: Record<string, number | null>, effective: number | null) => ({ effective, from: null, values, groups: {} });

it('a form shows the count that its official made, and the common one only if he made none', () => {
  const visit = {
    record: 'visit',
    place: { kind: null, name: null },
    team: { 'CB-001': { role: 'lead' } },
    counts: { residents: count({ 'CB-001': 46, 'CB-002': null }, 46), households: count({}, null), businesses: count({}, null) },
  } as unknown as Visit;
  expect(valuesOf(visit, 'CB-001')['counts.residents']).toBe(46);
  expect(valuesOf(visit, 'CB-002')['counts.residents']).toBeNull(); // "not counted" is an answer
  expect(valuesOf(visit, 'CB-003')['counts.residents']).toBe(46);
  expect(family(valuesOf(visit, 'CB-001'), 'team.')).toEqual([['CB-001', { role: 'lead' }]]);
});

it('the last edit of a field counts, and what was taken away is not a member', () => {
  const values = asValues([
    { field: 'team.CB-002', value: { role: 'member' } },
    { field: 'note', value: 'a' },
    { field: 'team.CB-002', value: null },
  ]);
  expect(values.note).toBe('a');
  expect(family(values, 'team.')).toEqual([]);
});

it('what a visit needs is told; 0 is a count', () => {
  expect(missing({})).toEqual(['unit', 'planned_on', 'started_at', 'ended_at', 'counts.residents']);
  expect(missing({ unit: '24781', planned_on: '2026-11-29', started_at: 'x', ended_at: 'y', 'counts.residents': 0 })).toEqual([]);
});
