/** Tables of bad input: each row is one call that fails with one clear line and leaves nothing behind. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Test } from 'tap';
import { type Config, type Kernel, kernelTest, type Outcome, type RunOptions } from './harness.js';

/** Where a row's call happens. */
export interface Place {
  bundle: string;
  id: string;
  /** an empty directory */
  directory: string;
}

export type Change = (config: Config, rootfs: string) => void;
export type Args = (place: Place) => string[];

export interface Failing {
  /** what is wrong */
  name: string;
  change?: Change;
  /** config.json as it is */
  text?: string | Buffer;
  /** changes files of the bundle, and others that the call is about */
  prepare?: (place: Place) => void;
  /** after the global options; create of the bundle unless given */
  args?: Args;
  options?: RunOptions;
  /** the whole message, with BUNDLE, ID and DIRECTORY for what differs from run to run */
  says: string | RegExp;
  status?: number;
}

/** A message without what differs from run to run. */
export const plain = (text: string, { bundle, id, directory }: Place): string =>
  text.replaceAll(bundle, 'BUNDLE').replaceAll(id, 'ID').replaceAll(directory, 'DIRECTORY');

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** One line on standard error, nothing on standard output, the status. */
export function expectFailure(t: Test, outcome: Outcome, says: string | RegExp, status = 1): void {
  const { stdout, stderr } = outcome;
  t.equal(outcome.status, status, 'exit status');
  t.equal(stdout, '', 'nothing on standard output');
  t.match(stderr, /^[^\n]+\n$/, 'one line');
  if (typeof says === 'string') t.equal(stderr, `${says}\n`);
  else t.match(stderr, says);
}

/** The log holds the same message in one JSON line. */
export function expectLogged(t: Test, file: string, message: string): void {
  const lines = readFileSync(file, 'utf8').split('\n');
  t.equal(lines.length, 2, 'one line in the log');
  const { level, msg, time, ...more } = JSON.parse(lines[0]!) as Record<string, string>;
  t.strictSame({ level, msg, more }, { level: 'error', msg: message.trimEnd(), more: {} });
  t.match(time, rfc3339);
}

function fail(t: Test, k: Kernel, row: Failing): void {
  const bundle = k.bundle(row.change);
  if (row.text !== undefined) writeFileSync(`${bundle}/config.json`, row.text);
  const directory = `${k.directory}/empty`;
  const place = { bundle, id: k.id(), directory };
  row.prepare?.(place);
  const before = readdirSync(bundle);
  const log = `${k.directory}/log.json`;
  const args = row.args?.(place) ?? ['create', '--bundle', bundle, place.id];
  const outcome = k.runts(['--log', log, '--log-format', 'json', ...args], row.options);
  expectFailure(t, { ...outcome, stderr: plain(outcome.stderr, place) }, row.says, row.status);
  if (existsSync(log)) expectLogged(t, log, outcome.stderr);
  else t.match(args, ['--log'], 'a log was written');
  t.strictSame(readdirSync(bundle), before, 'nothing new in the bundle');
  t.notOk(existsSync(directory), 'no file was made');
  t.strictSame(k.leftovers(), [], 'nothing is left');
}

/** One test for each row and host. */
export function failures(rows: readonly Failing[]): void {
  for (const row of rows) {
    kernelTest(`fails: ${row.name}`, async (t, k) => {
      fail(t, k, row);
    });
  }
}
