// What page and worker say to each other. Calls are numbered; what the core gives as JSON text crosses as text and is read
// by the page, which is cheaper than cloning the object.

import type { Remedy } from './contract';

/** An error on its way; `CoreError` on the page. */
export interface Fault {
  code: string;
  remedy: Remedy;
  message: string;
  [more: string]: unknown;
}

export type ToWorker = { id: number; call: string; args: unknown[] };

export type FromWorker =
  | { id: number; json: string }
  | { id: number; value: unknown }
  | { id: number; fault: Fault }
  | { tell: 'changed' | 'progress'; json: string }
  | { tell: 'news' };

/** JSON text of the core, not to be read before it is on the page. */
export class Text {
  constructor(readonly json: string) {}
}

/** An error that the worker itself knows. */
export function fault(code: string, remedy: Remedy, message: string, more: Record<string, unknown> = {}): Fault {
  return { code, remedy, message, ...more };
}

export function isFault(error: unknown): error is Fault {
  return typeof error === 'object' && error !== null && 'code' in error && 'remedy' in error;
}
