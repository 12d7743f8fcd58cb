// The organisation as the server has it, and what an account or an official may see of it, in words.
import { type Schemas, api, body } from '../../lib/api/client.ts';
import { byName } from '../../lib/domain/text.ts';
import { t } from '../../lib/i18n/index.svelte.ts';

export type Organisation = Schemas['Organisation'];
export type OrgArea = Schemas['OrgArea'];
export type OrgMember = Schemas['OrgMember'];
/** A line of what somebody may see: a unit, an area, or the province. */
export type ScopeItem = Schemas['ScopeItem'];

/** Units and areas, each in the order of the Vietnamese alphabet. */
export async function organisation(): Promise<Organisation> {
  const { units, areas } = await body(api.GET('/api/v1/org'));
  return { units: units.sort((a, b) => byName(a.name, b.name)), areas: areas.sort((a, b) => byName(a.name, b.name)) };
}

/** The question as the store of answers keeps it. */
export const orgQuery = () => ({ queryKey: ['org'], queryFn: organisation, staleTime: 60_000 });

/** Whether a membership holds on a day (`2026-11-21`). */
export const holds = (member: OrgMember, day: string): boolean => (member.valid_from ?? '') <= day && day <= (member.valid_to ?? '9999');

/** The name of a line of a scope. */
export function lineName({ kind, value }: ScopeItem, org: Organisation | undefined): string {
  if (kind === 'province') return t('account.province');
  if (kind === 'area') return org?.areas.find((area) => area.id === value)?.name ?? value ?? '';
  return org?.units.find((unit) => unit.code === value)?.name ?? value ?? '';
}

/** A scope in a cell of a table: the first lines by name, the others counted. */
export function scopeText(scope: ScopeItem[], org: Organisation | undefined, most = 3): string {
  const names = scope.map((line) => lineName(line, org));
  const more = names.length - most;
  return more > 0 ? `${names.slice(0, most).join('; ')} ${t('scope.more', { count: more })}` : names.join('; ') || t('scope.none');
}
