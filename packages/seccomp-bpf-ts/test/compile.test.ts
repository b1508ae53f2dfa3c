import t from 'tap';
import {
  actions,
  architectures,
  compile,
  flags,
  interpret,
  KERNEL_VERSION,
  MAX_INSTRUCTIONS,
  operators,
  type SeccompArg,
  SeccompError,
  type SeccompProfile,
  type SeccompSyscall,
  syscallNames,
  syscallNumber,
} from '../src/index.js';

const X86_64 = 'SCMP_ARCH_X86_64';
const ALLOW = 0x7fff0000;
const ERRNO = 0x50000;
const EPERM = ERRNO + 1;
const ENOSYS = ERRNO + 38;
const KILL = 0;

/** The verdict of a profile for a call on an architecture of it. */
function verdict(
  profile: SeccompProfile,
  name: string | number,
  args: (number | bigint)[] = [],
  architecture = X86_64,
  native = X86_64,
): number {
  const arch = architectures[architecture]!;
  const nr = typeof name === 'number' ? name : syscallNumber(arch, name)!;
  const { program } = compile(profile, native);
  return interpret(program, { nr, arch: arch.audit, args: args.map(BigInt) }, architectures[native]!.endian);
}

/** A profile that refuses everything but what its rules say, with `last` as the newest call it knows. */
function refusing(...syscalls: SeccompSyscall[]): SeccompProfile {
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    syscalls: [...syscalls, { names: ['openat2'], action: 'SCMP_ACT_ALLOW' }],
  };
}

function allow(name: string, ...args: SeccompArg[]): SeccompSyscall {
  return { names: [name], action: 'SCMP_ACT_ALLOW', args };
}

function arg(index: number, op: string, value: number | bigint, valueTwo?: number | bigint): SeccompArg {
  return valueTwo === undefined ? { index, op, value } : { index, op, value, valueTwo };
}

t.test('actions', t => {
  const values: [string, number][] = [
    ['SCMP_ACT_KILL', 0],
    ['SCMP_ACT_KILL_THREAD', 0],
    ['SCMP_ACT_KILL_PROCESS', 0x80000000],
    ['SCMP_ACT_TRAP', 0x30000],
    ['SCMP_ACT_ERRNO', EPERM],
    ['SCMP_ACT_NOTIFY', 0x7fc00000],
    ['SCMP_ACT_TRACE', 0x7ff00001],
    ['SCMP_ACT_LOG', 0x7ffc0000],
    ['SCMP_ACT_ALLOW', ALLOW],
  ];
  t.same(Object.keys(actions).sort(), values.map(([name]) => name).sort(), 'all are tested here');
  for (const [action, value] of values) {
    const profile = { ...refusing({ names: ['read'], action }), defaultErrnoRet: 9 };
    t.equal(verdict(profile, 'read'), value, action);
    if (action !== 'SCMP_ACT_NOTIFY')
      t.equal(verdict({ defaultAction: action }, 'read'), value, `default ${action}`);
  }
  t.end();
});

t.test('errnoRet and defaultErrnoRet', t => {
  t.equal(verdict({ defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 5n }, 'read'), ERRNO + 5);
  t.equal(verdict({ defaultAction: 'SCMP_ACT_TRACE', defaultErrnoRet: 0xffff }, 'read'), 0x7ff0ffff);
  t.equal(verdict(refusing({ names: ['read'], action: 'SCMP_ACT_ERRNO', errnoRet: 0 }), 'read'), ERRNO);
  t.equal(verdict(refusing({ names: ['read'], action: 'SCMP_ACT_ERRNO', errnoRet: null }), 'read'), EPERM);
  t.end();
});

t.test('calls newer than the profile', t => {
  const last = syscallNumber(architectures[X86_64]!, 'openat2')!;
  t.equal(verdict(refusing(), last), ALLOW);
  t.equal(verdict(refusing(), last - 1), EPERM);
  for (const nr of [last + 1, 5000, 0x3fffffff]) t.equal(verdict(refusing(), nr), ENOSYS);
  // A rule that only repeats the default action makes its call known.
  const knowing = refusing({ names: ['rseq_slice_yield'], action: 'SCMP_ACT_ERRNO' });
  t.equal(verdict(knowing, last + 1), EPERM);
  t.equal(verdict(knowing, 'rseq_slice_yield'), EPERM);
  t.equal(verdict(knowing, syscallNumber(architectures[X86_64]!, 'rseq_slice_yield')! + 1), ENOSYS);
  for (const defaultAction of ['SCMP_ACT_ALLOW', 'SCMP_ACT_LOG', 'SCMP_ACT_TRACE']) {
    const profile = { ...refusing(), defaultAction };
    t.equal(verdict(profile, last + 1), verdict(profile, 'read'), `default ${defaultAction}: let through`);
  }
  for (const defaultAction of ['SCMP_ACT_KILL', 'SCMP_ACT_KILL_PROCESS', 'SCMP_ACT_TRAP']) {
    t.equal(verdict({ ...refusing(), defaultAction }, last + 1), ENOSYS, `default ${defaultAction}: ENOSYS`);
  }
  t.equal(verdict({ defaultAction: 'SCMP_ACT_ERRNO' }, 9999), EPERM, 'a profile that knows no call');
  t.equal(verdict({ ...refusing(), defaultErrnoRet: 38 }, 'read'), ENOSYS);
  t.equal(verdict(refusing(), 9999, [], 'SCMP_ARCH_MIPS', 'SCMP_ARCH_MIPS'), ERRNO + 89, 'ENOSYS of MIPS');
  t.equal(
    verdict(refusing(), 9999, [], 'SCMP_ARCH_PARISC', 'SCMP_ARCH_PARISC'),
    ERRNO + 251,
    'and of PA-RISC',
  );
  t.end();
});

t.test('the number 0 on s390x stands for calls the kernel does not know', t => {
  t.equal(verdict(refusing(), 0, [], 'SCMP_ARCH_S390X', 'SCMP_ARCH_S390X'), ENOSYS);
  t.equal(verdict(refusing(), 1, [], 'SCMP_ARCH_S390X', 'SCMP_ARCH_S390X'), EPERM);
  t.equal(verdict({ defaultAction: 'SCMP_ACT_ALLOW' }, 0, [], 'SCMP_ARCH_S390X', 'SCMP_ARCH_S390X'), ALLOW);
  t.end();
});

t.test("ARM's private calls are not newer than others", t => {
  const profile = refusing(allow('set_tls'));
  const on = (name: string | number) => verdict(profile, name, [], 'SCMP_ARCH_ARM', 'SCMP_ARCH_ARM');
  t.equal(on('set_tls'), ALLOW);
  t.equal(on('cacheflush'), EPERM);
  t.equal(on('get_tls'), ENOSYS);
  t.equal(on('futex_waitv'), ENOSYS);
  t.equal(on('read'), EPERM);
  t.end();
});

t.test('architectures', t => {
  const profile = { ...refusing(allow('read')), architectures: [X86_64, 'SCMP_ARCH_X86', 'SCMP_ARCH_X86'] };
  t.equal(verdict(profile, 'read'), ALLOW);
  t.equal(verdict(profile, 'read', [], 'SCMP_ARCH_X86'), ALLOW);
  t.equal(verdict(profile, 'read', [], 'SCMP_ARCH_AARCH64'), KILL, 'not in the filter');
  t.equal(
    verdict({ ...profile, architectures: ['SCMP_ARCH_X86'] }, 'read'),
    ALLOW,
    'the native one always is',
  );
  t.equal(verdict({ ...profile, architectures: null }, 'read', [], 'SCMP_ARCH_X86'), KILL);
  for (const name of Object.keys(architectures)) {
    t.equal(verdict(refusing(allow('close')), 'close', [], name, name), ALLOW, name);
    t.equal(verdict(refusing(allow('close')), 'sync', [], name, name), EPERM, name);
  }
  t.end();
});

t.test('x32', t => {
  const with32 = { ...refusing(allow('read')), architectures: [X86_64, 'SCMP_ARCH_X32'] };
  const x32 = (name: string) => syscallNumber(architectures.SCMP_ARCH_X32!, name)!;
  t.equal(x32('read'), 0x40000000);
  t.equal(verdict(with32, x32('read')), ALLOW);
  t.equal(verdict(with32, x32('write')), EPERM);
  t.equal(verdict(with32, x32('openat2') + 1000), ENOSYS);
  t.equal(verdict(with32, 'write'), EPERM);
  const without = refusing(allow('read'));
  for (const nr of [0x40000000, 0x40000001, 0xfffffffe])
    t.equal(verdict(without, nr), KILL, `${nr.toString(16)}`);
  t.equal(verdict(without, 0xffffffff), EPERM, 'the number of a call that a tracer skips is not one of x32');
  t.equal(verdict(without, 0, [], 'SCMP_ARCH_X32', 'SCMP_ARCH_X32'), KILL, 'x86_64 on x32');
  t.end();
});

t.test('operators, with 64-bit values', t => {
  const max = 0xffffffffffffffffn;
  const cases: [op: string, value: bigint, holds: bigint[], fails: bigint[]][] = [
    ['SCMP_CMP_EQ', 0x100000005n, [0x100000005n], [5n, 0x200000005n, 0x100000004n, max]],
    ['SCMP_CMP_NE', 0x100000005n, [5n, 0x200000005n, 0x100000004n, max], [0x100000005n]],
    ['SCMP_CMP_LT', 0x100000005n, [0n, 0xffffffffn, 0x100000004n], [0x100000005n, 0x200000000n, max]],
    ['SCMP_CMP_LE', 0x100000005n, [0n, 0xffffffffn, 0x100000005n], [0x100000006n, 0x200000000n, max]],
    ['SCMP_CMP_GT', 0x100000005n, [0x100000006n, 0x200000000n, max], [0n, 0xffffffffn, 0x100000005n]],
    ['SCMP_CMP_GE', 0x100000005n, [0x100000005n, 0x200000000n, max], [0n, 0xffffffffn, 0x100000004n]],
    ['SCMP_CMP_GT', max, [], [0n, max, max - 1n]],
    ['SCMP_CMP_GE', 0n, [0n, max], []],
    ['SCMP_CMP_LT', 0n, [], [0n, max]],
    ['SCMP_CMP_LE', max, [0n, max], []],
  ];
  for (const [op, value, holds, fails] of cases) {
    for (let index = 0; index < 6; index++) {
      const args = (at: bigint) => [0, 1, 2, 3, 4, 5].map(i => (i === index ? at : 0x123456789abcdef0n));
      const profile = refusing(allow('read', arg(index, op, value)));
      for (const at of holds) t.equal(verdict(profile, 'read', args(at)), ALLOW, `${at} ${op} ${value}`);
      for (const at of fails) t.equal(verdict(profile, 'read', args(at)), EPERM, `not ${at} ${op} ${value}`);
    }
  }
  t.same(
    Object.keys(operators).sort(),
    [...new Set([...cases.map(([op]) => op), 'SCMP_CMP_MASKED_EQ'])].sort(),
    'all are tested here',
  );
  t.end();
});

t.test('masks', t => {
  const masked = (value: bigint, valueTwo?: bigint) =>
    refusing(allow('read', arg(0, 'SCMP_CMP_MASKED_EQ', value, valueTwo)));
  const high = masked(0xff00000000000000n, 0x1200000000000000n);
  t.equal(verdict(high, 'read', [0x12ffffffffffffffn]), ALLOW);
  t.equal(verdict(high, 'read', [0x13ffffffffffffffn]), EPERM);
  const both = masked(0x1_0000_0001n, 0x1_0000_0000n);
  t.equal(verdict(both, 'read', [0xffffffff_fffffffen]), ALLOW);
  t.equal(verdict(both, 'read', [0xffffffff_ffffffffn]), EPERM);
  t.equal(verdict(masked(0x7e020000n), 'read', [0x100000000n]), ALLOW, 'valueTwo is 0 by default');
  t.equal(verdict(masked(0x7e020000n), 'read', [0x20000n]), EPERM);
  t.equal(verdict(masked(0n, 7n), 'read', [5n]), ALLOW, 'an empty mask always holds');
  t.equal(verdict(masked(1n, 3n), 'read', [1n]), ALLOW, 'bits outside of the mask do not count');
  t.end();
});

t.test('conditions of one rule, and several rules', t => {
  const both = refusing(allow('read', arg(2, 'SCMP_CMP_EQ', 2), arg(0, 'SCMP_CMP_GE', 1)));
  t.equal(verdict(both, 'read', [1, 0, 2]), ALLOW);
  t.equal(verdict(both, 'read', [0, 0, 2]), EPERM);
  t.equal(verdict(both, 'read', [1, 0, 1]), EPERM);
  const either = refusing(
    ...[0, 8, 0x20000].map(value => allow('personality', arg(0, 'SCMP_CMP_EQ', value))),
  );
  for (const value of [0, 8, 0x20000]) t.equal(verdict(either, 'personality', [value]), ALLOW);
  for (const value of [1, 9, 2 ** 32, 2 ** 32 + 8]) t.equal(verdict(either, 'personality', [value]), EPERM);
  // runc's rule: two conditions on one argument are alternatives.
  const same = refusing(
    allow('read', arg(0, 'SCMP_CMP_GT', 10), arg(0, 'SCMP_CMP_LT', 5), arg(1, 'SCMP_CMP_EQ', 7)),
  );
  t.equal(verdict(same, 'read', [11]), ALLOW);
  t.equal(verdict(same, 'read', [4]), ALLOW);
  t.equal(verdict(same, 'read', [7, 7]), ALLOW);
  t.equal(verdict(same, 'read', [7, 8]), EPERM);
  t.end();
});

t.test('rules that contradict each other', t => {
  const errno = (errnoRet: number, ...args: SeccompArg[]): SeccompSyscall => ({
    names: ['read'],
    action: 'SCMP_ACT_ERRNO',
    errnoRet,
    args,
  });
  const one = arg(0, 'SCMP_CMP_EQ', 1);
  t.equal(verdict(refusing(errno(5), errno(6)), 'read'), ERRNO + 5, 'the first without conditions');
  t.equal(verdict(refusing(errno(5, one), errno(6)), 'read', [1]), ERRNO + 6, 'one without conditions');
  t.equal(verdict(refusing(errno(6), errno(5, one)), 'read', [1]), ERRNO + 6, 'also when it is first');
  t.equal(verdict(refusing(errno(5, one), errno(6, one)), 'read', [1]), ERRNO + 5, 'the first of equals');
  const two = arg(1, 'SCMP_CMP_EQ', 2);
  t.equal(verdict(refusing(errno(5, one), errno(6, two)), 'read', [1, 2]), ERRNO + 6, 'the later argument');
  t.equal(
    verdict(refusing(errno(5, one, two), errno(6, one)), 'read', [1, 2]),
    ERRNO + 5,
    'more, before less',
  );
  t.equal(
    verdict(refusing(errno(6, one), errno(5, one, two)), 'read', [1, 2]),
    ERRNO + 6,
    'less, before more',
  );
  const warnings = compile(refusing(errno(5), errno(6, one), errno(5)), X86_64).warnings;
  t.equal(warnings.length, 1);
  t.match(warnings[0], /^\/syscalls\/1\/names\/0: an earlier rule without conditions decides/);
  t.end();
});

t.test('of rules that hold and disagree the one that libseccomp looks at first', t => {
  const [high, higher] = [0x100000010n, 0x200000010n];
  const cases: [first: SeccompArg, second: SeccompArg, value: bigint][] = [
    [arg(0, 'SCMP_CMP_LT', 10), arg(0, 'SCMP_CMP_LT', 20), 5n],
    [arg(0, 'SCMP_CMP_LE', 10), arg(0, 'SCMP_CMP_LE', 20), 5n],
    [arg(0, 'SCMP_CMP_LT', high), arg(0, 'SCMP_CMP_LT', higher), 5n],
    [arg(0, 'SCMP_CMP_GT', 20), arg(0, 'SCMP_CMP_GT', 10), 25n],
    [arg(0, 'SCMP_CMP_GE', 20), arg(0, 'SCMP_CMP_GE', 10), 25n],
    [arg(0, 'SCMP_CMP_GT', higher), arg(0, 'SCMP_CMP_GT', high), 0x300000000n],
    [arg(0, 'SCMP_CMP_NE', 20), arg(0, 'SCMP_CMP_NE', 10), 5n],
    [arg(0, 'SCMP_CMP_EQ', 10), arg(0, 'SCMP_CMP_LT', 20), 10n],
    [arg(0, 'SCMP_CMP_EQ', 10), arg(0, 'SCMP_CMP_GT', 5), 10n],
    [arg(0, 'SCMP_CMP_NE', 10), arg(0, 'SCMP_CMP_GT', 5), 12n],
    [arg(0, 'SCMP_CMP_LT', 20), arg(0, 'SCMP_CMP_GT', 5), 12n],
  ];
  for (const [first, second, value] of cases) {
    const rules = [first, second].map(
      (one, i): SeccompSyscall => ({
        names: ['read'],
        action: 'SCMP_ACT_ERRNO',
        errnoRet: i + 5,
        args: [one],
      }),
    );
    const name = `${first.op} ${first.value} before ${second.op} ${second.value}`;
    t.equal(verdict(refusing(...rules), 'read', [value]), ERRNO + 5, name);
    t.equal(verdict(refusing(...rules.reverse()), 'read', [value]), ERRNO + 5, `${name}, listed last`);
  }
  t.end();
});

t.test('socketcall and ipc', t => {
  const on = (profile: SeccompProfile, name: string, args: number[], architecture = 'SCMP_ARCH_X86') =>
    verdict(profile, name, args, architecture, architecture);
  const sockets = refusing(allow('socket'), allow('accept4'), allow('shmget'));
  for (const architecture of ['SCMP_ARCH_X86', 'SCMP_ARCH_S390X', 'SCMP_ARCH_PPC64LE', 'SCMP_ARCH_MIPS']) {
    t.equal(on(sockets, 'socketcall', [1], architecture), ALLOW);
    t.equal(on(sockets, 'socketcall', [18], architecture), ALLOW);
    t.equal(on(sockets, 'socketcall', [2], architecture), EPERM);
    t.equal(on(sockets, 'ipc', [23], architecture), ALLOW);
    t.equal(on(sockets, 'ipc', [24], architecture), EPERM);
    t.equal(on(sockets, 'socket', [], architecture), ALLOW, 'and the call itself');
  }
  const conditional = refusing(allow('socket', arg(0, 'SCMP_CMP_NE', 40), arg(2, 'SCMP_CMP_EQ', 6)));
  t.equal(on(conditional, 'socketcall', [1, 0, 6]), ALLOW, 'the first condition is dropped, others stay');
  t.equal(on(conditional, 'socketcall', [1, 0, 7]), EPERM);
  t.equal(on(conditional, 'socket', [40, 0, 6]), EPERM);
  t.equal(on(refusing(allow('send')), 'socketcall', [9]), ALLOW, 'send is no call of its own on x86');
  t.end();
});

t.test('32-bit architectures compare 32 bits', t => {
  const profile = refusing(allow('read', arg(0, 'SCMP_CMP_EQ', 0x100000005n)));
  for (const architecture of ['SCMP_ARCH_X86', 'SCMP_ARCH_ARM', 'SCMP_ARCH_PPC']) {
    t.equal(verdict(profile, 'read', [5], architecture, architecture), ALLOW);
  }
  t.end();
});

t.test('big-endian machines', t => {
  const profile = refusing(allow('read', arg(1, 'SCMP_CMP_EQ', 0x100000005n)));
  const on = (args: bigint[]) => verdict(profile, 'read', args, 'SCMP_ARCH_S390X', 'SCMP_ARCH_S390X');
  t.equal(on([0n, 0x100000005n]), ALLOW);
  t.equal(on([0n, 0x500000001n]), EPERM);
  // ld [4]; jeq AUDIT_ARCH_S390X
  const { program } = compile(profile, 'SCMP_ARCH_S390X');
  t.same([...program.subarray(0, 10)], [0x00, 0x20, 0, 0, 0, 0, 0, 4, 0x00, 0x15]);
  t.same([...program.subarray(12, 16)], [0x80, 0, 0, 22]);
  const little = compile(profile, X86_64).program;
  t.same([...little.subarray(0, 10)], [0x20, 0x00, 0, 0, 4, 0, 0, 0, 0x15, 0x00]);
  t.end();
});

t.test('flags', t => {
  const of = (profile: Partial<SeccompProfile>) =>
    compile({ defaultAction: 'SCMP_ACT_ALLOW', ...profile }, X86_64).flags;
  t.same(Object.values(flags), [1, 2, 4, 32]);
  t.equal(of({}), 4, 'SPEC_ALLOW without a list');
  t.equal(of({ flags: null }), 4);
  t.equal(of({ flags: [] }), 0);
  t.equal(of({ flags: ['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_TSYNC'] }), 3);
  const notify = { syscalls: [{ names: ['read'], action: 'SCMP_ACT_NOTIFY' }] };
  t.equal(of(notify), 4 + 8);
  t.equal(of({ ...notify, flags: ['SECCOMP_FILTER_FLAG_TSYNC'] }), 1 + 8 + 16, 'TSYNC_ESRCH');
  const killable = { flags: ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'] };
  t.equal(of({ ...notify, ...killable }), 32 + 8);
  t.equal(of(killable), 0, 'means nothing without a listener, and the kernel refuses it');
  t.match(compile({ defaultAction: 'SCMP_ACT_ALLOW', ...killable }, X86_64).warnings, [/^\/flags: /]);
  t.end();
});

t.test('notify', t => {
  t.equal(compile(refusing(), X86_64).notify, false);
  t.equal(compile(refusing({ names: ['read'], action: 'SCMP_ACT_NOTIFY' }), X86_64).notify, true);
  t.equal(
    compile(refusing({ names: ['no_such_call'], action: 'SCMP_ACT_NOTIFY' }), X86_64).notify,
    true,
    'as in runc',
  );
  t.end();
});

t.test('unknown system calls are ignored with a warning', t => {
  const { warnings } = compile(
    refusing({ names: ['read', 'no_such_call', '__proto__'], action: 'SCMP_ACT_ALLOW' }),
    X86_64,
  );
  t.same(warnings, [
    '/syscalls/0/names/1: system call no_such_call is not known and is ignored',
    '/syscalls/0/names/2: system call __proto__ is not known and is ignored',
  ]);
  const other = { names: ['set_tls', 's390_pci_mmio_read', 'chown32'], action: 'SCMP_ACT_ALLOW' };
  t.same(compile(refusing(other), X86_64).warnings, [], 'those of other architectures are fine');
  t.end();
});

t.test('errors', t => {
  const rule = (change: object) => ({
    ...refusing(),
    syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW', ...change }],
  });
  const condition = (change: object) =>
    rule({ args: [{ index: 0, value: 1, op: 'SCMP_CMP_EQ', ...change }] });
  const cases: [profile: unknown, pointer: string, message: RegExp][] = [
    [null, '', /^null is not an object$/],
    [{}, '/defaultAction', /^action is missing$/],
    [
      { defaultAction: 'ALLOW' },
      '/defaultAction',
      /^"ALLOW" is not a known action; known are SCMP_ACT_KILL, /,
    ],
    [{ defaultAction: 'constructor' }, '/defaultAction', /is not a known action/],
    [
      { defaultAction: 'SCMP_ACT_NOTIFY' },
      '/defaultAction',
      /^SCMP_ACT_NOTIFY cannot be the default action$/,
    ],
    [
      { defaultAction: 'SCMP_ACT_ALLOW', defaultErrnoRet: 1 },
      '/defaultErrnoRet',
      /ALLOW does not take an errno$/,
    ],
    [{ ...refusing(), defaultErrnoRet: 65536 }, '/defaultErrnoRet', /^65536 is not between 0 and 65535$/],
    [{ ...refusing(), architectures: ['SCMP_ARCH_VAX'] }, '/architectures/0', /is not a known architecture/],
    [{ ...refusing(), architectures: 'SCMP_ARCH_X86' }, '/architectures', /is not an array$/],
    [{ ...refusing(), architectures: [X86_64, 'SCMP_ARCH_S390X'] }, '/architectures/1', /is big-endian/],
    [{ ...refusing(), flags: ['TSYNC'] }, '/flags/0', /^"TSYNC" is not a known flag/],
    [{ ...refusing(), syscalls: {} }, '/syscalls', /is not an array$/],
    [{ ...refusing(), syscalls: [7] }, '/syscalls/0', /^7 is not an object$/],
    [rule({ names: [] }), '/syscalls/0/names', /at least one system call name/],
    [rule({ names: ['read', ''] }), '/syscalls/0/names/1', /not empty$/],
    [rule({ names: [3] }), '/syscalls/0/names/0', /must be a string/],
    [rule({ action: undefined }), '/syscalls/0/action', /^action is missing$/],
    [rule({ errnoRet: 1 }), '/syscalls/0/errnoRet', /does not take an errno/],
    [rule({ action: 'SCMP_ACT_ERRNO', errnoRet: -1 }), '/syscalls/0/errnoRet', /^-1 is not between/],
    [
      rule({ action: 'SCMP_ACT_ERRNO', errnoRet: 'EPERM' }),
      '/syscalls/0/errnoRet',
      /^"EPERM" is not an integer$/,
    ],
    [
      rule({ action: 'SCMP_ACT_NOTIFY', names: ['read', 'write'] }),
      '/syscalls/0/names/1',
      /cannot be used for write$/,
    ],
    [rule({ args: [null] }), '/syscalls/0/args/0', /^null is not an object$/],
    [condition({ index: 6 }), '/syscalls/0/args/0/index', /^6 is not between 0 and 5$/],
    [condition({ index: undefined }), '/syscalls/0/args/0/index', /^index is missing$/],
    [condition({ op: 'SCMP_CMP_XX' }), '/syscalls/0/args/0/op', /is not a known operator/],
    [condition({ op: '' }), '/syscalls/0/args/0/op', /^operator is missing$/],
    [condition({ value: undefined }), '/syscalls/0/args/0/value', /^value is missing$/],
    [condition({ value: 1.5 }), '/syscalls/0/args/0/value', /^1.5 is not an integer$/],
    [condition({ value: 2 ** 60 }), '/syscalls/0/args/0/value', /pass it as a bigint$/],
    [condition({ value: 2n ** 64n }), '/syscalls/0/args/0/value', /is not an unsigned 64-bit integer$/],
    [condition({ valueTwo: -1n }), '/syscalls/0/args/0/valueTwo', /^-1 is not an unsigned 64-bit integer$/],
  ];
  for (const [profile, pointer, message] of cases) {
    try {
      compile(profile as SeccompProfile, X86_64);
      t.fail(`no error at ${pointer}`);
    } catch (error) {
      t.ok(error instanceof SeccompError);
      t.match(error, { pointer, message, name: 'SeccompError' });
    }
  }
  t.throws(
    () => compile(refusing(), 'x86_64'),
    /"x86_64", the machine's architecture, is not known to seccomp/,
  );
  t.end();
});

t.test('programs have a limit', t => {
  const many = (count: number) =>
    refusing(
      ...Array.from({ length: count }, (_, i) =>
        allow('read', arg(0, 'SCMP_CMP_EQ', BigInt(i) * 0x100000001n)),
      ),
    );
  t.ok(compile(many(900), X86_64).program.length / 8 < MAX_INSTRUCTIONS);
  t.throws(() => compile(many(2000), X86_64), {
    pointer: '/syscalls',
    message: /more than the 4096 instructions the kernel allows/,
  });
  t.end();
});

t.test('jumps further than 255 instructions', t => {
  // The rules of the first calls are far from the search, and each rule is far from the returns.
  const count = 120;
  const names = ['read', 'write', 'open', 'close', 'stat', 'mmap', 'openat', 'accept4'];
  const rules = names.flatMap((name, n) =>
    Array.from(
      { length: count / 2 },
      (_, i): SeccompSyscall => ({
        names: [name],
        action: 'SCMP_ACT_ERRNO',
        errnoRet: 100 + n,
        args: [arg(i % 6, 'SCMP_CMP_EQ', BigInt(i) * 0x100000001n + 0x700000000n)],
      }),
    ),
  );
  const profile = { ...refusing(...rules), architectures: [X86_64, 'SCMP_ARCH_X86'] };
  for (const [n, name] of names.entries()) {
    for (const i of [0, 1, count / 4, count / 2 - 1]) {
      const args = [0, 0, 0, 0, 0, 0].map((_, at) =>
        at === i % 6 ? BigInt(i) * 0x100000001n + 0x700000000n : 0n,
      );
      t.equal(verdict(profile, name, args), ERRNO + 100 + n);
      t.equal(
        verdict(
          profile,
          name,
          args.map(a => a + 1n),
        ),
        EPERM,
      );
    }
  }
  t.end();
});

t.test('a search, not a list', t => {
  // Every second call: the worst there is for ranges.
  const names = syscallNames().filter(
    (name, i) => i % 2 === 0 && syscallNumber(architectures[X86_64]!, name) !== undefined,
  );
  const profile: SeccompProfile = {
    defaultAction: 'SCMP_ACT_ERRNO',
    syscalls: [{ names, action: 'SCMP_ACT_ALLOW' }],
  };
  const { program } = compile(profile, X86_64);
  const view = new DataView(program.buffer, program.byteOffset);
  // The longest way through the program, from each instruction on.
  const longest: number[] = [];
  for (let i = program.length / 8 - 1; i >= 0; i--) {
    const code = view.getUint16(i * 8, true);
    const next = [view.getUint8(i * 8 + 2), view.getUint8(i * 8 + 3)];
    if (code === 0x06) longest[i] = 1;
    else if (code === 0x05) longest[i] = 1 + longest[i + 1 + view.getUint32(i * 8 + 4, true)]!;
    else longest[i] = 1 + Math.max(...next.map(jump => longest[i + 1 + jump]!));
  }
  t.ok(
    longest[0]! <= 20,
    `${names.length} calls take at most ${longest[0]} of ${longest.length} instructions`,
  );
  t.end();
});

t.test('the interpreter refuses what the kernel would', t => {
  const data = { nr: 0, arch: 0, args: [] };
  const instruction = (code: number, jt: number, jf: number, k: number) => [code, 0, jt, jf, k, 0, 0, 0];
  const run = (...program: number[][]) => interpret(new Uint8Array(program.flat()), data);
  t.equal(run(instruction(0x06, 0, 0, 7)), 7);
  t.throws(() => run(), /runs past its end/);
  t.throws(() => run(instruction(0x15, 5, 5, 0)), /runs past its end/);
  t.throws(() => run(instruction(0x20, 0, 0, 64), instruction(0x06, 0, 0, 0)), /a load from offset 64/);
  t.throws(() => run(instruction(0x20, 0, 0, 2), instruction(0x06, 0, 0, 0)), /a load from offset 2/);
  t.throws(() => run(instruction(0x04, 0, 0, 0)), /an instruction with the code 4/);
  t.throws(() => interpret(new Uint8Array(7), data), RangeError);
  t.equal(
    run(instruction(0x20, 0, 0, 8), instruction(0x06, 0, 0, 3)),
    3,
    'the instruction pointer can be loaded',
  );
  t.end();
});

t.test('the profile is left alone, and compiling has no memory', t => {
  const profile = refusing(allow('read', arg(1, 'SCMP_CMP_EQ', 1), arg(0, 'SCMP_CMP_EQ', 2)));
  const before = structuredClone(profile);
  const first = compile(profile, X86_64);
  compile({ defaultAction: 'SCMP_ACT_KILL' }, 'SCMP_ARCH_S390X');
  t.same(compile(profile, X86_64), first);
  t.same(profile, before);
  t.end();
});

t.match(KERNEL_VERSION, /^\d+\.\d+/);
