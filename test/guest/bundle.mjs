/** bundle.mjs DIRECTORY FILE...: test files as one file each, for a guest without node_modules: DIRECTORY/PATH.test.mjs */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

process.chdir(new URL('../..', import.meta.url).pathname);
const [outdir, ...entryPoints] = process.argv.slice(2);

/** Where the project lies in the guest (test/guest/image/job). */
const there = 'file:///job/work/';

/** Each module keeps its own place, by which it finds other files of the project. */
const places = {
  name: 'places',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const inProject = path.slice(process.cwd().length + 1);
      if (inProject.startsWith('node_modules/')) return undefined;
      const url = JSON.stringify(`${there}${inProject}`);
      return { contents: readFileSync(path, 'utf8').replaceAll('import.meta.url', url), loader: 'ts' };
    });
  },
};

await build({
  entryPoints,
  outdir,
  outbase: '.',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  conditions: ['seccomp-bpf-ts-source'],
  format: 'esm',
  target: 'node20',
  plugins: [places],
  // what tap and its dependencies have of CommonJS
  banner: {
    js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
  },
  logLevel: 'error',
});
// tcompare, a part of tap, loads this one by itself where esbuild cannot see it; only comparing React elements needs it.
const hidden = `${outdir}/node_modules/react-element-to-jsx-string`;
mkdirSync(hidden, { recursive: true });
writeFileSync(`${hidden}/index.js`, 'module.exports = String;\n');
