/**
 * The validation programs of runtime-tools against runts with each host, or against RUNTIME: an absolute path, or a name inside
 * ROOM_ROOT (scripts/peers). PLACE says which of them: `machine` or `guest`; PROGRAMS gives their names instead.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import t from 'tap';
import { attempts, inGuest, isRace, judge, reasonToFail, type Verdict } from './programs.js';

const project = new URL('..', import.meta.url).pathname;
const directory = `${project}build/conformance/programs`;
const { RUNTIME, ROOM_ROOT, RUNTS_HOST, PLACE = 'machine', PROGRAMS } = process.env;

const ours: readonly [host: string, runtime: string][] = [
  ['static', `${project}build/runts`],
  ['node', `${project}dist/runts.js`],
];

/** What each result's name ends with, and the runtime. */
const runtimes: readonly (readonly [suffix: string, runtime: string])[] =
  RUNTIME !== undefined
    ? [['', RUNTIME]]
    : ours
        .filter(([host, runtime]) => (RUNTS_HOST ?? host) === host && existsSync(runtime))
        .map(([host, runtime]) => [` (${host})`, runtime]);

function reasonToSkip(): string | undefined {
  if (process.getuid!() !== 0) return 'the validation programs need root';
  if (!existsSync(directory))
    return 'the validation programs are not installed (conformance/install does it, with Go and a network)';
  return undefined;
}

function wanted(program: string): boolean {
  if (PROGRAMS !== undefined) return PROGRAMS.split(/\s+/).includes(program);
  // on an emulated processor what fails for all is not worth its time unless a table is made of it
  return inGuest(program)
    ? PLACE === 'guest' && (RUNTIME !== undefined || reasonToFail(program) === undefined)
    : PLACE === 'machine';
}

/** One of the programs takes this profile for granted. */
function loadProfile(): void {
  execFileSync('apparmor_parser', ['-r'], {
    input:
      'profile acme_secure_profile flags=(attach_disconnected) {\n  file,\n  capability,\n  signal,\n}\n',
  });
}

function verdict(program: string, runtime: string): Verdict {
  const { status, stdout, stderr } = spawnSync(
    `${project}conformance/room`,
    [...(ROOM_ROOT ? ['-r', ROOM_ROOT] : []), `./${program}`],
    { cwd: directory, env: { ...process.env, RUNTIME: runtime }, encoding: 'utf8', timeout: 300_000 },
  );
  return judge(status, stdout, stderr);
}

/** Runs a program, and returns whether it passes. */
function check(program: string, suffix: string, runtime: string): boolean {
  let found = verdict(program, runtime);
  for (let tries = 1; !found.passed && tries < attempts(program); tries++) found = verdict(program, runtime);
  const known = reasonToFail(program);
  t.ok(found.passed, `${program}${suffix}`, {
    why: found.why,
    at: null,
    stack: '',
    ...(known === undefined ? {} : { todo: known }),
  });
  return found.passed;
}

const skip = reasonToSkip();
if (skip !== undefined) t.plan(0, skip);
else {
  t.setTimeout(1_800_000);
  if (PLACE === 'guest') loadProfile();
  const programs = readdirSync(directory)
    .filter(name => /^[a-z_]+$/.test(name) && name !== 'runtimetest')
    .filter(wanted);
  for (const [suffix, runtime] of runtimes) {
    const passed = programs.filter(program => check(program, suffix, runtime));
    const unexpected = passed.filter(program => reasonToFail(program) !== undefined && !isRace(program));
    if (RUNTIME === undefined)
      t.strictSame(unexpected, [], `no program passes that is said to fail${suffix}`);
  }
}
