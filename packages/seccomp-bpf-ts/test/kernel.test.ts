// Has the kernel check compiled programs, and obey them. Needs a C compiler, but no privileges (no_new_privs).

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { arch, platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import {
  architectures,
  compile,
  type SeccompProfile,
  type SeccompSyscall,
  syscallNames,
  syscallNumber,
} from '../src/index.js';

const EPERM = 1;
const EINVAL = 22;
const ENOSYS = 38;
const SIGSYS = 31;

const NATIVE = { x64: 'SCMP_ARCH_X86_64', arm64: 'SCMP_ARCH_AARCH64' }[arch() as string];

const CALLERS = new URL('../../../../shared/caller-configs/', import.meta.url);

/** A call to make: name, or number, and arguments. */
type Call = [call: string | number, ...args: (number | bigint)[]];

/** Builds the helper, or says why not. */
function openProbe(): ((profile: SeccompProfile, calls: readonly Call[]) => string[]) | string {
  if (platform() !== 'linux' || NATIVE === undefined) return `not on ${platform()} ${arch()}`;
  const directory = mkdtempSync(join(tmpdir(), 'seccomp-bpf-ts-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const tool = join(directory, 'kernel-probe');
  const source = fileURLToPath(new URL('kernel-probe.c', import.meta.url));
  const built = spawnSync('cc', ['-std=gnu11', '-Wall', '-Wextra', '-O1', '-o', tool, source]);
  if (built.error !== undefined) return `cc: ${built.error.message}`;
  if (built.status !== 0) return `kernel-probe.c cannot be built: ${built.stderr.toString().split('\n')[0]}`;
  return (profile, calls) => {
    const { program, flags } = compile(profile, NATIVE);
    const lines = calls.map(([call, ...args]) => {
      const nr = typeof call === 'number' ? call : (syscallNumber(architectures[NATIVE]!, call) ?? call);
      return `${[nr, ...args].join(' ')}\n`;
    });
    const input = Buffer.concat([Buffer.from(`${program.length}\n`), program, Buffer.from(lines.join(''))]);
    const result = spawnSync(tool, [String(flags)], { input });
    if (result.status !== 0) throw new Error(`kernel-probe: ${result.stderr}`);
    return result.stdout.toString().trim().split('\n');
  };
}

const probe = openProbe();

/** A profile that allows everything but what its rules say. */
function allowing(...syscalls: SeccompSyscall[]): SeccompProfile {
  return { defaultAction: 'SCMP_ACT_ALLOW', syscalls };
}

if (typeof probe === 'string') {
  t.pass('skipped', { skip: probe });
} else {
  t.test('actions', t => {
    const profile = allowing(
      { names: ['sync'], action: 'SCMP_ACT_ERRNO', errnoRet: 99 },
      { names: ['getpriority'], action: 'SCMP_ACT_ERRNO' },
      { names: ['sched_yield'], action: 'SCMP_ACT_KILL_PROCESS' },
      { names: ['getuid'], action: 'SCMP_ACT_KILL' },
      { names: ['getgid'], action: 'SCMP_ACT_TRAP' },
      { names: ['geteuid'], action: 'SCMP_ACT_LOG' },
      // No tracer is there: the call fails with ENOSYS (seccomp(2)).
      { names: ['getegid'], action: 'SCMP_ACT_TRACE', errnoRet: 5 },
    );
    const names = ['getppid', 'sync', 'getpriority', 'sched_yield', 'getuid', 'getgid', 'geteuid', 'getegid'];
    t.same(
      probe(
        profile,
        names.map(name => [name]),
      ),
      [
        'errno 0',
        'errno 99',
        `errno ${EPERM}`,
        `signal ${SIGSYS}`,
        `signal ${SIGSYS}`,
        `signal ${SIGSYS}`,
        'errno 0',
        `errno ${ENOSYS}`,
      ],
    );
    t.end();
  });

  t.test('64-bit arguments', t => {
    // fadvise64 on descriptor -1: EBADF when it is let through.
    const EBADF = 9;
    const rule = (op: string, errnoRet: number, value: bigint, valueTwo = 0n): SeccompSyscall => ({
      names: ['fadvise64'],
      action: 'SCMP_ACT_ERRNO',
      errnoRet,
      args: [{ index: 1, op, value, valueTwo }],
    });
    const profile = allowing(
      rule('SCMP_CMP_EQ', 100, 0x500000001n),
      rule('SCMP_CMP_MASKED_EQ', 101, 0xf000000000000000n, 0x3000000000000000n),
      rule('SCMP_CMP_GE', 102, 0xfffffffffffffff0n),
    );
    const values = [
      0x500000001n,
      1n,
      0x500000000n,
      0x3000000000000007n,
      0x7000000000000000n,
      0xfffffffffffffff0n,
    ];
    t.same(
      probe(
        profile,
        values.map(value => ['fadvise64', 0xffffffff, value]),
      ),
      [100, EBADF, EBADF, 101, EBADF, 102].map(errno => `errno ${errno}`),
    );
    t.end();
  });

  t.test('calls newer than the profile, and of another architecture', t => {
    const profile: SeccompProfile = {
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: 77,
      syscalls: [{ names: ['getppid', 'kill', 'getpid', 'openat2'], action: 'SCMP_ACT_ALLOW' }],
    };
    const newest = syscallNumber(architectures[NATIVE!]!, 'openat2')!;
    t.same(probe(profile, [['getppid'], ['sync'], [newest + 1], [100000]]), [
      'errno 0',
      'errno 77',
      `errno ${ENOSYS}`,
      `errno ${ENOSYS}`,
    ]);
    if (NATIVE === 'SCMP_ARCH_X86_64') {
      const getppid = syscallNumber(architectures.SCMP_ARCH_X86!, 'getppid')!;
      const [native, x86] = [
        probe(profile, [[`i386 ${getppid}`]]),
        probe({ ...profile, architectures: ['SCMP_ARCH_X86'] }, [
          [`i386 ${getppid}`],
          ['i386 36'],
          ['i386 10000'],
        ]),
      ];
      t.same(native, [`signal ${SIGSYS}`], 'killed when the architecture is not in the filter');
      t.same(x86, ['errno 0', 'errno 77', `errno ${ENOSYS}`]);
      t.same(probe(profile, [[0x40000000 + 110]]), [`signal ${SIGSYS}`], 'x32 is another architecture');
    }
    t.end();
  });

  t.test('flags and the listener', t => {
    const rules: SeccompSyscall[] = [{ names: ['sync'], action: 'SCMP_ACT_NOTIFY' }];
    const all = ['TSYNC', 'LOG', 'SPEC_ALLOW', 'WAIT_KILLABLE_RECV'].map(
      name => `SECCOMP_FILTER_FLAG_${name}`,
    );
    t.same(probe({ ...allowing(...rules), flags: all }, [['getppid']]), ['listener']);
    t.same(probe({ ...allowing(), flags: all }, [['getppid']]), ['errno 0']);
    t.same(probe(allowing(...rules), [['getppid']]), ['listener']);
    t.end();
  });

  t.test('programs as long as the kernel takes them', t => {
    const withRules = (count: number): SeccompProfile =>
      allowing(
        ...Array.from({ length: count }, (_, i): SeccompSyscall => {
          const args = [1, 2].map(index => ({ index, op: 'SCMP_CMP_EQ', value: i }));
          return { names: ['fadvise64'], action: 'SCMP_ACT_ERRNO', errnoRet: 100 + (i % 50), args };
        }),
      );
    const length = (count: number) => compile(withRules(count), NATIVE!).program.length / 8;
    let count = 100;
    t.throws(() => {
      while (length(count + 10) > 0) count += 10;
    }, /more than the 4096 instructions/);
    t.ok(length(count) > 4000, `${count} rules make ${length(count)} instructions`);
    const calls = [0, 1, 249, count - 1].map((i): Call => ['fadvise64', 0xffffffff, i, i]);
    t.same(probe(withRules(count), calls), ['errno 100', 'errno 101', 'errno 149', 'errno 149']);
    t.same(probe(withRules(count), [['fadvise64', 0xffffffff, 7, 8]]), ['errno 9'], 'EBADF: no rule matches');
    t.end();
  });

  t.test('the default profile of Docker', t => {
    const file = new URL('docker-default.json', CALLERS);
    if (!existsSync(file)) {
      t.pass('skipped', { skip: 'shared/caller-configs is not beside the project' });
      t.end();
      return;
    }
    const profile: SeccompProfile = JSON.parse(readFileSync(file, 'utf8')).linux.seccomp;
    t.same(probe(profile, [['getppid'], ['keyctl', 99], ['clone3'], [9999], ['personality', 0x40000]]), [
      'errno 0',
      `errno ${EPERM}`,
      `errno ${ENOSYS}`,
      `errno ${ENOSYS}`,
      `errno ${EPERM}`,
    ]);
    t.same(
      probe(profile, [
        ['personality', 0xffffffff],
        ['socket', 40, 1, 0],
        ['socket', -2, 1, 0],
      ]),
      [
        'errno 0',
        `errno ${EPERM}`,
        // Let through, and unknown to the kernel: EAFNOSUPPORT.
        'errno 97',
      ],
    );
    t.end();
  });

  t.test('an empty and an all-embracing profile', t => {
    t.same(probe(allowing(), [['getppid']]), ['errno 0']);
    const profile = allowing({
      names: syscallNames().filter(n => n !== 'kill'),
      action: 'SCMP_ACT_ERRNO',
      errnoRet: EINVAL,
    });
    t.same(probe(profile, [['getppid'], ['fork'], [9999]]), [
      `errno ${EINVAL}`,
      `errno ${EINVAL}`,
      `errno ${ENOSYS}`,
    ]);
    t.end();
  });
}
