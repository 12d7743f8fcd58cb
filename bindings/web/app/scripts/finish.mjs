// After the build: the service worker with the list of every file of this version, the same files compressed for the server
// to embed, and the whole download measured against its budget.
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build } from 'vite';

/** Most bytes that a phone downloads until the app works without a network, compressed; the core takes most of it. */
const BUDGET = 1.6 * 1024 * 1024;
const app = resolve(import.meta.dirname, '..');
const site = join(app, 'dist/site');

function* walk(folder, prefix = '') {
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) yield* walk(path, `${prefix}${name}/`);
    else yield `${prefix}${name}`;
  }
}

// What the app does not need to work stays out: the licences are read with a network.
const files = [...walk(site)].filter((name) => !/\.(br|gz|md)$/.test(name) && name !== 'sw.js');
const entries = files.map((name) => ({
  url: `/field/${name}`,
  // Names under assets/ hold a fingerprint already.
  revision: name.startsWith('assets/') ? null : createHash('sha256').update(readFileSync(join(site, name))).digest('hex').slice(0, 16),
}));

await build({
  configFile: false,
  root: app,
  logLevel: 'warn',
  define: { FILES: JSON.stringify(entries), 'process.env.NODE_ENV': '"production"' },
  build: { outDir: site, emptyOutDir: false, copyPublicDir: false, target: 'es2022', lib: { entry: join(app, 'src/sw.ts'), name: 'worker', formats: ['iife'], fileName: () => 'sw.js' } },
});

const sizes = new Map();
for (const name of [...walk(site)].filter((name) => /\.(html|js|css|svg|json|webmanifest|wasm|md)$/.test(name))) {
  const bytes = readFileSync(join(site, name));
  const size = { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } };
  const packed = { br: brotliCompressSync(bytes, size), gz: gzipSync(bytes, { level: 9 }) }; // browsers offer br over TLS only
  for (const [kind, content] of Object.entries(packed)) writeFileSync(join(site, `${name}.${kind}`), content);
  sizes.set(name, packed.br.length); // what a phone gets: a field app needs TLS anyway
}
const sizeOf = (name) => sizes.get(name) ?? statSync(join(site, name)).size;
const kb = (bytes) => `${(bytes / 1024).toFixed(1)} KB`;
const download = [...files, 'sw.js'].sort((a, b) => sizeOf(b) - sizeOf(a));
const total = download.reduce((sum, name) => sum + sizeOf(name), 0);
for (const name of download.slice(0, 5)) console.log(`  ${kb(sizeOf(name)).padStart(10)}  ${name}`);
console.log(`whole app ${kb(total)} compressed in ${download.length} files, at most ${kb(BUDGET)}`);
if (total > BUDGET) {
  console.error('the app is too large to download over a village network');
  process.exitCode = 1;
}
