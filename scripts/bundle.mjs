/**
 * Bundles the parts of the program (see src/host.ts) with esbuild, the same text for both hosts:
 *   dist/NAME.cjs, dist/runts.js    for Node.js
 *   build/parts/NAME.js             for the static executable (compiled to bytecode by CMake)
 * A file is written only when its text is another: what depends on it is not built again for nothing.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** @type {Record<string, string>} entry files of the product */
const product = {
  cli: 'src/cli.ts',
  create: 'src/create-part.ts',
  exec: 'src/exec-part.ts',
  seccomp: 'src/seccomp-part.ts',
  systemd: 'src/systemd-part.ts',
  cold: 'src/cold-part.ts',
};

/** Parts that get the seccomp compiler only when they call it. */
const lazySeccomp = new Set([product.create, product.exec]);

function commit() {
  try {
    return execFileSync('git', ['rev-parse', '--short=12', 'HEAD'], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
      .toString()
      .trim();
  } catch {
    return 'unknown'; // a tarball, or no commit yet
  }
}

function writeIfOther(path, text, mode = 0o644) {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
}

/** @returns {Promise<string>} the function expression of one part; `compiler` names the seccomp part, whose results are kept */
async function bundlePart(entry, compiler) {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'cjs',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['seccomp-bpf-ts-source'],
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'none',
    minifySyntax: true,
    alias: lazySeccomp.has(entry) ? { 'seccomp-bpf-ts': './src/seccomp-lazy.ts' } : {},
    logLevel: 'warning',
    define: {
      __version: JSON.stringify(version),
      __commit: JSON.stringify(commit()),
      __compiler: JSON.stringify(compiler),
    },
  });
  const body = outputFiles[0].text.replace(/^"use strict";\n/, '');
  return `(function(__native,__argv,__load){"use strict";var module={exports:{}},exports=module.exports;\n${body}return module.exports})`;
}

/**
 * Bundles parts and writes them where the hosts look for them.
 * @param {Record<string, string>} entries file of each part, relative to the project
 * @param {string} partsDir for the static executable: `NAME.js`
 * @param {string} nodeDir for Node.js: `NAME.cjs`
 */
export async function bundleParts(entries, partsDir, nodeDir) {
  const compiler = createHash('sha256')
    .update(await bundlePart(product.seccomp, ''))
    .digest('hex');
  await Promise.all(
    Object.entries(entries).map(async ([name, entry]) => {
      const text = await bundlePart(entry, compiler);
      writeIfOther(join(root, partsDir, `${name}.js`), text);
      writeIfOther(join(root, nodeDir, `${name}.cjs`), `module.exports=${text};\n`);
    }),
  );
}

/** The executable of the Node.js side, beside the bundles that it loads. CommonJS: Node.js starts 7 ms faster. */
async function bundleLauncher() {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['src/node.ts'],
    write: false,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    define: { 'import.meta.url': '__filename' },
    banner: { js: '#!/usr/bin/env node' },
  });
  writeIfOther(join(root, 'dist/runts.js'), outputFiles[0].text, 0o755);
  writeIfOther(join(root, 'dist/package.json'), '{ "type": "commonjs" }\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await bundleParts(product, 'build/parts', 'dist');
    await bundleLauncher();
  } catch (error) {
    if (error.errors === undefined) throw error;
    process.exitCode = 1; // esbuild has said what is wrong
  }
}
