import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import en from './en.json';
import vi from './vi.json';

const stem = (key: string): string => key.replace(/_(one|other)$/, '');
const stems = (words: object): string[] => [...new Set(Object.keys(words).map(stem))].sort();
const marks = (text: string): string[] => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((mark) => mark[1] ?? '').sort();

it('both languages have the same keys and put the same values in', () => {
  expect(stems(en)).toEqual(stems(vi));
  const english = en as Record<string, string>;
  for (const [key, text] of Object.entries(vi)) expect([key, marks(english[key] ?? '')]).toEqual([key, marks(text)]);
});

it('Vietnamese is composed and written with the old tone placement', () => {
  for (const [key, text] of Object.entries(vi)) {
    expect([key, text]).toEqual([key, text.normalize('NFC')]);
    expect(text, key).not.toMatch(/\b\p{L}*(oà|oá|oả|oã|oạ|oè|oé|(?<!q)u[ỳýỷỹỵ])(?!\p{L})/iu);
  }
});

it('no word is left that no page says', () => {
  const files = readdirSync(join(import.meta.dirname, '../..'), { recursive: true, encoding: 'utf8' }).filter((name) => /\.(svelte|ts)$/.test(name));
  const text = files.map((name) => readFileSync(join(import.meta.dirname, '../..', name), 'utf8')).join('\n');
  const open = [...text.matchAll(/`([\w.]+)\$\{/g)].map((match) => match[1] ?? '');
  expect(stems(vi).filter((key) => !text.includes(`'${key}'`) && !open.some((start) => key.startsWith(start)))).toEqual([]);
});
