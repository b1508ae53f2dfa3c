/** For the tests of this directory: builds the two twins of `primitives.ts` and runs them. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { bundleParts } from '../../scripts/bundle.mjs';
import type { Native } from '../../src/native.js';

const root = new URL('../..', import.meta.url).pathname;
export const native: Native = createRequire(import.meta.url)(`${root}build/Release/runts.node`);

const entries = {
  cli: 'test/native/primitives.ts',
  create: 'test/native/create-part.ts',
  exec: 'test/native/create-part.ts',
  seccomp: 'test/native/create-part.ts',
  systemd: 'test/native/create-part.ts',
  cold: 'test/native/cold-part.ts',
};

/** The two hosts as command lines; `quickjs` is undefined where the machine has no QuickJS. */
export interface Hosts {
  node: string[];
  quickjs: string[] | undefined;
}

/** With RUNTS_SANITIZE set, the executable with AddressSanitizer is tested (`scripts/build sanitize`). */
export const sanitize = process.env.RUNTS_SANITIZE !== undefined;
const build = sanitize ? `${root}build/asan` : `${root}build`;

/** Needs a built project (`npm run build`). Test files run at the same time: they build one after the other. */
export async function buildHosts(): Promise<Hosts> {
  const lock = native.lock(`${root}build`, true);
  await bundleParts(entries, 'build/test-parts', 'build/test-parts/node');
  const node = [process.execPath, `${root}test/native/node-host.cjs`];
  const hasQuickjs = existsSync(`${build}/runts`);
  if (hasQuickjs)
    execFileSync('cmake', ['--build', sanitize ? build : `${build}/cmake`, '--target', 'runts-test'], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  native.close(lock);
  return { node, quickjs: hasQuickjs ? [`${build}/test/runts-test`] : undefined };
}

export interface Outcome {
  status: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

const someFile = openSync('/dev/null', 'r');

/** Runs a host with arguments; `prefix` is a command to run it by. */
export function runHost(
  host: string[],
  args: string[],
  prefix: string[] = [],
  env: NodeJS.ProcessEnv = {},
): Outcome {
  const [command, ...words] = [...prefix, ...host, ...args];
  const { status, signal, stdout, stderr } = spawnSync(command!, words, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    // descriptors 7 and 8 are inherited; 7 is a file, 8 one end of a pipe
    stdio: ['ignore', 'pipe', 'pipe', null, null, null, null, someFile, 'pipe'],
  });
  return { status, signal, stdout, stderr };
}
