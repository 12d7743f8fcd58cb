// The units of the province as they are in the model's data. The server narrows what an account sees; names and places
// are no secret.
import rows from '../../generated/units.json';
import { byName, contains, fold } from './text.ts';

export interface Unit {
  /** Five digits. */
  code: string;
  name: string;
  kind: string;
  /** The province it belonged to before 1 July 2025. */
  province: string;
  /** Degrees, WGS 84. */
  lat: number;
  lon: number;
  /** Old names, so that they are found. */
  alias: string;
  /** The district, abolished in 2025, that held most of it. */
  district: string;
}

type Row = [string, string, string, string, number, number, string, string];

export const units: Unit[] = (rows as unknown as Row[])
  .map(([code, name, kind, province, lat, lon, alias, district]) => ({ code, name, kind, province, lat, lon, alias, district }))
  .sort((a, b) => byName(a.name, b.name));

const byCode = new Map(units.map((unit) => [unit.code, unit]));

/** The unit of a code. */
export function unit(code: string | null | undefined): Unit | undefined {
  return code ? byCode.get(code) : undefined;
}

/** The name of a unit; its code if the unit is not known. */
export function unitName(code: string | null | undefined): string {
  return code ? (byCode.get(code)?.name ?? code) : '–';
}

export interface Area {
  id: string;
  name: string;
  units: string[];
}

/** Areas that every server makes of the units file: the three former provinces, and the former districts. */
export const areas: Area[] = [...former('former-', (unit) => unit.province), ...former('former-district-', (unit) => unit.district)];

function former(prefix: string, nameOf: (unit: Unit) => string): Area[] {
  const found = new Map<string, Area>();
  for (const unit of units) {
    const name = nameOf(unit);
    if (!name) continue;
    const id = `${prefix}${fold(name).replaceAll(' ', '-')}`; // as the server makes it
    const area = found.get(id) ?? { id, name: `${name} (cũ)`, units: [] };
    area.units.push(unit.code);
    found.set(id, area);
  }
  return [...found.values()].sort((a, b) => byName(a.name, b.name));
}

/** Codes of the units of an area, or of the one unit; null: all. */
export function unitsOf(area: string | null): Set<string> | null {
  if (!area) return null;
  return new Set(areas.find((known) => known.id === area)?.units ?? [area]);
}

/** Units whose present or former names hold the words. */
export function findUnits(query: string): Unit[] {
  return units.filter((unit) => contains(`${unit.name} ${unit.code} ${unit.alias}`, query));
}
