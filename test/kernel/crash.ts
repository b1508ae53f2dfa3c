/** kill -9 at every system call of a command, one after the other, by strace(1). */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Test } from 'tap';
import type { Kernel } from './harness.js';

/** Why these tests cannot run here; undefined when they can. */
export function noStrace(): string | undefined {
  const { status } = spawnSync('strace', ['-qq', '-o', '/dev/null', 'true'], { stdio: 'ignore' });
  return status === 0
    ? undefined
    : 'strace is not installed, or may not trace here (scripts/setup installs it)';
}

/** Before each of these nothing has changed since the call before it. */
const harmless = new Set(
  'brk mmap munmap mprotect read fstat newfstatat stat lstat statfs fstatfs readlink getcwd getpid getuid geteuid getgid getegid uname capget getrandom access faccessat2 rt_sigaction rt_sigprocmask arch_prctl set_tid_address set_robust_list rseq'.split(
    ' ',
  ),
);

/** How often these are made depends on how long something takes: the first two of each will do. */
const waits = new Set(['poll', 'wait4', 'waitid']);

/** Node.js makes thousands of calls for itself: with that host those count that change something. */
const changes = new Set(
  'mkdir rename flock unlink rmdir memfd_create clone3 bind listen connect bpf fchmod socketpair recvmsg prlimit64'.split(
    ' ',
  ),
);

/** A call: its name, and how many of that name there are up to it. strace counts each name for itself. */
interface Call {
  name: string;
  count: number;
}

function callsOf(trace: string): Call[] {
  const counts = new Map<string, number>();
  return trace.split('\n').flatMap(line => {
    const name = /^(\w+)\(/.exec(line)?.[1];
    if (name === undefined) return [];
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return [{ name, count }];
  });
}

/**
 * Runs a command once to see its calls, and then once for each of them, killed when it makes that call. `before` makes
 * what it needs and returns its arguments, `after` looks at what is there then. Returns how many times it was killed.
 */
export async function killAtEveryCall(
  t: Test,
  k: Kernel,
  before: () => string[],
  after: (call: string) => void | Promise<void>,
): Promise<number> {
  const file = `${k.directory}/trace`;
  k.ok(before()); // the first time a few directories are made
  await after('no call');
  k.ok(before(), { prefix: ['strace', '-qq', '-o', file] });
  await after('no call');
  const calls = callsOf(readFileSync(file, 'utf8'));
  const wanted =
    k.host.name === 'static'
      ? calls.filter(({ name, count }) => !harmless.has(name) && !(waits.has(name) && count > 2))
      : calls.filter(({ name }) => changes.has(name));
  let killed = 0;
  for (const { name, count } of wanted) {
    const inject = ['-e', `trace=${name}`, '-e', `inject=${name}:signal=SIGKILL:when=${count}`];
    const { status, signal, stderr } = k.runts(before(), {
      prefix: ['strace', '-qq', '-o', '/dev/null', ...inject],
    });
    await after(`${name} ${count}`);
    if (signal === 'SIGKILL') killed++;
    else if (status !== 0) t.fail(`not killed at ${name} ${count}: ${status} ${signal} ${stderr}`);
  }
  // memory, and how long a hook takes, make a few calls more or less
  t.ok(killed > wanted.length * 0.85, `killed at ${killed} of ${wanted.length} calls`);
  return killed;
}
