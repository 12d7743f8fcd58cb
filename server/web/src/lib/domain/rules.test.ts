import { describe, expect, it } from 'vitest';
import { decisionFor, recordAt } from './fields.ts';
import { grouped, pareto } from './figures.ts';
import { dueState, nextStates } from './steps.ts';
import { TEMPLATES, fill } from './templates.ts';

describe('steps of an issue', () => {
  it('go forward and not back', () => {
    expect(nextStates({ status: 'in_progress', agency: 'Sở Xây dựng' }, 'province_staff')).toEqual(['resolved', 'duplicate', 'withdrawn', 'out_of_competence']);
    expect(nextStates({ status: 'recorded' }, 'province_staff')).not.toContain('forwarded');
  });
  it('end where they end', () => {
    expect(nextStates({ status: 'withdrawn' }, 'province_staff')).toEqual([]);
    expect(nextStates({ status: 'closed' }, 'province_staff')).toEqual(['reopened']);
  });
  it('are few for an agency, and a complaint alone can be refused', () => {
    expect(nextStates({ status: 'forwarded', agency: 'x' }, 'agency')).toEqual(['in_progress', 'resolved', 'out_of_competence']);
    expect(nextStates({ status: 'received', kind: 'complaint' }, null)).toContain('not_accepted');
    expect(nextStates({ status: 'received', kind: 'feedback' }, null)).not.toContain('not_accepted');
  });
});

it('a due date is judged by the day and the state', () => {
  expect(dueState('2026-11-20', 'in_progress', '2026-11-21')).toBe('overdue');
  expect(dueState('2026-11-21', 'in_progress', '2026-11-21')).toBe('soon');
  expect(dueState('2026-12-21', 'in_progress', '2026-11-21')).toBe('ahead');
  expect(dueState('2026-11-20', 'closed', '2026-11-21')).toBe('met');
  expect(dueState(null, 'recorded', '2026-11-21')).toBe('none');
});

it('the record at a step is what was written until then', () => {
  const steps = [{ changes: [{ field: 'title', old: null, new: 'a' }, { field: 'priority', old: null, new: 'urgent' }] }, { changes: [{ field: 'title', old: 'a', new: 'b' }, { field: 'priority', old: 'urgent', new: null }] }];
  expect(Object.fromEntries(recordAt(steps, 0))).toEqual({ title: 'a', priority: 'urgent' });
  expect(Object.fromEntries(recordAt(steps, 1))).toEqual({ title: 'b' });
});

it('a decision is what the rule takes', () => {
  expect(decisionFor({ rule: 'multi_value', field: 'unit' }, '24781')).toBe('24781');
  expect(decisionFor({ rule: 'event_log_union', field: 'status' }, { to: 'closed' })).toBe('closed');
  expect(decisionFor({ rule: 'edit_wins', field: 'deleted' }, 1)).toBe(true);
  expect(decisionFor({ rule: 'two_leads', field: 'team' }, { role: 'lead' })).toBeUndefined();
  expect(decisionFor({ rule: 'amendment', field: 'amendment' }, {})).toBeUndefined();
});

it('groups of states hold every state once', () => {
  expect(grouped({ resolved: 1, closed: 2, in_progress: 3, recorded: 4, withdrawn: 5 })).toEqual([3, 3, 0, 4, 5]);
  expect(pareto({ a: 1, b: 3 })).toEqual([{ code: 'b', value: 3, cumulative: 0.75 }, { code: 'a', value: 1, cumulative: 1 }]);
});

it('templates are filled in, and nothing unknown is left', () => {
  for (const template of TEMPLATES) {
    const text = fill(template, { title: 'Đèn hỏng', ticket: '24781-2610-0001', agency: 'Sở Xây dựng' });
    expect(text).not.toMatch(/\{\w+\}/);
    expect(text).toContain('24781-2610-0001');
  }
});
