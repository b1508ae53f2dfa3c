/** What the tests of engines share: an image, and commands whose outcome is told. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import type { Test } from 'tap';

export const runts = new URL('../../../build/runts', import.meta.url).pathname;
export const archive = '/tmp/image.tar';
interface Outcome {
  status: number | null;
  stdout: string;
  stderr: string;
}

export function sh(script: string, prefix: readonly string[] = []): Outcome {
  const [file = 'sh', ...args] = [...prefix, 'sh', '-c', script];
  const { status, stdout, stderr } = spawnSync(file, args, {
    encoding: 'utf8',
    timeout: 120_000,
    cwd: '/tmp',
  });
  return { status, stdout, stderr };
}

/** An image with busybox and nothing else. */
export function makeArchive(): void {
  const root = '/tmp/image';
  mkdirSync(`${root}/bin`, { recursive: true });
  for (const name of ['etc', 'proc', 'sys', 'dev', 'tmp', 'run'])
    mkdirSync(`${root}/${name}`, { recursive: true });
  writeFileSync(`${root}/etc/passwd`, 'root:x:0:0:root:/:/bin/sh\n');
  sh(
    `cp /bin/busybox ${root}/bin/ && for n in sh sleep cat id echo true kill; do ln -sf busybox ${root}/bin/$n; done; chmod 755 ${root}; tar -C ${root} -cf ${archive} .`,
  );
}
export function works(
  t: Test,
  script: string,
  expected: string | RegExp,
  prefix: readonly string[] = [],
): void {
  const { status, stdout, stderr } = sh(script, prefix);
  t.equal(status, 0, script, { stderr: stderr.slice(-1500) });
  if (typeof expected === 'string') t.equal(stdout.trim(), expected, 'its output');
  else t.match(stdout, expected, 'its output');
}

export const fails = (t: Test, script: string, status: number, prefix: readonly string[] = []): void => {
  const outcome = sh(script, prefix);
  t.equal(outcome.status, status, script, { stderr: outcome.stderr.slice(-1500) });
};

export const asTester =
  'runuser -u tester -- env -i HOME=/home/tester PATH=/usr/bin:/bin:/usr/sbin:/sbin XDG_RUNTIME_DIR=/run/user/1000 DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus'.split(
    ' ',
  );

/** A service of the user's own systemd, whose cgroup is the user's. */
export const inSession =
  'systemd-run --machine=tester@ --user --wait --pipe --collect --quiet -p Delegate=yes --'.split(' ');

export const without = (program: string): string | undefined =>
  sh(`command -v ${program}`).status === 0 ? undefined : `${program} is not in the guest`;
