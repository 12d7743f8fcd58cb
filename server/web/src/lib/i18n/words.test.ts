import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import en from './en.json';
import vi from './vi.json';

const stem = (key: string): string => key.replace(/_(one|other)$/, '');
const stems = (words: object): string[] => [...new Set(Object.keys(words).map(stem))].sort();
const marks = (text: string): string[] => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((mark) => mark[1] ?? '').sort();

it('both languages have the same keys', () => expect(stems(en)).toEqual(stems(vi)));

it('both languages put the same values in', () => {
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
  const sources: string[] = [];
  const walk = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (/\.(svelte|ts)$/.test(entry.name)) sources.push(readFileSync(path, 'utf8'));
    }
  };
  walk(join(import.meta.dirname, '../..'));
  const text = sources.join('\n');
  // Keys put together from a code: their beginning stands in the source as `${`.
  const open = [...text.matchAll(/`([\w.]+)\$\{/g)].map((match) => match[1] ?? '');
  const unused = stems(vi).filter((key) => !text.includes(`'${key}'`) && !open.some((start) => key.startsWith(start)));
  expect(unused).toEqual([]);
});
