/**
 * config-linux.md "Allowed Device list" as an eBPF program of the cgroup: BPF_PROG_TYPE_CGROUP_DEVICE, which the kernel
 * asks before every open and mknod (linux/bpf.h, struct bpf_cgroup_dev_ctx). The last rule that matches decides, so
 * the program tries the rules from the last to the first.
 */
import type { DeviceRule } from '../spec.js';

const ACCESS = { m: 1, r: 2, w: 4 } as const;
const DEVICE = { b: 1, c: 2 } as const;
/** What every container may do (config.md "Default Devices"), behind the configuration's rules so that it wins. */
export const DEFAULT_RULES: readonly DeviceRule[] = [
  { allow: true, type: 'c', access: 'm' },
  { allow: true, type: 'b', access: 'm' },
  { allow: true, type: 'c', major: 1, minor: 3, access: 'rwm' },
  { allow: true, type: 'c', major: 1, minor: 8, access: 'rwm' },
  { allow: true, type: 'c', major: 1, minor: 7, access: 'rwm' },
  { allow: true, type: 'c', major: 5, minor: 0, access: 'rwm' },
  { allow: true, type: 'c', major: 1, minor: 5, access: 'rwm' },
  { allow: true, type: 'c', major: 1, minor: 9, access: 'rwm' },
  { allow: true, type: 'c', major: 136, access: 'rwm' },
  { allow: true, type: 'c', major: 5, minor: 2, access: 'rwm' },
];

/** Registers: r1 context, r2 type, r3 access not yet allowed, r4 major, r5 minor, r0 verdict. */
const OP = {
  load: 0x61, // ldxw
  andImmediate: 0x54, // 32-bit
  rightShift: 0x74,
  move: 0xbc, // 32-bit register to register
  moveImmediate: 0xb4,
  jumpNotEqual: 0x55,
  jumpEqual: 0x15,
  exit: 0x95,
} as const;

type Instruction = readonly [
  op: number,
  destination: number,
  source: number,
  offset: number,
  immediate: number,
];

const any = (number: number | bigint | undefined): boolean => number === undefined || Number(number) < 0;

/**
 * Instructions of one rule: jumps over itself when it does not match, else decides. Reading, writing and mknod are
 * decided one by one, so that "allow r" and "allow w" allow both together: an allowing rule takes away what it allows of
 * the wanted access and returns when nothing is left, a denying one refuses when any of the rest is its own.
 */
function rule({ allow, major, minor, type = 'a', access: letters }: DeviceRule): Instruction[] {
  // from the end to the beginning, so that a test knows how far it has to jump: over all that is there already
  const all: Instruction[] = [
    [OP.exit, 0, 0, 0, 0],
    [OP.moveImmediate, 0, 0, 0, allow ? 1 : 0],
  ];
  const test = (register: number, value: number) =>
    all.push([OP.jumpNotEqual, register, 0, all.length, value]);
  let access = 0;
  for (const letter of letters || 'rwm') access |= ACCESS[letter as 'r' | 'w' | 'm'] ?? 0;
  if (access !== 7 && allow) {
    test(3, 0);
    all.push([OP.andImmediate, 3, 0, 0, ~access & 7]);
  }
  if (access !== 7 && !allow) {
    all.push([OP.jumpEqual, 6, 0, all.length, 0]);
    all.push([OP.andImmediate, 6, 0, 0, access], [OP.move, 6, 3, 0, 0]);
  }
  if (!any(minor)) test(5, Number(minor));
  if (!any(major)) test(4, Number(major));
  if (type !== 'a') test(2, DEVICE[type === 'b' ? 'b' : 'c']);
  return all.reverse();
}

const matchesAll = ({ type = 'a', major, minor, access }: DeviceRule): boolean =>
  type === 'a' &&
  any(major) &&
  any(minor) &&
  ['r', 'w', 'm'].every(letter => (access || 'rwm').includes(letter));

/** Rules before the last one that matches everything can never decide. */
function effective(rules: readonly DeviceRule[]): readonly DeviceRule[] {
  let first = rules.length - 1;
  while (first > 0 && !matchesAll(rules[first]!)) first--;
  return rules.slice(Math.max(first, 0));
}

/** The beginning of every program: the defaults, which come last in the list, are asked first. */
const HEAD: readonly Instruction[] = [
  [OP.load, 2, 1, 0, 0],
  [OP.move, 3, 2, 0, 0],
  [OP.andImmediate, 2, 0, 0, 0xffff],
  [OP.rightShift, 3, 0, 0, 16],
  [OP.load, 4, 1, 4, 0],
  [OP.load, 5, 1, 8, 0],
  ...[...DEFAULT_RULES].reverse().flatMap(rule),
];

function words(program: readonly Instruction[]): number[] {
  const list: number[] = [];
  // by index: to take an array apart QuickJS makes an iterator
  for (const one of program) list.push(one[0] | (one[1] << 8) | (one[2] << 12) | (one[3] << 16), one[4]);
  return list;
}

const HEAD_WORDS = words(HEAD);

/** The program for a list of rules (without the defaults), 8 bytes an instruction; what no rule matches is refused. */
export function compileDeviceFilter(rules: readonly DeviceRule[]): Uint8Array {
  const kept = effective(rules);
  const program: Instruction[] = [];
  for (let i = kept.length - 1; i >= 0; i--) program.push(...rule(kept[i]!));
  // behind a rule that always decides nothing may follow: the kernel refuses unreachable instructions
  const decided = kept[0] !== undefined && matchesAll(kept[0]);
  if (!decided) program.push([OP.moveImmediate, 0, 0, 0, 0], [OP.exit, 0, 0, 0, 0]);
  return new Uint8Array(new Uint32Array(HEAD_WORDS.concat(words(program))).buffer);
}
