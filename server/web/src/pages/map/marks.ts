// What stands on the map.
import type { Schemas } from '../../lib/api/client.ts';
import type { Unit } from '../../lib/domain/units.ts';

/** A unit with its figures. */
export interface UnitMark {
  unit: Unit;
  visits: number;
  issues: number;
  overdue: number;
  /** Issues with a date that are settled or past it: the n of the rate. */
  timed: number;
  onTime: number | null;
}

/** One record, or several that lie close together. */
export type Point = Schemas['Point'];

/** A part of the map in degrees, and its zoom. */
export interface Frame {
  west: number;
  south: number;
  east: number;
  north: number;
  zoom: number;
}

/** How well dates are kept. The map shows it by the ring's stroke as well as by its colour. */
export function grade(mark: UnitMark): 'good' | 'warn' | 'bad' | 'none' {
  if (mark.onTime === null) return 'none';
  return mark.onTime >= 0.8 ? 'good' : mark.onTime >= 0.5 ? 'warn' : 'bad';
}

/** A bubble's diameter in pixels: its area grows with the number of overdue issues. */
export function diameter(overdue: number): number {
  return overdue === 0 ? 14 : Math.round(Math.min(64, 20 + 9 * (Math.sqrt(overdue) - 1)));
}
