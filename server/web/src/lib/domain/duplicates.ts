// Issues that may be the same matter: by place, field, words and time. A suggestion only; a person decides.
import { fold } from './text.ts';
import { daysBetween } from './period.ts';

interface Matter {
  id: string;
  unit: string;
  field?: string | null;
  title?: string | null;
  received_on?: string | null;
  status: string;
}

/** Words that say nothing about the matter. */
const COMMON = new Set(['va', 'cua', 'cho', 'cac', 'nhung', 'tai', 'de', 'nghi', 've', 'la', 'co', 'khong', 'o', 'duoc', 'bi', 'do', 'trong']);

function wordsOf(text: string): Set<string> {
  return new Set(fold(text).split(' ').filter((word) => word.length > 1 && !COMMON.has(word)));
}

/** How alike two matters are, from 0 to 1. */
export function likeness(a: Matter, b: Matter): number {
  if (a.unit !== b.unit) return 0;
  const [left, right] = [wordsOf(a.title ?? ''), wordsOf(b.title ?? '')];
  const shared = [...left].filter((word) => right.has(word)).length;
  const words = shared / Math.max(1, Math.min(left.size, right.size));
  const field = a.field && a.field === b.field ? 1 : 0;
  const apart = a.received_on && b.received_on ? Math.abs(daysBetween(a.received_on, b.received_on)) : 365;
  return 0.55 * words + 0.3 * field + 0.15 * Math.max(0, 1 - apart / 180);
}

/** The most alike, best first. */
export function suggestions<T extends Matter>(of: T, among: T[], most = 5): { issue: T; score: number }[] {
  return among
    .filter((issue) => issue.id !== of.id && issue.status !== 'duplicate')
    .map((issue) => ({ issue, score: likeness(of, issue) }))
    .filter(({ score }) => score >= 0.4)
    .sort((a, b) => b.score - a.score)
    .slice(0, most);
}
