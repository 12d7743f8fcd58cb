// What everybody may ask without an account: how a matter stands, by its ticket, and what a unit has posted.
import { ApiError, errorOf } from './errors.ts';

export interface Standing {
  ticket: string;
  status: string;
  field: string | null;
  unit: string;
  agency: string | null;
  received_on: string | null;
  due_on: string | null;
  settled_on: string | null;
  replied_on: string | null;
  outcome: string | null;
}

async function ask<T>(address: string): Promise<T | null> {
  const answer = await fetch(address).catch(() => {
    throw new ApiError(0, '', 'no answer');
  });
  if (answer.status === 404) return null; // never given, not to be shown, not posted: the same for everybody
  if (!answer.ok) throw errorOf(answer.status, await answer.json().catch(() => undefined), answer.headers);
  return (await answer.json()) as T;
}

/** How the matter of a ticket stands; null if there is nothing to show. */
export const ticket = (code: string): Promise<Standing | null> => ask(`/api/v1/public/ticket/${encodeURIComponent(code)}`);

/** The posted list of a unit; null if nothing is posted. */
export const posted = (unit: string): Promise<{ unit: string; items: Standing[] } | null> => ask(`/api/v1/public/units/${encodeURIComponent(unit)}/issues`);
