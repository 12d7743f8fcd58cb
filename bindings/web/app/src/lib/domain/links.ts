// Addresses that travel as QR codes: enrolment, and the visit that two phones write together.

/** An enrolment link of the server that this app came from, as the core takes it. `elsewhere`: of another server; a page may
 * talk to its own only. What is no link at all is the core's to refuse, in its words. */
export function linkOf(text: string): string {
  const link = text.trim().replace('/field/enrol#', '/enrol#');
  if (!URL.canParse(link)) return link;
  return new URL(link).origin === location.origin ? link : 'elsewhere';
}

/** What a second phone has to know to write about the same visit before the two have ever synced. */
export interface Joint {
  id: string;
  unit: string;
  programme: string | null;
  place_kind: string | null;
  place_name: string | null;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const LONGEST = 1_000;
const LONGEST_NAME = 200;

/** The address that the first phone shows. It holds no more than the place and the visit's id. */
export function jointLink(joint: Joint): string {
  const query = new URLSearchParams(Object.entries(joint).filter((entry): entry is [string, string] => entry[1] !== null));
  return `${location.origin}/field/join#${query.toString()}`;
}

/** What the second phone reads; null if it is no such address. From outside: nothing in it is believed without a look. */
export function readJoint(text: string): Joint | null {
  const at = text.indexOf('/field/join#');
  if (at < 0 || text.length > LONGEST) return null;
  const query = new URLSearchParams(text.slice(at + '/field/join#'.length));
  const [id, unit, name] = [query.get('id') ?? '', query.get('unit') ?? '', query.get('place_name')];
  const code = (key: string): string | null => (/^[a-z_]{1,40}$/.test(query.get(key) ?? '') ? query.get(key) : null);
  if (!UUID.test(id) || !/^\d{5}$/.test(unit) || (name !== null && name.length > LONGEST_NAME)) return null;
  return { id, unit, programme: code('programme'), place_kind: code('place_kind'), place_name: name };
}
