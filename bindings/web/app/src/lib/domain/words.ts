// Names as people say them.
import { label } from '$web/lib/domain/codes.ts';

/** "Buôn Đăng Gia": the kind stands before the name unless the name says it already. */
export function placeName(kind: string | null, name: string | null): string {
  if (!name) return '';
  const word = kind && kind !== 'other' ? label('place_kind', kind) : '';
  return word === '' || name.toLowerCase().startsWith(word.toLowerCase()) ? name : `${word} ${name}`;
}
