// Vietnamese text: folding for search, and the order of the alphabet.

/** The search form of a text, the same as the server's: case, marks, đ, tone placement, apostrophes and i/y do not matter. */
export function fold(text: string): string {
  return text
    .replace(/['’‘ʼ`´]/g, '')
    .normalize('NFKD')
    .toLowerCase()
    .normalize('NFKD')
    .replace(/\p{Mn}/gu, '')
    .replace(/[đðɖɗ]/g, 'd')
    .replace(/[ƀɓ]/g, 'b')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
    .replace(/(?<=qu|[b-df-hj-np-tvwxz])y/g, 'i');
}

/** True if every word of `query` stands in `text`. */
export function contains(text: string, query: string): boolean {
  const folded = fold(text);
  return fold(query)
    .split(' ')
    .every((word) => folded.includes(word));
}

const collator = new Intl.Collator('vi', { numeric: true });

/** The order of the Vietnamese alphabet; numbers by value. */
export function byName(a: string, b: string): number {
  return collator.compare(a, b);
}
