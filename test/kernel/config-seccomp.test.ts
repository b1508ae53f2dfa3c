/** linux.seccomp: what the kernel does with system calls of a program in a container. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { install, refused } from './config-tools.js';
import { type Config, helper, type Kernel, kernelTest, sanitized, statusLine, until } from './harness.js';

type Seccomp = NonNullable<Config['linux']['seccomp']>;
type Rule = NonNullable<Seccomp['syscalls']>[number];

/** Numbers of calls that take no arguments, so that any can be given (asm/unistd.h). */
const NUMBERS: { [arch: string]: { getuid: number; getgid: number; mkdirat: number } } = {
  x64: { getuid: 102, getgid: 104, mkdirat: 258 },
  arm64: { getuid: 174, getgid: 176, mkdirat: 34 },
};
const number = NUMBERS[process.arch]!;

const EPERM = 1;
const ENOSYS = 38;
const SIGSYS = 128 + 31;

const profile = (syscalls: Rule[], more: Partial<Seccomp> = {}): Seccomp => ({
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls,
  ...more,
});

/** A container with the program /bin/syscall and a profile. */
const withProfile =
  (seccomp: Seccomp, noNewPrivileges = true) =>
  (config: Config, rootfs: string): void => {
    install(rootfs, 'syscall');
    config.linux.seccomp = seccomp;
    config.process.noNewPrivileges = noNewPrivileges;
  };

const getuid = `syscall ${number.getuid}`;

/** Actions of a rule for getuid, and what comes of calling it. */
const ACTIONS: [rule: Omit<Rule, 'names'>, status: number, printed: string][] = [
  [{ action: 'SCMP_ACT_ALLOW' }, 0, '0\n'],
  [{ action: 'SCMP_ACT_LOG' }, 0, '0\n'],
  [{ action: 'SCMP_ACT_ERRNO' }, 0, `error ${EPERM}\n`],
  [{ action: 'SCMP_ACT_ERRNO', errnoRet: 13 }, 0, 'error 13\n'],
  [{ action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS }, 0, `error ${ENOSYS}\n`],
  [{ action: 'SCMP_ACT_TRACE' }, 0, `error ${ENOSYS}\n`], // nobody traces it
  [{ action: 'SCMP_ACT_KILL' }, SIGSYS, ''],
  [{ action: 'SCMP_ACT_KILL_THREAD' }, SIGSYS, ''],
  [{ action: 'SCMP_ACT_KILL_PROCESS' }, SIGSYS, ''],
  [{ action: 'SCMP_ACT_TRAP' }, SIGSYS, ''],
];

for (const noNewPrivileges of [true, false]) {
  kernelTest(`every action, noNewPrivileges ${noNewPrivileges}`, async (t, k) => {
    for (const [rule, status, printed] of ACTIONS) {
      const outcome = k.run(
        `exec ${getuid}`,
        withProfile(profile([{ names: ['getuid'], ...rule }]), noNewPrivileges),
      );
      const { stdout, stderr } = outcome;
      t.strictSame(
        { status: outcome.status, stdout, stderr },
        { status, stdout: printed, stderr: '' },
        rule.action,
      );
    }
  });
}

/** Conditions for getuid, and arguments with which they hold and do not hold. All are 64 bits wide. */
const BIG = 0x1_0000_0005;
const CONDITIONS: [args: NonNullable<Rule['args']>, hold: number[][], not: number[][]][] = [
  [[{ index: 0, op: 'SCMP_CMP_EQ', value: BIG }], [[BIG]], [[5], [BIG + 1], [0x2_0000_0005]]],
  [
    [{ index: 1, op: 'SCMP_CMP_NE', value: BIG }],
    [
      [BIG, 5],
      [0, BIG - 1],
    ],
    [[0, BIG]],
  ],
  [
    [{ index: 2, op: 'SCMP_CMP_LT', value: BIG }],
    [
      [0, 0, 6],
      [0, 0, BIG - 1],
    ],
    [
      [0, 0, BIG],
      [0, 0, 0x2_0000_0000],
    ],
  ],
  [[{ index: 3, op: 'SCMP_CMP_LE', value: BIG }], [[0, 0, 0, BIG]], [[0, 0, 0, BIG + 1]]],
  [[{ index: 4, op: 'SCMP_CMP_GT', value: BIG }], [[0, 0, 0, 0, 0x2_0000_0000]], [[0, 0, 0, 0, BIG]]],
  [[{ index: 5, op: 'SCMP_CMP_GE', value: BIG }], [[0, 0, 0, 0, 0, BIG]], [[0, 0, 0, 0, 0, 0xffff_ffff]]],
  [
    [{ index: 0, op: 'SCMP_CMP_MASKED_EQ', value: 0xf_0000_000f, valueTwo: BIG }],
    [[BIG], [0x1_1234_5675]],
    [[5], [0x2_0000_0005]],
  ],
  [
    [
      { index: 0, op: 'SCMP_CMP_EQ', value: 1 },
      { index: 1, op: 'SCMP_CMP_EQ', value: 2 },
    ],
    [[1, 2]],
    [
      [1, 3],
      [0, 2],
    ],
  ],
];

kernelTest('conditions compare all 64 bits of an argument', async (t, k) => {
  for (const [args, hold, not] of CONDITIONS) {
    const seccomp = profile([{ names: ['getuid'], action: 'SCMP_ACT_ERRNO', errnoRet: 99, args }]);
    const calls = [...hold, ...not].map(list => `${getuid} ${list.join(' ')}`);
    const expected = [...hold.map(() => 'error 99\n'), ...not.map(() => '0\n')].join('');
    t.equal(k.inside(calls.join('\n'), withProfile(seccomp)), expected, JSON.stringify(args));
  }
});

kernelTest('conditions of several rules for one call are alternatives', async (t, k) => {
  const rule = (value: number): Rule => ({
    names: ['getuid'],
    action: 'SCMP_ACT_ERRNO',
    errnoRet: 90 + value,
    args: [{ index: 0, op: 'SCMP_CMP_EQ', value }],
  });
  const text = k.inside(
    [1, 2, 3].map(value => `${getuid} ${value}`).join('\n'),
    withProfile(profile([rule(1), rule(2)])),
  );
  t.equal(text, 'error 91\nerror 92\n0\n');
});

/** What the shell and /bin/syscall need; the rest is the default action's. */
const allowed: Rule = {
  names:
    'access arch_prctl brk clone clone3 close dup2 dup3 execve exit exit_group faccessat faccessat2 fcntl fstat getcwd getegid geteuid getgid getpgrp getpid getppid getrandom getuid ioctl mmap mprotect munmap newfstatat open openat pipe2 poll ppoll prctl prlimit64 read readlink readlinkat rseq rt_sigaction rt_sigprocmask rt_sigreturn set_robust_list set_tid_address stat statx sysinfo time uname vfork wait4 write writev'.split(
      ' ',
    ),
  action: 'SCMP_ACT_ALLOW',
};

kernelTest('the default action is for what no rule names, and new calls are ENOSYS', async (t, k) => {
  const script = `${getuid}; mkdir /tmp/x 2>/dev/null || echo no mkdir; syscall ${number.mkdirat}; syscall 4999`;
  const run = (more: Partial<Seccomp>) =>
    k.inside(script, withProfile({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [allowed], ...more }));
  t.equal(run({}), `0\nno mkdir\nerror ${EPERM}\nerror ${ENOSYS}\n`);
  t.equal(run({ defaultErrnoRet: 77 }), `0\nno mkdir\nerror 77\nerror ${ENOSYS}\n`);
});

kernelTest('names that this architecture does not have are passed over', async (t, k) => {
  const rule: Rule = { names: ['not_a_call', 'getuid', 'breakpoint'], action: 'SCMP_ACT_ERRNO' };
  t.equal(k.inside(getuid, withProfile(profile([rule]))), `error ${EPERM}\n`);
});

kernelTest('the filter is on the program, and on exec as well', async (t, k) => {
  const id = k.running(withProfile(profile([{ names: ['getuid'], action: 'SCMP_ACT_ERRNO' }])));
  const { pid } = k.state(id);
  t.equal(statusLine(pid, 'Seccomp'), '2');
  t.equal(statusLine(pid, 'Seccomp_filters'), '1');
  t.equal(k.exec(id, getuid).stdout, `error ${EPERM}\n`);
  k.remove(id);
});

kernelTest('without seccomp there is no filter', async (t, k) => {
  const id = k.running();
  t.equal(statusLine(k.state(id).pid, 'Seccomp'), '0');
  k.remove(id);
});

kernelTest('without noNewPrivileges a user without rights has the filter, too', async (t, k) => {
  const text = k.inside(
    `${getuid}; syscall ${number.getgid}; grep NoNewPrivs /proc/self/status`,
    (config, rootfs) => {
      withProfile(profile([{ names: ['getuid'], action: 'SCMP_ACT_ERRNO' }]), false)(config, rootfs);
      config.process.user = { uid: 1000, gid: 1000 };
      config.process.capabilities = {};
    },
  );
  t.equal(text, `error ${EPERM}\n1000\nNoNewPrivs:\t0\n`);
});

kernelTest('with noNewPrivileges the filter need not allow what the runtime does', async (t, k) => {
  const names =
    'execve write exit_group brk arch_prctl set_tid_address set_robust_list rseq prlimit64 readlinkat readlink getrandom mprotect newfstatat fstat uname getuid';
  const text = k.inside([`/bin/syscall`, `${number.getuid}`], (config, rootfs) =>
    withProfile({
      defaultAction: 'SCMP_ACT_KILL_PROCESS',
      syscalls: [{ names: names.split(' '), action: 'SCMP_ACT_ALLOW' }],
    })(config, rootfs),
  );
  t.equal(text, '0\n');
});

kernelTest('a filter that refuses everything, even the end, ends the container', async (t, k) => {
  if (sanitized)
    return t.comment('AddressSanitizer catches the fault that is the end then, and reports it for ever');
  for (const noNewPrivileges of [true, false]) {
    const id = k.id();
    const bundle = k.bundle(config => {
      config.process.noNewPrivileges = noNewPrivileges;
      config.linux.seccomp = { defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 38 };
    });
    // without noNewPrivileges the filter is there while the container is made, with it from the very end on
    const { status, signal } = k.runts(['create', '--bundle', bundle, id], { timeout: 10_000 });
    t.strictSame([status, signal], [noNewPrivileges ? 0 : 1, null]);
    if (status !== 0) continue;
    t.equal(k.runts(['start', id], { timeout: 10_000 }).signal, null);
    t.equal(k.state(id).status, 'stopped');
    k.remove(id);
  }
});

kernelTest('flags are taken', async (t, k) => {
  for (const flags of [
    [],
    ['SECCOMP_FILTER_FLAG_LOG'],
    ['SECCOMP_FILTER_FLAG_SPEC_ALLOW'],
    ['SECCOMP_FILTER_FLAG_TSYNC'],
    ['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_SPEC_ALLOW'],
  ] as NonNullable<Seccomp['flags']>[]) {
    const text = k.inside(
      getuid,
      withProfile(profile([{ names: ['getuid'], action: 'SCMP_ACT_ERRNO' }], { flags })),
    );
    t.equal(text, `error ${EPERM}\n`, flags.join(' '));
  }
});

kernelTest('architectures other than the own one change nothing for it', async (t, k) => {
  const text = k.inside(
    getuid,
    withProfile(
      profile([{ names: ['getuid'], action: 'SCMP_ACT_ERRNO' }], {
        architectures: [
          'SCMP_ARCH_X86_64',
          'SCMP_ARCH_X86',
          'SCMP_ARCH_X32',
          'SCMP_ARCH_AARCH64',
          'SCMP_ARCH_ARM',
        ],
      }),
    ),
  );
  t.equal(text, `error ${EPERM}\n`);
});

/** Starts a listener; returns its socket, what it has printed, and how to end it. */
async function listener(k: Kernel, error: number) {
  const socket = `${k.directory}/listener`;
  let printed = '';
  const child = spawn(helper('seccomp-listener'), [socket, `${error}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
    env: { RUNTS_TEST: k.token },
  });
  child.stdout!.on('data', data => {
    printed += data;
  });
  await until(() => existsSync(socket));
  const lines = (word: string) =>
    printed
      .split('\n')
      .filter(line => line.startsWith(`${word} `))
      .map(line => line.slice(word.length + 1));
  const stop = () =>
    new Promise<void>(resolve => {
      child.on('close', () => resolve());
      process.kill(-child.pid!, 'SIGKILL');
    });
  return { socket, lines, stop };
}

/** Asks the listener about making directories. */
const asking = (listenerPath: string, noNewPrivileges: boolean, listenerMetadata?: string) =>
  withProfile(
    profile([{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_NOTIFY' }], {
      listenerPath,
      ...(listenerMetadata !== undefined && { listenerMetadata }),
    }),
    noNewPrivileges,
  );

const EXDEV = 18;

for (const noNewPrivileges of [true, false]) {
  kernelTest(`a listener is asked and answers, noNewPrivileges ${noNewPrivileges}`, async (t, k) => {
    const { socket, lines, stop } = await listener(k, EXDEV);
    const id = k.created((config, rootfs) => {
      asking(socket, noNewPrivileges, 'some "meta" data')(config, rootfs);
      config.annotations = { key: 'value' };
    });
    const { pid, bundle } = k.state(id);
    const [told] = await until(() => (lines('state').length > 0 ? lines('state') : undefined));
    t.strictSame(JSON.parse(told!), {
      ociVersion: '1.3.0',
      fds: ['seccompFd'],
      pid,
      metadata: 'some "meta" data',
      state: { ociVersion: '1.3.0', id, status: 'creating', pid, bundle, annotations: { key: 'value' } },
    });
    k.ok(['start', id]);
    const made = k.exec(id, `syscall ${number.mkdirat} -100 0 0`);
    t.equal(made.stdout, `error ${EXDEV}\n`);
    const [, second] = await until(() => (lines('state').length > 1 ? lines('state') : undefined));
    const state = JSON.parse(second!) as { pid: number; state: { status: string; pid: number } };
    t.match(
      state,
      { fds: ['seccompFd'], state: { id, status: 'running', pid } },
      'exec has a listener of its own',
    );
    t.not(state.pid, pid, 'and tells its own pid');
    t.match(lines('call')[0], new RegExp(`^${number.mkdirat} \\d+$`));
    k.remove(id);
    await stop();
  });
}

kernelTest('a listener may let the call go on', async (t, k) => {
  const { socket, stop } = await listener(k, 0);
  const text = k.inside('mkdir /tmp/made && ls -d /tmp/made', (config, rootfs) => {
    asking(socket, true)(config, rootfs);
    config.root.readonly = false;
  });
  t.equal(text, '/tmp/made\n');
  await stop();
});

kernelTest('without metadata there is none', async (t, k) => {
  const { socket, lines, stop } = await listener(k, 0);
  k.inside('true', asking(socket, true));
  const [told] = await until(() => (lines('state').length > 0 ? lines('state') : undefined));
  t.notOk('metadata' in (JSON.parse(told!) as object));
  await stop();
});

kernelTest('a listener that is not there is an error', async (t, k) => {
  refused(
    t,
    k,
    /\/nobody\/listens.*listenerPath.*no such file or directory/,
    asking('/nobody/listens', true),
  );
  refused(t, k, /listenerPath/, (config, rootfs) => {
    asking('x', true)(config, rootfs);
    Reflect.deleteProperty(config.linux.seccomp!, 'listenerPath');
  });
});

kernelTest('a listenerPath that no rule needs is not connected to', async (t, k) => {
  const seccomp = profile([{ names: ['getuid'], action: 'SCMP_ACT_ERRNO' }], {
    listenerPath: '/nobody/listens',
  });
  t.equal(k.inside(getuid, withProfile(seccomp)), `error ${EPERM}\n`);
});
