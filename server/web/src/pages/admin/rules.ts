// Limits and days as an office changes them.
import type { Schemas } from '../../lib/api/client.ts';
import { t } from '../../lib/i18n/index.svelte.ts';

export type Limit = Schemas['DeadlineRule'];
export type Change = Partial<Schemas['RulesChange']>;

/** What a limit sets. */
export const purposeOf = (rule: Pick<Limit, 'purpose'>): string => t(rule.purpose === 'resolve' ? 'rules.for_resolve' : 'rules.for_notice');

/** "10 ngày làm việc kể từ ngày tiếp nhận". */
export const lengthOf = (rule: Pick<Limit, 'days' | 'working' | 'starts'>): string =>
  `${t(rule.working ? 'due.working_days' : 'due.days', { count: rule.days })} ${t(rule.starts === 'accepted' ? 'due.from_accepted' : 'due.from_received')}`;

/** When a limit holds, beside the kind of issue; '' if always. */
export function conditions(rule: Limit): string {
  return [
    rule.remote === true ? t('rules.if_remote') : rule.remote === false ? t('rules.if_not_remote') : '',
    rule.complexity ? t(`rules.if_${rule.complexity}`) : '',
    rule.several_places ? t('rules.if_several') : '',
    rule.instance ? t(`rules.if_${rule.instance}`) : '',
  ]
    .filter(Boolean)
    .join(' · ');
}
