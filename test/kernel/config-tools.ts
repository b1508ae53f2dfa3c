/** What the config-*.test.ts share: mount tables, programs for the inside, refusals, other processes' namespaces. */
import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import type { Test } from 'tap';
import { type Config, helper, type Kernel, type RunOptions, until } from './harness.js';

export interface MountEntry {
  /** which part of the file system it shows */
  root: string;
  target: string;
  /** of the mount */
  options: string[];
  /** `shared:N`, `master:N`, `unbindable` and the like; empty for private */
  propagation: string;
  type: string;
  source: string;
  /** of the file system */
  data: string[];
}

/** The lines of a /proc/PID/mountinfo (proc_pid_mountinfo(5)), in their order. */
export function parseMounts(mountinfo: string): MountEntry[] {
  return mountinfo
    .split('\n')
    .filter(line => / - /.test(line))
    .map(line => {
      const [before, after] = line.split(' - ') as [string, string];
      const [, , , root, target, options, ...propagation] = before.split(' ');
      const [type, source, data] = after.split(' ');
      return {
        root: root!,
        target: target!,
        options: options!.split(',').sort(),
        propagation: propagation.join(' ').trim(),
        type: type!,
        source: source!,
        data: data!.split(',').sort(),
      };
    });
}

/** The topmost mount on a target. */
export const mountAt = (mountinfo: string, target: string): MountEntry | undefined =>
  parseMounts(mountinfo)
    .filter(entry => entry.target === target)
    .at(-1);

/** The mount table of a process, as the host sees it. */
export const mountsOfProcess = (pid: number | string): string =>
  readFileSync(`/proc/${pid}/mountinfo`, 'utf8');

/** Puts `test/kernel/NAME.c`, compiled, into the rootfs as /bin/NAME. */
export const install = (rootfs: string, name: string): void =>
  copyFileSync(helper(name), `${rootfs}/bin/${name}`);

/** Capabilities that the program has, in addition to those of the base configuration. */
export function allow(config: Config, ...names: string[]): void {
  for (const set of ['bounding', 'effective', 'permitted'] as const)
    config.process.capabilities[set]!.push(...names);
}

/** Fails unless the container is refused with exactly one line that matches, and exit status 1. */
export function refused(
  t: Test,
  k: Kernel,
  message: RegExp,
  modify: (config: Config, rootfs: string) => void,
  options?: RunOptions,
): void {
  const { status, stdout, stderr } = k.run('echo it ran', modify, options);
  t.strictSame({ status, stdout }, { status: 1, stdout: '' }, `refused: ${message}`);
  t.match(stderr, message);
  t.equal(stderr.trim().split('\n').length, 1, 'one line');
}

/**
 * Runs the rest of a command line as root of a new user and a new mount namespace that have the same ids as outside. Its
 * maps are written by the parent: unshare(1) itself would need the package uidmap.
 */
export const asNamespaceRoot: readonly string[] = [
  'sh',
  '-c',
  `unshare --user --mount sh -c 'until test "$(id -u)" = 0; do sleep 0.01; done; exec "$@"' sh "$@" <&0 & child=$!
  while test "$(readlink /proc/$child/ns/user)" = "$(readlink /proc/self/ns/user)"; do sleep 0.01; done
  echo '0 0 200000' >/proc/$child/gid_map
  echo '0 0 200000' >/proc/$child/uid_map
  wait $child`,
  'sh',
];

/** A process of the host's that does nothing, in new namespaces; ended by stop(). */
export interface Bystander {
  pid: number;
  stop: () => Promise<void>;
}

/** What root of a bystander's user namespace is on the host. */
export const MAPPED = 100_000;

/** Starts `unshare FLAGS sleep` and waits until it sleeps. */
export async function bystander(k: Kernel, ...flags: string[]): Promise<Bystander> {
  const child: ChildProcess = spawn('unshare', [...flags, 'sleep', '1000'], {
    stdio: 'ignore',
    env: { PATH: process.env.PATH, RUNTS_TEST: k.token },
  });
  const pid = child.pid!;
  await until(() => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n');
  const map = `0 ${MAPPED} 1000\n`;
  if (flags.includes('--user'))
    for (const file of ['gid_map', 'uid_map']) writeFileSync(`/proc/${pid}/${file}`, map);
  return {
    pid,
    stop: () =>
      new Promise(resolve => {
        child.on('exit', () => resolve());
        child.kill('SIGKILL');
      }),
  };
}
