/**
 * What a kernel test is made of: real containers, once with each host, in directories of their own, and proof that
 * nothing is left behind. They need root; RUNTS_HOST=static or RUNTS_HOST=node leaves out the other host.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { baseConfig, type Config } from './base-config.js';
import { cgroupMount, leftovers } from './outside.js';

export type { Config } from './base-config.js';
export * from './outside.js';

const project = new URL('../..', import.meta.url).pathname;

export interface Host {
  name: 'static' | 'node';
  argv: readonly [string, ...string[]];
}

/** Whether the executable with AddressSanitizer is tested (`scripts/build sanitize`). */
export const sanitized = process.env.RUNTS_SANITIZE !== undefined;
const executable = `${project}build/${sanitized ? 'asan/' : ''}runts`;

const allHosts: readonly Host[] = [
  { name: 'static', argv: [executable] },
  { name: 'node', argv: [process.execPath, `${project}dist/runts.js`] },
];

/** Why a test cannot run with this host; undefined when it can. */
function reasonToSkip(host: Host): string | undefined {
  if (process.getuid!() !== 0) return 'kernel tests need root';
  if (cgroupMount() === undefined) return 'cgroup v2 is not mounted';
  if (!existsSync('/bin/busybox')) return 'busybox is not installed (scripts/setup installs it)';
  const file = host.argv.at(-1)!;
  return existsSync(file) ? undefined : `${file.slice(project.length)} is not built`;
}

export const hosts: readonly Host[] = allHosts.filter(
  ({ name }) => process.env.RUNTS_HOST === undefined || process.env.RUNTS_HOST === name,
);

/** Unique on the machine, and part of everything that the tests of this process make. */
const fileToken = `rt${process.pid.toString(36)}x${Date.now().toString(36)}`;
let counter = 0;

/** Holds what the tests of one file share; made when first needed, removed at the end. */
let sharedDirectory: string | undefined;
function shared(): string {
  if (sharedDirectory === undefined) {
    const made = mkdtempSync(`${tmpdir()}/${fileToken}-shared-`);
    copyFileSync('/bin/busybox', `${made}/busybox`);
    sharedDirectory = made;
    process.on('exit', () => rmSync(made, { recursive: true, force: true }));
  }
  return sharedDirectory;
}

const applets =
  'awk basename cat chmod chown cp cut date dd df dirname echo env expr false find grep head hexdump hostname id ifconfig kill ln ls mkdir mkfifo mknod mount mv nc od printf ps pwd readlink realpath rm sed seq setsid sh sleep sort stat stty tail tee test timeout touch tr true tty umount uname wc which xargs';

/** A root filesystem at `path`: busybox, a few users, and the directories that mounts go to. */
export function makeRootfs(path: string): void {
  for (const name of ['bin', 'etc', 'proc', 'sys', 'dev', 'tmp', 'root', 'home/user'])
    mkdirSync(`${path}/${name}`, { recursive: true });
  linkSync(`${shared()}/busybox`, `${path}/bin/busybox`);
  for (const name of applets.split(' ')) symlinkSync('busybox', `${path}/bin/${name}`);
  writeFileSync(
    `${path}/etc/passwd`,
    'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:a user:/home/user:/bin/sh\n',
  );
  writeFileSync(`${path}/etc/group`, 'root:x:0:\nuser:x:1000:\nmore:x:2000:user\n');
}

/** Compiles `test/kernel/NAME.c`, if that has not been done yet, and returns the path of the executable. */
export function helper(name: string): string {
  const source = `${project}test/kernel/${name}.c`;
  const result = `${project}build/kernel-test/${name}`;
  if (!existsSync(result) || statSync(result).mtimeMs < statSync(source).mtimeMs) {
    mkdirSync(`${project}build/kernel-test`, { recursive: true });
    const own = `${result}.${process.pid}`; // test files run at the same time
    execFileSync('cc', ['-std=c11', '-Wall', '-Wextra', '-Werror', '-O1', '-static', source, '-o', own]);
    renameSync(own, result);
  }
  return result;
}

/** Puts a helper into a rootfs, as `/bin/NAME`. */
export function install(rootfs: string, name: string): void {
  copyFileSync(helper(name), `${rootfs}/bin/${name}`);
}

export interface Outcome {
  /** exit status; null when a signal ended it */
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  /** standard output as it is by now: a detached container may go on writing */
  later: () => string;
}

export interface RunOptions {
  /** text for standard input; nothing, the end of the file, unless given */
  stdin?: string;
  /** of start(): standard input is a pipe that the test writes to, `child.stdin` */
  interactive?: true;
  /** in addition to PATH */
  env?: Record<string, string>;
  cwd?: string;
  /** open descriptors of ours by the number that runts gets them with, from 3 on; numbers left out are closed */
  descriptors?: Record<number, number>;
  /** in front of runts: `['script', '-qc']` and the like */
  prefix?: string[];
  /** milliseconds after which it is killed; 60 seconds unless given */
  timeout?: number;
}

export interface Background {
  child: ChildProcess;
  pid: number;
  /** when it has ended */
  done: Promise<Outcome>;
  stdout: () => string;
}

export interface BundleOptions {
  /** config.json as it is, instead of a configuration */
  text?: string;
}

type Modify = (config: Config, rootfs: string) => void;

/** What a test is given: runts of one host, and places of its own. */
export interface Kernel {
  host: Host;
  /** part of every id, path and cgroup of this test */
  token: string;
  /** an empty directory of this test */
  directory: string;
  /** `--root` of all calls */
  root: string;
  /** a new id */
  id: () => string;
  /** makes a bundle and returns its directory; `modify` may change the configuration and the files of its rootfs */
  bundle: (modify?: Modify, options?: BundleOptions) => string;
  /** runs runts to its end; output goes to files, so that a container which keeps them open does not hold us up */
  runts: (args: readonly string[], options?: RunOptions) => Outcome;
  /** as runts(), and fails the test unless it succeeds in silence; returns standard output */
  ok: (args: readonly string[], options?: RunOptions) => string;
  /** starts runts and lets it run */
  start: (args: readonly string[], options?: RunOptions) => Background;
  /** the outcome of `run` with a program (a list) or a shell script (a text) */
  run: (program: string | readonly string[], modify?: Modify, options?: RunOptions) => Outcome;
  /** as run(), and fails the test unless it succeeds in silence; returns standard output */
  inside: (program: string | readonly string[], modify?: Modify, options?: RunOptions) => string;
  /** creates and starts a container that sleeps, or does what the script says; returns its id */
  running: (modify?: Modify, script?: string) => string;
  /** creates a container that is not started; returns its id */
  created: (modify?: Modify, script?: string) => string;
  /** the JSON of `state` */
  state: (id: string) => State;
  /** `exec` in a container with a program or a script; returns the outcome */
  exec: (
    id: string,
    program: string | readonly string[],
    flags?: readonly string[],
    options?: RunOptions,
  ) => Outcome;
  /** `delete --force` */
  remove: (...ids: string[]) => void;
  /** the cgroup directory that a container gets by default */
  cgroup: (id: string) => string;
  /** what is there of this test: processes, mounts, cgroups, state directories; each a line of text */
  leftovers: () => string[];
}

export interface State {
  ociVersion: string;
  id: string;
  pid: number;
  status: string;
  bundle: string;
  rootfs: string;
  created: string;
  annotations?: Record<string, string>;
  owner: string;
}

/** Waits until a condition holds; throws when it does not within some seconds. */
export async function until<T>(condition: () => T | undefined | false, milliseconds = 10_000): Promise<T> {
  for (const end = Date.now() + milliseconds; ; ) {
    const value = condition();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > end) throw new Error(`still waiting after ${milliseconds} ms for ${condition}`);
    await sleep(5);
  }
}

/**
 * In front of a command: a mount namespace of its own, in which a script runs first. The script gets the arguments, takes
 * them away with `shift`, and then runs `"$@"`.
 */
export const withOwnMounts = (script: string, ...args: string[]): string[] => [
  'unshare',
  '--mount',
  '--propagation',
  'private',
  'sh',
  '-c',
  script,
  'sh',
  ...args,
];

const words = (program: string | readonly string[]): string[] =>
  typeof program === 'string' ? ['sh', '-c', program] : [...program];

/** Only what is given, and no NODE_OPTIONS: tap has loaders in there. */
const environment = (token: string, options: RunOptions): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  RUNTS_TEST: token,
  ...options.env,
});

/** As JSON.stringify, and 64-bit integers by their digits. */
const stringify = (config: Config): string =>
  JSON.stringify(config, (_, value) => (typeof value === 'bigint' ? `bigint ${value}` : value)).replace(
    /"bigint (\d+)"/g,
    '$1',
  );

function makeKernel(t: Test, host: Host): Kernel {
  const token = `${fileToken}n${counter++}`;
  const directory = mkdtempSync(`${tmpdir()}/${token}-`);
  chmodSync(directory, 0o755); // user namespaces have to get in
  const root = `${directory}/state`;
  let files = 0;

  function open(options: RunOptions): { stdio: number[]; out: string; err: string } {
    const [input, out, err] = ['in', 'out', 'err'].map(kind => `${directory}/${kind}${files}`) as [
      string,
      string,
      string,
    ];
    files++;
    writeFileSync(input, options.stdin ?? '');
    return { stdio: [openSync(input, 'r'), openSync(out, 'w'), openSync(err, 'w')], out, err };
  }

  function launch(options: RunOptions, stdio: readonly number[]) {
    const all: (number | 'ignore' | 'pipe')[] = [...stdio];
    for (const [number, descriptor] of Object.entries(options.descriptors ?? {})) {
      while (all.length < Number(number)) all.push('ignore'); // from 3 on this leaves the number closed
      all[Number(number)] = descriptor;
    }
    const env = environment(token, options);
    return { stdio: all, env, cwd: options.cwd ?? directory, timeout: options.timeout ?? 60_000 };
  }

  const command = (args: readonly string[], options: RunOptions): [string, ...string[]] =>
    [...(options.prefix ?? []), ...host.argv, '--root', root, ...args] as [string, ...string[]];

  const kernel: Kernel = {
    host,
    token,
    directory,
    root,
    id: () => `${token}c${counter++}`,
    bundle(modify, { text } = {}) {
      const bundle = `${directory}/b${counter++}`;
      makeRootfs(`${bundle}/rootfs`);
      const config = baseConfig();
      modify?.(config, `${bundle}/rootfs`);
      writeFileSync(`${bundle}/config.json`, text ?? stringify(config));
      return bundle;
    },
    runts(args, options = {}) {
      const { stdio, out, err } = open(options);
      const [file, ...rest] = command(args, options);
      const { status, signal, error } = spawnSync(file, rest, {
        killSignal: 'SIGKILL',
        ...launch(options, stdio),
      });
      stdio.forEach(closeSync);
      if (error) throw error;
      const later = () => readFileSync(out, 'utf8');
      return { status, signal, stdout: later(), stderr: readFileSync(err, 'utf8'), later };
    },
    ok(args, options) {
      const { status, signal, stdout, stderr } = kernel.runts(args, options);
      t.strictSame({ status, signal, stderr }, { status: 0, signal: null, stderr: '' }, args.join(' '));
      return stdout;
    },
    start(args, options = {}) {
      const { stdio, out, err } = open(options);
      const [file, ...rest] = command(args, options);
      const settings = launch(options, stdio);
      if (options.interactive) settings.stdio[0] = 'pipe';
      const child = spawn(file, rest, { killSignal: 'SIGKILL', ...settings });
      stdio.forEach(closeSync);
      const stdout = () => readFileSync(out, 'utf8');
      const done = new Promise<Outcome>((resolve, reject) => {
        child.on('error', reject);
        child.on('exit', (status, signal) => {
          // When the test failed first, cleanUp has removed the files, and nobody waits.
          if (existsSync(directory))
            resolve({ status, signal, stdout: stdout(), stderr: readFileSync(err, 'utf8'), later: stdout });
        });
      });
      return { child, pid: child.pid!, done, stdout };
    },
    run(program, modify, options) {
      const bundle = kernel.bundle((config, rootfs) => {
        config.process.args = words(program);
        modify?.(config, rootfs);
      });
      return kernel.runts(['run', '--bundle', bundle, kernel.id()], options);
    },
    inside(program, modify, options) {
      const { status, stdout, stderr } = kernel.run(program, modify, options);
      t.strictSame({ status, stderr }, { status: 0, stderr: '' }, `run ${program}`);
      return stdout;
    },
    created(modify, script = 'exec sleep 1000') {
      const bundle = kernel.bundle((config, rootfs) => {
        config.process.args = words(script);
        modify?.(config, rootfs);
      });
      const id = kernel.id();
      kernel.ok(['create', '--bundle', bundle, id]);
      return id;
    },
    running(modify, script) {
      const id = kernel.created(modify, script);
      kernel.ok(['start', id]);
      return id;
    },
    state: id => JSON.parse(kernel.ok(['state', id])) as State,
    exec: (id, program, flags = [], options = {}) =>
      kernel.runts(['exec', ...flags, id, ...words(program)], options),
    remove(...ids) {
      for (const id of ids) kernel.ok(['delete', '--force', id]);
    },
    cgroup: id => `${cgroupMount()}/${id}`,
    leftovers: () => leftovers(token, root),
  };
  return kernel;
}

/** Kills and removes what a test left, so that it harms no other. */
function cleanUp(kernel: Kernel): void {
  for (const line of kernel.leftovers()) {
    const id = /^state .*\/(.*)$/.exec(line)?.[1];
    if (id !== undefined) kernel.runts(['delete', '--force', id]);
  }
  for (const line of kernel.leftovers()) {
    const pid = /^process (\d+):/.exec(line)?.[1];
    if (pid !== undefined) process.kill(Number(pid), 'SIGKILL');
  }
  rmSync(kernel.directory, { recursive: true, force: true });
}

/** Nothing may be left behind. A process that was just killed may take a moment to go. */
async function expectNothingLeft(t: Test, kernel: Kernel): Promise<void> {
  let left = kernel.leftovers();
  for (let tries = 0; tries < 50 && left.length > 0; tries++) {
    await sleep(10);
    left = kernel.leftovers();
  }
  t.strictSame(left, [], 'nothing is left behind');
}

/**
 * A test of a behaviour, once with each host. In the end the test fails if anything of it is left: a process, a mount, a
 * cgroup, a state directory.
 */
export function kernelTest(name: string, test: (t: Test, kernel: Kernel) => Promise<void>): void {
  for (const host of hosts) {
    const skip = reasonToSkip(host);
    t.test(`${name} (${host.name})`, skip === undefined ? {} : { skip }, async t => {
      const kernel = makeKernel(t, host);
      const clean = () => cleanUp(kernel);
      process.once('SIGALRM', clean); // tap's way to end a file that takes too long
      try {
        await test(t, kernel);
        await expectNothingLeft(t, kernel);
      } finally {
        process.off('SIGALRM', clean);
        clean();
      }
    });
  }
}
