import { expect, it } from 'vitest';
// @ts-expect-error: a script without types
import { parseCodes, parseUnits } from './parse.mjs';

it('code lists are read, also over several lines', () => {
  const source = 'code_list! {\n    /// What.\n    Kind, "kind" {\n        A = "a", "Một", "One";\n        B =\n            "b", "Hai, ba", "Two";\n    }\n}\n';
  expect(parseCodes(source)).toEqual({ kind: { a: ['Một', 'One'], b: ['Hai, ba', 'Two'] } });
  expect(() => parseCodes('')).toThrow();
});

it('units are read, quoted cells too, and a broken line is told', () => {
  const head = 'code,name,type_en,former_province,lat,lon,alias,former_units,former_district_main\n';
  expect(parseUnits(`${head}1,"A, B",ward,P,1.5,2,,"x ""y""",D\n`)).toEqual([['1', 'A, B', 'ward', 'P', 1.5, 2, 'x "y"', 'D']]);
  expect(() => parseUnits(`${head}1,A\n`)).toThrow();
});
