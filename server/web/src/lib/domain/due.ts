// How a due date came to be: the rule it rests on, from the model's data.
import rules from '../../generated/rules.json';
import { language, t } from '../i18n/index.svelte.ts';
import { date } from './format.ts';

interface Rule {
  days: number;
  working: boolean;
  starts: string;
  vi: string;
  en: string;
  mark: string;
}

const known = rules as Record<string, Rule>;

/** The law or target behind a basis code; the code itself if no rule has it. */
export function basisName(basis: string | null | undefined): string {
  if (!basis) return '–';
  return known[basis]?.[language.current] ?? basis;
}

/** "10 working days from receipt on 25/10/2026; Regulation 11 …". */
export function explain(basis: string | null | undefined, received: string | null | undefined, accepted: string | null | undefined): string {
  const rule = basis ? known[basis] : undefined;
  if (!rule) return basisName(basis);
  const start = rule.starts === 'accepted' ? accepted : received;
  return t('due.explained', {
    days: t(rule.working ? 'due.working_days' : 'due.days', { count: rule.days }),
    start: t(rule.starts === 'accepted' ? 'due.from_accepted' : 'due.from_received'),
    on: date(start),
    law: rule[language.current],
  });
}

/** Whether the figure behind a basis was never checked against the primary text. */
export function isUnverified(basis: string | null | undefined): boolean {
  return Boolean(basis && known[basis] && known[basis].mark !== 'primary');
}
