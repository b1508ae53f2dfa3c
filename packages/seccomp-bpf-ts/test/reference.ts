import { architectures, type SeccompProfile, syscallNumber } from '../src/index.js';
import { returnValue, rulesOf } from './libseccomp.js';

// What a profile means, computed from its text in the plainest way: the tests hold both the compiler's programs and
// libseccomp's against it.

const ALL = 0xffffffffffffffffn;
const LOW = 0xffffffffn;
const ARM_PRIVATE = 0xf0000;

interface ReferenceRule {
  action: number;
  name: string;
  holds: (args: readonly bigint[]) => boolean;
  unconditional: boolean;
}

/** A profile on one architecture. */
export interface Reference {
  /** The verdicts that are right for a call: several when rules with different actions hold. */
  verdicts(nr: number, args: readonly bigint[]): Set<number>;
  /** Numbers that have conditional rules, with the constants in them. */
  conditional: Map<number, bigint[]>;
  /**
   * Whether runc's rule applies: the number is newer than all that the profile names, so the answer is ENOSYS.
   */
  newer(nr: number): boolean;
}

// linux/net.h and linux/ipc.h.
const SOCKETCALL =
  ',socket,bind,connect,listen,accept,getsockname,getpeername,socketpair,send,recv,sendto,recvfrom,shutdown,' +
  'setsockopt,getsockopt,sendmsg,recvmsg,accept4,recvmmsg,sendmmsg';
const IPC: Record<string, number> = {
  semop: 1,
  semget: 2,
  semctl: 3,
  semtimedop: 4,
  msgsnd: 11,
  msgrcv: 12,
  msgget: 13,
  msgctl: 14,
  shmat: 21,
  shmdt: 22,
  shmget: 23,
  shmctl: 24,
};

function holds(op: string, arg: bigint, value: bigint, valueTwo: bigint): boolean {
  switch (op) {
    case 'SCMP_CMP_NE':
      return arg !== value;
    case 'SCMP_CMP_LT':
      return arg < value;
    case 'SCMP_CMP_LE':
      return arg <= value;
    case 'SCMP_CMP_EQ':
      return arg === value;
    case 'SCMP_CMP_GE':
      return arg >= value;
    case 'SCMP_CMP_GT':
      return arg > value;
    default:
      return (arg & value) === (valueTwo & value);
  }
}

/** The numbers and first arguments by which a call is made on an architecture. */
function forms(architecture: string, name: string): { nr: number; call?: bigint }[] {
  const arch = architectures[architecture]!;
  const result: { nr: number; call?: bigint }[] = [];
  const direct = syscallNumber(arch, name);
  if (direct !== undefined) result.push({ nr: direct });
  const socketcall = syscallNumber(arch, 'socketcall');
  const socket = SOCKETCALL.split(',').indexOf(name);
  if (socketcall !== undefined && socket > 0) result.push({ nr: socketcall, call: BigInt(socket) });
  const ipc = syscallNumber(arch, 'ipc');
  if (ipc !== undefined && IPC[name] !== undefined) result.push({ nr: ipc, call: BigInt(IPC[name]) });
  return result;
}

/** The meaning of a profile on an architecture that is in its filter. */
export function reference(profile: SeccompProfile, architecture: string): Reference {
  const mask = architectures[architecture]!.bits === 64 ? ALL : LOW;
  const standard = returnValue(profile.defaultAction, profile.defaultErrnoRet);
  const rules = new Map<number, ReferenceRule[]>();
  const conditional = new Map<number, bigint[]>();
  for (const { action, name, args } of rulesOf(profile)) {
    for (const { nr, call } of forms(architecture, name)) {
      const tests = args
        .filter(arg => call === undefined || arg.index !== 0)
        .map(arg => ({ ...arg, value: BigInt(arg.value) & mask, valueTwo: BigInt(arg.valueTwo ?? 0) & mask }))
        .filter(arg => arg.op !== 'SCMP_CMP_MASKED_EQ' || arg.value !== 0n);
      if (call !== undefined) tests.push({ index: 0, op: 'SCMP_CMP_EQ', value: call, valueTwo: 0n });
      const list = rules.get(nr) ?? [];
      rules.set(nr, list);
      list.push({
        action,
        name,
        holds: values => tests.every(t => holds(t.op, values[Number(t.index)]! & mask, t.value, t.valueTwo)),
        unconditional: tests.length === 0,
      });
      const constants = conditional.get(nr) ?? [];
      conditional.set(nr, constants);
      for (const test of tests) constants.push(test.value, test.valueTwo);
    }
  }
  const { base, table } = architectures[architecture]!;
  const known = (profile.syscalls ?? [])
    .flatMap(rule => rule.names)
    .map(name => syscallNumber(architectures[architecture]!, name))
    .filter(nr => nr !== undefined)
    .concat(...rules.keys());
  const last = Math.max(base, ...known.filter(nr => table !== 'arm' || nr < ARM_PRIVATE));
  const lastPrivate = Math.max(0, ...known.filter(nr => table === 'arm' && nr >= ARM_PRIVATE));
  const blocks = !/ALLOW|LOG|TRACE/.test(profile.defaultAction);
  function newer(nr: number): boolean {
    if (!blocks || last === base) return false;
    // Not a call but the lack of one: see src/filter.ts.
    if (table.startsWith('s390') && nr === 0) return true;
    // 0x40000000 and up are calls of x32, which are others.
    if (table === 'x86_64' && nr >= 0x40000000) return false;
    if (lastPrivate > 0 && nr >= ARM_PRIVATE) return nr > lastPrivate;
    return nr > last;
  }
  return {
    conditional,
    verdicts(nr, args) {
      const list = rules.get(nr) ?? [];
      const decisive = list.find(rule => rule.unconditional);
      if (decisive !== undefined) return new Set([decisive.action]);
      const found = new Set(list.filter(rule => rule.holds(args)).map(rule => rule.action));
      return found.size > 0 ? found : new Set([standard]);
    },
    newer,
  };
}
