// After the build: compresses what the server embeds, and measures the first page against its budget.
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

/** Most bytes of the first page, compressed: everything that stands before the overview's figures do. */
const FIRST_PAGE = 200 * 1024;
const dist = resolve(dirname(fileURLToPath(import.meta.url)), '../dist/site');

function* walk(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) yield* walk(path);
    else yield path;
  }
}

const sizes = new Map();
for (const path of walk(dist)) {
  if (!/\.(html|js|css|svg|json|md)$/.test(path)) continue;
  const bytes = readFileSync(path);
  const packed = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
  sizes.set(path.slice(dist.length + 1), packed.length);
  writeFileSync(`${path}.br`, packed);
  writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 })); // browsers offer br over TLS only
}

/** Files that a file loads before it runs. */
function imports(name, seen) {
  if (seen.has(name) || !sizes.has(name)) return seen;
  seen.add(name);
  const text = readFileSync(join(dist, name), 'utf8');
  // Static imports of a chunk: from"./x.js" and import"./x.js"; dynamic ones have a parenthesis.
  for (const match of text.matchAll(/(?:from|import)\s*["']\.\/([\w.-]+\.js)["']/g)) imports(`assets/${match[1]}`, seen);
  return seen;
}

const first = new Set(['index.html']);
for (const match of readFileSync(join(dist, 'index.html'), 'utf8').matchAll(/(?:src|href)="\/([^"]+)"/g)) imports(match[1], first);
for (const name of sizes.keys()) {
  // The overview is what opens first; its charts come after the figures and are named apart.
  if (/^assets\/Overview-[\w-]+\.(js|css)$/.test(name)) imports(name, first);
}
const total = [...first].reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0);
const all = [...sizes.values()].reduce((sum, size) => sum + size, 0);
const kb = (bytes) => `${(bytes / 1024).toFixed(1)} KB`;
for (const name of [...first].sort((a, b) => (sizes.get(b) ?? 0) - (sizes.get(a) ?? 0)).slice(0, 6)) console.log(`  ${kb(sizes.get(name) ?? 0).padStart(9)}  ${name}`);
console.log(`first page ${kb(total)} compressed, at most ${kb(FIRST_PAGE)}; all pages ${kb(all)}`);
if (total > FIRST_PAGE) {
  console.error('the first page is too large: load what it does not need at once by import()');
  process.exitCode = 1;
}
