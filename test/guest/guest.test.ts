/**
 * What this machine may lack is tested in a guest: the kernel tests once more where all controllers and capabilities are, the
 * tests of test/guest/inside, which need them, systemd, AppArmor or engines, and the validation programs that need them.
 * Each test there is an assertion here.
 */
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import t, { type Test } from 'tap';
import { helper } from '../kernel/harness.js';
import { parse, type Result } from './results.js';

process.chdir(new URL('../..', import.meta.url).pathname);
t.setTimeout(3_600_000);

/** Configurations that engines wrote, which lie beside the project. */
const callers = '../shared/caller-configs';
/** The validation programs (conformance/install). */
const programs = 'build/conformance/programs';

/** Runs a program and returns what it said. */
function output(command: string, ...args: string[]): Promise<{ status: number | null; text: string }> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  const take = (data: Buffer) => {
    text += data.toString();
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  return new Promise(resolve => child.on('close', status => resolve({ status, text })));
}

const testsIn = (directory: string): string[] =>
  readdirSync(directory)
    .filter(name => name.endsWith('.test.ts'))
    .map(name => `${directory}/${name}`);

function report(t: Test, results: readonly Result[]): void {
  for (const { name, ok, skip, details } of results) {
    t.ok(ok, name, {
      at: null,
      stack: '',
      ...(skip === undefined ? {} : { skip }),
      ...(ok ? {} : { details }),
    });
  }
}

/**
 * The emulator loses a guest now and then (status 125: it ended without an answer), which says nothing of runts: it is tried
 * once more. What brings a guest down does so twice.
 */
async function runGuest(t: Test, ...args: string[]): ReturnType<typeof output> {
  const first = await output('scripts/guest', ...args);
  if (first.status !== 125) return first;
  t.comment(`the guest is lost, once more: ${first.text.slice(-500)}`);
  return output('scripts/guest', ...args);
}

/** One guest for a group of test files, from a pristine disk, with more of the project's files. */
async function inGuest(t: Test, files: readonly string[], more: readonly string[] = []): Promise<void> {
  const bundles = 'build/guest-tests';
  rmSync(bundles, { recursive: true, force: true });
  mkdirSync(bundles, { recursive: true });
  const bundled = await output('node', 'test/guest/bundle.mjs', bundles, ...files);
  t.equal(bundled.status, 0, 'the tests are bundled', { found: bundled.text });
  writeFileSync(`${bundles}/files`, files.map(file => `${file.replace(/\.ts$/, '.mjs')}\n`).join(''));
  if (existsSync(callers)) cpSync(callers, `${bundles}/caller-configs`, { recursive: true });
  // there is no compiler in the guest
  const helpers = readdirSync('test/kernel')
    .filter(name => name.endsWith('.c'))
    .map(name => relative('.', helper(name.slice(0, -2))));
  const { status, text } = await runGuest(
    t,
    'run',
    '-t',
    '3000',
    'test/guest/run-tests',
    ...['build/runts', bundles, 'test/kernel', 'conformance/room'],
    ...helpers,
    ...more,
  );
  const results = parse(text);
  report(t, results);
  t.ok(status === 0, 'the guest ran to its end', { status, end: text.split('\n').slice(-50) });
  t.ok(results.length >= files.length, 'every file has results');
}

/** Why there is no guest; undefined when there is one. With CI set, one that cannot be made is a failure. */
async function reasonToSkip(): Promise<string | undefined> {
  if (!existsSync('build/runts')) return 'the guest needs the static executable, which is not built';
  const { text: missing } = await output('scripts/guest', 'check');
  if (missing !== '') return missing.trim();
  const { status, text } = await output('scripts/guest', 'build');
  if (status === 0) return undefined;
  if (process.env.CI) t.fail('the guest is made', { found: text.slice(-2000) });
  return `the guest could not be made: ${text.trim().split('\n').at(-1)}`;
}

const skip = await reasonToSkip();
if (skip !== undefined) t.pass('the guest', { skip });
else {
  for (const file of testsIn('test/guest/inside')) await t.test(file, t => inGuest(t, [file]));
  const withoutPrograms = existsSync(programs) ? false : 'the validation programs are not installed';
  await t.test('conformance', { skip: withoutPrograms }, t =>
    inGuest(t, ['conformance/validation.test.ts'], [programs]),
  );
  // hundreds of runs: hours on an emulated processor, and nothing in them depends on the machine
  const long = /\/(?:crash|mutated-configs)\.test\.ts$/;
  const kernel = testsIn('test/kernel').filter(file => !long.test(file));
  await t.test('test/kernel', t => inGuest(t, kernel));
}
