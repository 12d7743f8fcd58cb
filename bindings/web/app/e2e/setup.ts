import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { TestProject } from 'vitest/node';
import { end, operate, serve } from '../../../../server/web/e2e/stage.ts';
import { Front } from './front.ts';

export interface Ground {
  folder: string;
  data: string;
  base: string;
  /** Of staff who see the whole province. */
  token: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    field: Ground;
  }
}

/** A server of this run's own, without a record in it. FIELD_SITE: the app's files from this folder instead of from it, which
 * spares building the server again while one works on the app. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'gandan-field-'));
  const data = join(folder, 'data');
  operate('init', data, ['--units', resolve(import.meta.dirname, '../../../../crates/model/data/lam-dong-units.csv')]);
  const { base, child } = await serve(data);
  const token = String(operate('token', data, ['--name', 'Văn phòng', '--role', 'province_staff', '--province']).token);
  const site = process.env.FIELD_SITE;
  const front = site ? await Front.open(base, () => resolve(site)) : null;
  project.provide('field', { folder, data, base: front?.base ?? base, token });
  return async () => {
    await front?.close();
    await end(child);
    rmSync(folder, { recursive: true, force: true });
  };
}
