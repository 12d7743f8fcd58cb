// Reads the code lists out of the model's Rust sources and the units out of its CSV file.

/** Code lists by name: code → [Vietnamese, English]. */
export function parseCodes(source) {
  const lists = {};
  for (const list of source.matchAll(/code_list!\s*\{[^"]*?\w+,\s*"(\w+)"\s*\{([\s\S]*?)\n {4}\}/g)) {
    const entries = [...list[2].matchAll(/\w+\s*=\s*"(\w+)",\s*"([^"]*)",\s*"([^"]*)";/g)];
    lists[list[1]] = Object.fromEntries(entries.map((entry) => [entry[1], [entry[2], entry[3]]]));
  }
  if (Object.keys(lists).length === 0) throw new Error('no code list was found');
  return lists;
}

/** Deadline rules by basis: what a due date rests on. */
export function parseRules(json) {
  const found = {};
  for (const { basis, days, working, starts, law_vi, law_en, mark } of JSON.parse(json).rules) {
    found[basis] ??= { days, working, starts, vi: law_vi, en: law_en, mark };
  }
  return found;
}

/** Units, as short as they can be: [code, name, kind, former province, latitude, longitude, other names, former district]. */
export function parseUnits(csv) {
  const [head, ...lines] = csv.replace(/^\ufeff/, '').trim().split(/\r?\n/);
  const columns = head.split(',');
  const place = (name) => {
    const at = columns.indexOf(name);
    if (at < 0) throw new Error(`the units file has no column ${name}`);
    return at;
  };
  const wanted = ['code', 'name', 'type_en', 'former_province', 'lat', 'lon', 'alias', 'former_units', 'former_district_main'].map(place);
  return lines.map((line) => {
    const cells = splitLine(line);
    if (cells.length !== columns.length) throw new Error(`a line of the units file has ${cells.length} cells: ${line}`);
    const [code, name, kind, province, lat, lon, alias, former, district] = wanted.map((at) => cells[at]);
    return [code, name, kind, province, Number(lat), Number(lon), [alias, former].filter(Boolean).join('; '), district];
  });
}

function splitLine(line) {
  const cells = [];
  for (const match of line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)) {
    cells.push(match[1] === undefined ? (match[2] ?? '') : match[1].replaceAll('""', '"'));
  }
  return cells;
}
