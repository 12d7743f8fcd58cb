// A server of this run's own, filled by real devices: what `gandan-server` and `gandan` do, as an operator and officials
// would do it. Two servers with the same records: one is only read, so that its figures stay what they are; on the other
// one the tests act.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const top = resolve(import.meta.dirname, '../../..');
const binary = (variable: string, name: string): string => process.env[variable] ?? join(top, 'target/debug', name);
const SERVER = binary('GANDAN_SERVER_BIN', 'gandan-server');
const DEVICE = binary('GANDAN_BIN', 'gandan');

export interface Ground {
  folder: string;
  /** The server that is only read. */
  still: string;
  /** The server on which the tests act, its port and data. */
  acting: string;
  tokens: Record<'province' | 'commune' | 'agency' | 'inspector' | 'administrator', string>;
  /** The unit of the commune's token. */
  unit: string;
  /** The agency of the agency's token. */
  agency: string;
  /** The data of the server that is only read: for a copy on which a test may do what others must not see. */
  stillData: string;
}

interface SampleVisit {
  unit_code: string;
  officials: { official_id: string; role: string }[];
}

/** Runs a program to its end; the JSON that it prints last. */
function run(program: string, args: string[], input?: string): Record<string, unknown> {
  const said = spawnSync(program, args, { input, encoding: 'utf8', maxBuffer: 64 << 20 });
  if (said.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${said.error?.message ?? ''} ${said.stderr} ${said.stdout}`);
  const text = said.stdout.trim();
  return JSON.parse(text === '' ? 'null' : text.startsWith('{\n') ? text : (text.split('\n').at(-1) ?? 'null')) as Record<string, unknown>;
}

/** `gandan-server COMMAND --data … --json`. */
export const operate = (command: string, data: string, args: string[]): Record<string, unknown> => run(SERVER, command === 'account' ? [command, args[0] ?? '', '--data', data, ...args.slice(1), '--json'] : [command, '--data', data, ...args, '--json']);

/** A phone: `gandan --home … --json`. */
export const device = (folder: string, official: string, args: string[]): Record<string, unknown> =>
  run(DEVICE, ['--home', join(folder, 'devices', official), ...args, '--json']);

/** A data folder with the 124 units. */
export const init = (data: string): Record<string, unknown> => operate('init', data, ['--units', join(top, 'crates/model/data/lam-dong-units.csv')]);

/** Starts a server and waits until it says where it listens. */
export async function serve(data: string, port = 0, options: string[] = []): Promise<{ base: string; child: ChildProcess }> {
  const child = spawn(SERVER, ['serve', '--json', '--listen', `127.0.0.1:${port}`, '--data', data, ...options], { stdio: ['ignore', 'pipe', 'pipe'] });
  const line = await new Promise<string>((good, bad) => {
    let text = '';
    let errors = '';
    child.stderr?.on('data', (part: Buffer) => (errors += String(part)));
    child.stdout?.on('data', (part: Buffer) => {
      text += String(part);
      if (text.includes('\n')) good(text.split('\n')[0] ?? '');
    });
    child.on('error', bad);
    child.on('exit', (status) => bad(new Error(`gandan-server ended with ${status}: ${errors}`)));
  });
  child.removeAllListeners('exit');
  return { base: `http://${(JSON.parse(line) as { listening: string }).listening}`, child };
}

/** Asks it to end, and waits until it has. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((done) => child.once('exit', done));
  child.kill('SIGTERM');
  await ended;
}

/** Everything that is on disk before the servers run. */
export async function fill(): Promise<{ folder: string; ground: Omit<Ground, 'still' | 'acting'>; data: { still: string; acting: string }; port: number }> {
  for (const program of [SERVER, DEVICE]) if (!existsSync(program)) throw new Error(`${program} is not there: cargo build -p gandan-cli -p gandan-server`);
  const folder = mkdtempSync(join(tmpdir(), 'gandan-web-'));
  const data = { still: join(folder, 'still'), acting: join(folder, 'acting') };
  const lines = readFileSync(join(top, 'tests/fixtures/visits-sample.jsonl'), 'utf8').trim().split('\n');
  const visits = lines.map((line) => JSON.parse(line) as SampleVisit);
  init(data.still);
  const { base, child } = await serve(data.still);
  try {
    const officials = new Map<string, { units: Set<string>; leads: string[] }>();
    for (const [index, visit] of visits.entries()) {
      for (const { official_id: id, role } of visit.officials) {
        const known = officials.get(id) ?? { units: new Set(['23149']), leads: [] };
        known.units.add(visit.unit_code);
        if (role === 'lead') known.leads.push(lines[index] ?? '');
        officials.set(id, known);
      }
    }
    mkdirSync(join(folder, 'devices'));
    for (const [id, { units, leads }] of officials) {
      const { link } = operate('enrol', data.still, ['--name', id, '--role', 'field_official', '--base-url', base, ...[...units].flatMap((unit) => ['--unit', unit])]);
      device(folder, id, ['enrol', String(link)]);
      if (leads.length) {
        const file = join(folder, `${id}.jsonl`);
        writeFileSync(file, `${leads.join('\n')}\n`);
        device(folder, id, ['record', '--jsonl', file]);
      }
      device(folder, id, ['sync']);
    }
    const views = await fetch(`${base}/healthz?views_current=true`);
    if (!views.ok) throw new Error(`healthz: ${views.status}`);
    const token = (name: string, role: string, ...where: string[]): string => String(operate('token', data.still, ['--name', name, '--role', role, ...where]).token);
    const [unit, agency] = ['24781', 'Sở Xây dựng'];
    const tokens = {
      province: token('Văn phòng UBND tỉnh', 'province_staff', '--province'),
      commune: token('Cán bộ phường', 'commune_staff', '--unit', unit),
      agency: token(agency, 'agency', '--province'),
      inspector: token('Thanh tra tỉnh', 'inspector', '--province'),
      administrator: token('Quản trị', 'administrator', '--province'),
    };
    return { folder, data, port: Number(new URL(base).port), ground: { folder, tokens, unit, agency, stillData: data.still } };
  } finally {
    await end(child);
  }
}

/** Another data folder with the same records. */
export function copy(data: { still: string; acting: string }): void {
  const file = `${data.acting}.db`;
  operate('backup', data.still, ['--to', file]);
  operate('restore', data.acting, ['--from', file]);
  rmSync(file);
}
