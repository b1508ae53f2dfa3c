import type { SeccompArg, SeccompProfile, SeccompSyscall } from '../src/index.js';
import type { Random } from './random.js';

const OPERATORS = [
  'SCMP_CMP_NE',
  'SCMP_CMP_LT',
  'SCMP_CMP_LE',
  'SCMP_CMP_EQ',
  'SCMP_CMP_GE',
  'SCMP_CMP_GT',
  'SCMP_CMP_MASKED_EQ',
];

const SMALL = [0n, 1n, 2n, 3n, 5n, 7n, 8n, 16n, 40n, 0x20000n];
const LARGE = [
  0x7e020000n,
  0xffffffffn,
  0x100000000n,
  0x100000005n,
  0x500000001n,
  0x7fffffffffffffffn,
  0x8000000000000000n,
  0xffffffff00000000n,
  0xffffffffffffffffn,
];

/** What kind of profiles to make. */
export interface Kind {
  /** Actions of one system call may differ, so that several rules with different verdicts can match. */
  conflicts: boolean;
  /** At most so many conditions in a rule. */
  conditions: number;
}

function action(random: Random): Pick<SeccompSyscall, 'action' | 'errnoRet'> {
  switch (random.below(8)) {
    case 0:
      return { action: 'SCMP_ACT_ERRNO', errnoRet: 1 + random.below(40) };
    case 1:
      return { action: 'SCMP_ACT_ERRNO' };
    case 2:
      return { action: 'SCMP_ACT_TRACE', errnoRet: BigInt(random.below(0x10000)) };
    case 3:
      return { action: random.pick(['SCMP_ACT_KILL', 'SCMP_ACT_KILL_THREAD', 'SCMP_ACT_KILL_PROCESS']) };
    case 4:
      return { action: random.pick(['SCMP_ACT_TRAP', 'SCMP_ACT_LOG', 'SCMP_ACT_NOTIFY']) };
    default:
      return { action: 'SCMP_ACT_ALLOW' };
  }
}

function value(random: Random): bigint {
  return random.pick(random.percent(70) ? SMALL : LARGE);
}

function condition(random: Random, index: number): SeccompArg {
  const op = random.pick(OPERATORS);
  const one = value(random);
  const arg = { index, op, value: random.percent(50) && one < 2n ** 53n ? Number(one) : one };
  if (op !== 'SCMP_CMP_MASKED_EQ') return random.percent(50) ? arg : { ...arg, valueTwo: 0 };
  return { ...arg, valueTwo: random.percent(50) ? 0 : value(random) };
}

function conditions(random: Random, kind: Kind): SeccompArg[] {
  const indexes = [0, 1, 2, 3, 4, 5];
  const list: SeccompArg[] = [];
  for (let i = 1 + random.below(kind.conditions); i > 0; i--) {
    const index = random.pick(indexes);
    // Two conditions on one argument become two rules.
    if (random.percent(95)) indexes.splice(indexes.indexOf(index), 1);
    list.push(condition(random, index));
  }
  return list;
}

/** A profile with random rules for these system calls. */
export function generateProfile(random: Random, names: readonly string[], kind: Kind): SeccompProfile {
  const profile: SeccompProfile = { defaultAction: 'SCMP_ACT_ERRNO' };
  if (random.percent(30))
    profile.defaultAction = random.pick(['SCMP_ACT_ALLOW', 'SCMP_ACT_KILL', 'SCMP_ACT_LOG']);
  else if (random.percent(50)) profile.defaultErrnoRet = random.pick([1, 13, 38]);
  const syscalls: SeccompSyscall[] = [];
  profile.syscalls = syscalls;
  // Without conflicts each call has one action throughout.
  const given = new Map<string, Pick<SeccompSyscall, 'action' | 'errnoRet'>>();
  function actionFor(name: string): Pick<SeccompSyscall, 'action' | 'errnoRet'> {
    const chosen = (kind.conflicts ? undefined : given.get(name)) ?? action(random);
    // The package and runc refuse it.
    if (name === 'write' && chosen.action === 'SCMP_ACT_NOTIFY') return { action: 'SCMP_ACT_TRAP' };
    given.set(name, chosen);
    return chosen;
  }
  for (let groups = 1 + random.below(12); groups > 0; groups--) {
    if (random.percent(40)) {
      const chosen = new Set(Array.from({ length: 1 + random.below(60) }, () => random.pick(names)));
      const free = [...chosen].filter(name => name !== 'write' && (kind.conflicts || !given.has(name)));
      const rule = action(random);
      for (const name of free) given.set(name, rule);
      if (free.length > 0) syscalls.push({ names: free, ...rule });
      continue;
    }
    // Several rules for one call.
    const name = random.pick(names);
    for (let rules = 1 + random.below(4); rules > 0; rules--) {
      syscalls.push({ names: [name], ...actionFor(name), args: conditions(random, kind) });
    }
    if (random.percent(5)) syscalls.push({ names: [name], ...actionFor(name) });
  }
  return profile;
}
