// Tables that can be taken in, and an example of each to be filled in.
import type { Organisation } from './org.ts';

export const KINDS = ['units', 'officials', 'villages'] as const;
export type Kind = (typeof KINDS)[number];

const VILLAGE_ROWS = [['unit', 'kind', 'name', 'valid_from', 'valid_to']];
const UNIT_COLUMNS = 'code,name,short_name,type,type_en,province_code,province,former_province,former_district_main,former_districts,former_units,lat,lon,area_km2,name_ascii,alias'.split(',');

/** A cell of a CSV file. */
const cell = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** A CSV file with the right head; of officials with an example below it. */
export function template(kind: Kind, org: Organisation | undefined): string {
  const rows =
    kind === 'officials'
      ? [
          ['id', 'name', 'role', 'units', 'areas'],
          ['CB-999', 'Họ và tên', 'field_official', org?.units.find((unit) => unit.kind === 'commune')?.code ?? '', ''],
        ]
      : kind === 'villages'
        ? VILLAGE_ROWS
        : [UNIT_COLUMNS];
  return `${rows.map((row) => row.map(cell).join(',')).join('\r\n')}\r\n`;
}
