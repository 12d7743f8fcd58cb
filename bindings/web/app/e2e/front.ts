// A site of our own choosing in front of a real server: its API as it is, and the app's files from a folder.
import { existsSync, readFileSync } from 'node:fs';
import { type Server, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';

/** The site as it was built last. */
export const SITE = resolve(import.meta.dirname, '../dist/site');
const TYPES: Record<string, string> = { html: 'text/html; charset=utf-8', js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml', wasm: 'application/wasm', png: 'image/png', webmanifest: 'application/manifest+json' };

export class Front {
  private constructor(
    private readonly server: Server,
    /** Where it listens. */
    readonly base: string,
  ) {}

  /** `site`: the folder whose version is published at the moment. */
  static async open(behind: string, site: () => string): Promise<Front> {
    const server = createServer((asked, answer) => {
      const path = (asked.url ?? '/').split('?')[0] ?? '/';
      if (!path.startsWith('/field')) {
        const on = request(`${behind}${asked.url ?? '/'}`, { method: asked.method, headers: asked.headers }, (said) => {
          answer.writeHead(said.statusCode ?? 502, said.headers);
          said.pipe(answer);
        });
        on.on('error', () => answer.destroy());
        asked.pipe(on);
        return;
      }
      const wanted = join(site(), path.replace(/^\/field\/?/, ''));
      const file = path.includes('.') && existsSync(wanted) ? wanted : join(site(), 'index.html');
      answer.writeHead(200, { 'content-type': TYPES[file.split('.').at(-1) ?? ''] ?? 'text/plain', 'cache-control': 'no-cache', 'service-worker-allowed': '/field' });
      answer.end(readFileSync(file));
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return new Front(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }
}
