/** The Node.js host: finds the addon and runs the bundles that lie beside this file. The only import of `node:*` in src/. */
import { createRequire } from 'node:module';
import type { Native } from './native.js';

type Part = (native: Native, argv: readonly string[], load: (part: string) => unknown) => unknown;

const require = createRequire(import.meta.url);
const native: Native = require('../build/Release/runts.node');
const argv = process.argv.slice(2);
const loaded = new Map<string, unknown>();

/** Each part is run once, however often it is asked for. */
function load(part: string): unknown {
  if (!loaded.has(part)) loaded.set(part, (require(`./${part}.cjs`) as Part)(native, argv, load));
  return loaded.get(part);
}

/**
 * The number of the argument that is not UTF-8, from 1 on, or 0. Node.js has put other characters into its place;
 * native/embed/main.c refuses it, too.
 */
function damagedArgument(): number {
  if (!argv.some(word => word.includes('\ufffd'))) return 0;
  const binary = (bytes: string | Uint8Array) => Buffer.from(bytes as Uint8Array).toString('latin1');
  const given = binary(native.readBytes('/proc/self/cmdline'))
    .split('\0')
    .slice(-argv.length - 1, -1);
  return argv.findIndex((word, at) => binary(word) !== given[at]) + 1;
}

const damaged = damagedArgument();
if (damaged > 0) {
  native.write(2, `runts: argument ${damaged} is not valid UTF-8\n`);
  process.exitCode = 1;
} else {
  const { main } = load('cli') as { main(): number };
  process.exitCode = main();
}
