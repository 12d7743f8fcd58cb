// Names as people say them.
import { label } from '$web/lib/domain/codes.ts';

/** "Buôn Đăng Gia": the kind stands before the name unless the name says it already. */
export function placeName(kind: string | null, name: string | null): string {
  if (!name) return '';
  const word = kind && kind !== 'other' ? label('place_kind', kind) : '';
  // English names the Vietnamese kind behind its own word: "Village (thôn)".
  const said = [word, /\((.+)\)/.exec(word)?.[1] ?? word].some((kind) => name.toLowerCase().startsWith(kind.toLowerCase()));
  return word === '' || said ? name : `${word} ${name}`;
}
