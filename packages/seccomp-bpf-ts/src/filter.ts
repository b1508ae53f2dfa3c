import { type Assembler, BPF_JEQ, BPF_JGE, type Target } from './assembler.js';
import { emitChain } from './chain.js';
import { ARM_PRIVATE_BASE, X32_SYSCALL_BIT } from './constants.js';
import { inOrder } from './order.js';
import { decode, PRIVATE } from './syscalls.js';
import { CHAIN, type Table } from './table.js';

// Offsets in struct seccomp_data (linux/seccomp.h).
const OFFSET_NUMBER = 0;
const OFFSET_ARCH = 4;

/**
 * A tracer sets the call number to -1 to skip a call; filters run again after it (seccomp(2), since Linux 4.8).
 */
const SKIPPED = 0xffffffff;

/** What all architectures of a filter have in common. */
export interface Common {
  /** The verdict for each action; the first is the default. */
  readonly verdicts: readonly Target[];
  /** For calls that are newer than the profile; undefined when they get the default action like others. */
  readonly unknown: Target | undefined;
  /** For calls of an architecture that is not in the filter. */
  readonly foreign: Target;
}

/** The system call numbers as ranges of one verdict each: from starts[i] up to starts[i + 1]. */
interface Ranges {
  readonly starts: number[];
  readonly targets: Target[];
}

/** Begins a range; it ends where the next one begins. Neighbours of the same verdict become one. */
function begin(ranges: Ranges, start: number, target: Target): void {
  const { starts, targets } = ranges;
  let top = starts.length - 1;
  if (starts[top] === start) {
    starts.pop();
    targets.pop();
    top--;
  }
  if (targets[top] !== target) {
    starts.push(start);
    targets.push(target);
  }
}

/** Adds the ranges for the slots from `first` to `last`; the first of them has the number `start`. */
function beginSlots(
  ranges: Ranges,
  table: Table,
  section: SectionTargets,
  first: number,
  last: number,
  start: number,
): void {
  const slots = table.slots;
  const offset = start - first;
  let current = -1;
  for (let encoded = first; encoded <= last; encoded++) {
    const slot = slots[encoded]!;
    if (slot === current) continue;
    current = slot;
    begin(ranges, encoded + offset, slot < CHAIN ? section.verdicts[slot]! : section.chains[slot - CHAIN]!);
  }
}

/** The target for each kind of slot of a table. */
interface SectionTargets {
  readonly verdicts: readonly Target[];
  readonly chains: readonly Target[];
}

/** Adds the ranges of one architecture, from its first number on. */
function beginTable(ranges: Ranges, table: Table, common: Common, chains: readonly Target[]): void {
  const { architecture, last, lastPrivate } = table;
  const section = { verdicts: common.verdicts, chains };
  const otherwise = common.verdicts[0]!;
  // As in runc, a profile that names no call, or only number 0, knows nothing of what is newer.
  const beyond = common.unknown !== undefined && (last > 0 || lastPrivate >= 0) ? common.unknown : otherwise;
  begin(ranges, architecture.base, otherwise);
  if (last >= 0) beginSlots(ranges, table, section, 0, last, architecture.base);
  begin(ranges, decode(architecture, last + 1), last > 0 ? beyond : otherwise);
  if (lastPrivate >= 0) {
    begin(ranges, ARM_PRIVATE_BASE, otherwise);
    beginSlots(ranges, table, section, PRIVATE, lastPrivate, ARM_PRIVATE_BASE);
    begin(ranges, decode(architecture, lastPrivate + 1), beyond);
  }
}

/**
 * On s390 a number too large for the instruction is passed in a register, with 0 in the instruction. One that the
 * kernel does not know stays 0, so 0 (setup, long gone) means "newer" there (arch/s390/kernel/syscall.c).
 */
function beginS390(ranges: Ranges, unknown: Target): Ranges {
  const all: Ranges = { starts: [0], targets: [unknown] };
  const { starts, targets } = ranges;
  for (let i = 0; i < starts.length; i++) begin(all, Math.max(starts[i]!, 1), targets[i]!);
  return all;
}

/**
 * The ranges of all 2^32 numbers, for the tables that share one AUDIT_ARCH: x86_64 and x32, else only one.
 */
function rangesOf(tables: readonly Table[], common: Common, chains: readonly (readonly Target[])[]): Ranges {
  const ranges: Ranges = { starts: [0], targets: [common.verdicts[0]!] };
  const native = tables.findIndex(table => table.architecture.table === 'x86_64');
  const x32 = tables.findIndex(table => table.architecture.table === 'x32');
  if (native < 0 && x32 < 0) {
    const table = tables[0]!;
    beginTable(ranges, table, common, chains[0]!);
    const s390 = table.architecture.table === 's390' || table.architecture.table === 's390x';
    return s390 && common.unknown !== undefined && table.last > 0
      ? beginS390(ranges, common.unknown)
      : ranges;
  }
  if (native < 0) begin(ranges, 0, common.foreign);
  else beginTable(ranges, tables[native]!, common, chains[native]!);
  if (x32 >= 0) {
    beginTable(ranges, tables[x32]!, common, chains[x32]!);
  } else {
    begin(ranges, X32_SYSCALL_BIT, common.foreign);
    begin(ranges, SKIPPED, common.verdicts[0]!);
  }
  return ranges;
}

/** So many single numbers are compared one after the other: shorter than a search, and hardly slower. */
const MAX_SINGLES = 4;

/**
 * The end of the longest run of ranges from `first` on that have this verdict but for a few single numbers.
 */
function endOfGroup(ranges: Ranges, first: number, verdict: Target): number {
  const { starts, targets } = ranges;
  const length = starts.length;
  let singles = 0;
  let i = first;
  for (; i < length; i++) {
    if (targets[i] === verdict) continue;
    if (++singles > MAX_SINGLES || i + 1 === length || starts[i + 1]! - starts[i]! !== 1) break;
  }
  return i;
}

/**
 * The ranges in groups that one search leads to: group i is the ranges from firsts[i] up to firsts[i + 1].
 */
interface Groups {
  readonly firsts: number[];
  /** What all of the group's numbers get but for single ones. */
  readonly verdicts: Target[];
}

function groupsOf(ranges: Ranges): Groups {
  const length = ranges.starts.length;
  const firsts: number[] = [];
  const verdicts: Target[] = [];
  for (let first = 0; first < length; ) {
    // Either the first range has the group's verdict, or it is a single number and the second one has.
    const verdict = ranges.targets[first]!;
    const end = endOfGroup(ranges, first, verdict);
    const second = first + 1 < length ? ranges.targets[first + 1]! : verdict;
    const otherEnd = endOfGroup(ranges, first, second);
    firsts.push(first);
    verdicts.push(otherEnd > end ? second : verdict);
    first = Math.max(end, otherEnd);
  }
  firsts.push(length);
  return { firsts, verdicts };
}

/** Emits a binary search for the group of the loaded number, among those from `low` to `high`. */
function emitSearch(asm: Assembler, ranges: Ranges, groups: Groups, low: number, high: number): Target {
  const { starts, targets } = ranges;
  if (low === high) {
    const verdict = groups.verdicts[low]!;
    let next = verdict;
    for (let i = groups.firsts[low + 1]! - 1; i >= groups.firsts[low]!; i--) {
      const target = targets[i]!;
      if (target !== verdict) next = asm.jump(BPF_JEQ, starts[i]!, target, next);
    }
    return next;
  }
  const middle = (low + high + 1) >> 1;
  const above = emitSearch(asm, ranges, groups, middle, high);
  const below = emitSearch(asm, ranges, groups, low, middle - 1);
  return asm.jump(BPF_JGE, starts[groups.firsts[middle]!]!, above, below);
}

/** Emits all of one AUDIT_ARCH. */
function emitSection(asm: Assembler, tables: readonly Table[], common: Common): Target {
  const otherwise = common.verdicts[0]!;
  const chains = tables.map(table => {
    const endian = table.architecture.endian;
    return table.chains.map(rules => asm.shared(emitChain(asm, endian, inOrder(rules), otherwise)));
  });
  const ranges = rangesOf(tables, common, chains);
  if (ranges.starts.length === 1) return ranges.targets[0]!;
  const groups = groupsOf(ranges);
  emitSearch(asm, ranges, groups, 0, groups.verdicts.length - 1);
  return asm.load(OFFSET_NUMBER);
}

/** Emits the whole filter: the tables of one AUDIT_ARCH must follow each other. */
export function emitFilter(asm: Assembler, tables: readonly Table[], common: Common): void {
  const sections = new Map<number, Table[]>();
  for (const table of tables) {
    const section = sections.get(table.architecture.audit);
    if (section === undefined) sections.set(table.architecture.audit, [table]);
    else section.push(table);
  }
  // The first architecture is the native one: its code is written last, so that its calls jump least.
  const order = [...sections].reverse();
  const entries = order.map(([audit, section]) => ({ audit, entry: emitSection(asm, section, common) }));
  let next = common.foreign;
  for (const { audit, entry } of entries) next = asm.jump(BPF_JEQ, audit, entry, next);
  asm.load(OFFSET_ARCH);
}
