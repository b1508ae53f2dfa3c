// Holds the compiled programs against libseccomp's, for the profiles of real engines and for generated ones, and both
// against the plain meaning of the profile (reference.ts).
//
// What is compared: every number of the tables and some beyond, without arguments where no rule looks at them, and
// with many combinations of the rules' constants and their neighbours where one does.
//
// What is left out, as it cannot be equal:
// - Calls that only one of the two knows, or that libseccomp has another number for. Debian 12's libseccomp 2.5.4 has
//   the calls of Linux 5.17, the tables here those of a newer kernel. The test asks libseccomp for every name.
// - runc's rule for calls newer than the profile, which libseccomp does not have: compared with the reference only.
// - Calls with rules that libseccomp is known to get wrong (doubtful() below): the reference only.
// - Profiles that libseccomp refuses (two actions for the same conditions) or never finishes with: the reference
//   only.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { enosysOf } from '../src/constants.js';
import {
  type Architecture,
  architectures,
  compile,
  type SeccompArg,
  type SeccompProfile,
  syscallNames,
  syscallNumber,
} from '../src/index.js';
import { decodeProgram, run } from '../src/interpret.js';
import { generateProfile, type Kind } from './generate.js';
import { type Answer, type Libseccomp, openLibseccomp, rulesOf } from './libseccomp.js';
import { type Random, random } from './random.js';
import { reference } from './reference.js';

const X86 = ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'];

/** Architectures that are in one filter, the native one first. */
const OTHER_FAMILIES = [
  ['SCMP_ARCH_X86_64'],
  ['SCMP_ARCH_X32', 'SCMP_ARCH_X86_64'],
  ['SCMP_ARCH_X32'],
  ['SCMP_ARCH_X86'],
  ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
  ['SCMP_ARCH_ARM'],
  ['SCMP_ARCH_RISCV64'],
  ['SCMP_ARCH_PPC64LE'],
  ['SCMP_ARCH_PPC64', 'SCMP_ARCH_PPC'],
  ['SCMP_ARCH_S390X', 'SCMP_ARCH_S390'],
  ['SCMP_ARCH_MIPS64', 'SCMP_ARCH_MIPS', 'SCMP_ARCH_MIPS64N32'],
  ['SCMP_ARCH_MIPSEL64', 'SCMP_ARCH_MIPSEL', 'SCMP_ARCH_MIPSEL64N32'],
  ['SCMP_ARCH_PARISC64', 'SCMP_ARCH_PARISC'],
  // Since libseccomp 2.6.
  ['SCMP_ARCH_LOONGARCH64'],
  ['SCMP_ARCH_M68K'],
  ['SCMP_ARCH_SH'],
  ['SCMP_ARCH_SHEB'],
];

const PROFILES_X86 = 500;
const PROFILES_OTHER = 40;

const KINDS: Kind[] = [
  { conflicts: false, conditions: 1 },
  { conflicts: false, conditions: 3 },
  { conflicts: true, conditions: 1 },
  { conflicts: true, conditions: 2 },
];

/**
 * libseccomp 2.5.4 has the same pseudo number for both, and takes one for the other when they are not native.
 */
const MISTAKEN = ['switch_endian', 'sys_debug_setcontext'];

const library = openLibseccomp(t.teardown.bind(t));

/** The names that libseccomp has the same numbers for, on each of the architectures. */
function commonNames(libseccomp: Libseccomp, names: readonly string[]): Set<string> {
  const common = new Set(syscallNames());
  for (const name of MISTAKEN) common.delete(name);
  for (const architecture of names) {
    const queries = syscallNames().map(name => ({ architecture, name }));
    const numbers = libseccomp.resolve(queries);
    for (let i = 0; i < queries.length; i++) {
      const name = queries[i]!.name;
      const theirs = numbers[i];
      // From -100 to -299: multiplexed, with a direct number or not.
      if (theirs !== undefined && theirs <= -100 && theirs > -300) continue;
      const ours = syscallNumber(architectures[architecture]!, name);
      if (theirs === undefined || ours !== (theirs < 0 ? undefined : theirs)) common.delete(name);
    }
  }
  return common;
}

/** The conditions of each rule, by call number. */
function conditionsByNumber(
  profile: SeccompProfile,
  arch: Architecture,
): Map<number, (readonly SeccompArg[])[]> {
  const byNumber = new Map<number, (readonly SeccompArg[])[]>();
  for (const { name, args } of rulesOf(profile)) {
    if (args.length === 0) continue;
    for (const form of [name, 'socketcall', 'ipc']) {
      const nr = syscallNumber(arch, form);
      if (nr !== undefined) byNumber.set(nr, [...(byNumber.get(nr) ?? []), args]);
    }
  }
  return byNumber;
}

/**
 * Whether libseccomp (2.5.4 and 2.6.1 alike) may get these rules for one call wrong. It splits a comparison into two
 * or three nodes of a tree and merges equal nodes of different rules. Where an operator has two ways to hold (a
 * range; "not equal") it may then let the further conditions of one rule count for another or lose them; and where
 * several rules look at the same argument it may lose a bound, or give one rule's action to the other.
 */
function doubtful(rules: readonly (readonly SeccompArg[])[], conflicts: boolean): boolean {
  if (rules.length < 2) return false;
  for (const args of rules) {
    for (const { index, op } of args) {
      if (op === 'SCMP_CMP_EQ' || op === 'SCMP_CMP_MASKED_EQ') continue;
      if (args.some(arg => arg.index > index)) return true;
      if (op === 'SCMP_CMP_NE' && !conflicts) continue;
      if (rules.some(other => other !== args && other.some(arg => arg.index === index))) return true;
    }
  }
  return false;
}

/**
 * libseccomp's verdict. Generating for a big-endian machine on a little-endian one it swaps some return values twice;
 * on the machine itself there is nothing to swap.
 */
function theirVerdict(program: Uint32Array, data: Uint32Array, arch: Architecture, expected: number): number {
  const verdict = run(program, data);
  if (arch.endian === 'little') return verdict;
  const bytes = new DataView(new ArrayBuffer(4));
  bytes.setUint32(0, verdict);
  const swapped = bytes.getUint32(0, true);
  return swapped === expected ? swapped : verdict;
}

/** Counts for the summary. */
interface Tally {
  calls: number;
  compared: number;
  refused: number;
  endless: number;
}

interface Case {
  label: string;
  profile: SeccompProfile;
  architectures: readonly string[];
  conflicts: boolean;
  /** Numbers of calls that libseccomp does not know as we do, by architecture. */
  skipped: ReadonlyMap<string, ReadonlySet<number>>;
}

/** All calls to try on one architecture: number and arguments. */
function* callsOf(arch: Architecture, conditional: Map<number, bigint[]>, chance: Random) {
  const none = [0n, 0n, 0n, 0n, 0n, 0n];
  for (let i = 0; i < 600; i++) {
    if (!conditional.get(arch.base + i)?.length) yield { nr: arch.base + i, args: none };
  }
  for (const nr of [0, 4095, 0x3fffffff, 0x40000000, 0x40000001, 0x7fffffff, 0xfffffffe, 0xffffffff]) {
    if (!conditional.get(nr)?.length) yield { nr, args: none };
  }
  for (let i = 0; i < 10; i++) yield { nr: 0xf0000 + i, args: none };
  for (const [nr, constants] of conditional) {
    if (constants.length === 0) {
      yield { nr, args: none };
      continue;
    }
    const pool = constants
      .flatMap(v => [v, v, v + 1n, v - 1n, v ^ 0x100000000n, v | 0xffffffff00000000n])
      .concat(0n, 0xffffffffn, 0x100000000n)
      .map(v => BigInt.asUintN(64, v));
    for (let i = 0; i < 40; i++) yield { nr, args: none.map(() => chance.pick(pool)) };
  }
}

/** The first difference, or undefined. */
function findDifference(test: Case, answer: Answer, tally: Tally, chance: Random): string | undefined {
  const native = architectures[test.architectures[0]!]!;
  const mine = decodeProgram(compile(test.profile, test.architectures[0]!).program, native.endian);
  const theirs = answer.code === 0 ? decodeProgram(answer.program, native.endian) : undefined;
  if (answer.code === -17) tally.refused++;
  else if (answer.code === -62) tally.endless++;
  else if (answer.code !== 0) return `${test.label}: libseccomp answers ${answer.code}`;
  const enosys = 0x50000 + enosysOf(native);
  for (const name of test.architectures) {
    const arch = architectures[name]!;
    const meaning = reference(test.profile, name);
    const rules = conditionsByNumber(test.profile, arch);
    for (const { nr, args } of callsOf(arch, meaning.conditional, chance)) {
      // The other ABI of x86_64, which has its own turn, or is foreign.
      if (arch.audit === architectures.SCMP_ARCH_X86_64!.audit && nr < 0x40000000 !== (arch.base === 0))
        continue;
      const data = dataOf(arch, nr, args);
      const verdict = run(mine, data);
      const call = `${test.label}: ${name} ${nr}(${args.join(', ')})`;
      tally.calls++;
      if (meaning.newer(nr)) {
        if (verdict !== enosys) return `${call} is newer than the profile, but gets ${verdict.toString(16)}`;
        continue;
      }
      const right = meaning.verdicts(nr, args);
      if (!right.has(verdict)) return `${call} gets ${verdict.toString(16)}, not one of ${[...right]}`;
      if (theirs === undefined || test.skipped.get(name)!.has(nr)) continue;
      if (doubtful(rules.get(nr) ?? [], test.conflicts)) continue;
      tally.compared++;
      const other = theirVerdict(theirs, data, arch, verdict);
      if (other !== verdict) {
        return `${call} gets ${verdict.toString(16)}, from libseccomp ${other.toString(16)}`;
      }
    }
  }
  return undefined;
}

function dataOf(arch: Architecture, nr: number, args: readonly bigint[]): Uint32Array {
  const data = new Uint32Array(16);
  const low = arch.endian === 'little' ? 0 : 1;
  data[0] = nr;
  data[1] = arch.audit;
  for (let i = 0; i < 6; i++) {
    data[4 + 2 * i + low] = Number(args[i]! & 0xffffffffn);
    data[5 + 2 * i - low] = Number(args[i]! >> 32n);
  }
  return data;
}

/** Compares the cases and reports the first difference. */
function compareAll(test: Tap, libseccomp: Libseccomp, cases: readonly Case[]): void {
  const tally: Tally = { calls: 0, compared: 0, refused: 0, endless: 0 };
  const answers = libseccomp.compile(cases);
  for (let i = 0; i < cases.length; i++) {
    const difference = findDifference(cases[i]!, answers[i]!, tally, random(i));
    if (difference === undefined) continue;
    const shown = JSON.stringify(cases[i]!.profile, (_, v) => (typeof v === 'bigint' ? `${v}n` : v));
    test.fail(difference, { profile: shown.slice(0, 4000) });
    return;
  }
  test.pass(`${cases.length} profiles`);
  test.comment(
    `${tally.calls} calls, ${tally.compared} of them compared with libseccomp, which refused ${tally.refused} profiles` +
      ` and did not finish with ${tally.endless}`,
  );
  test.ok(tally.compared > tally.calls / 10, 'enough could be compared');
}

type Tap = Pick<typeof t, 'fail' | 'pass' | 'comment' | 'ok'>;

/** The numbers of calls that are not common, by architecture. */
function numbersBut(common: ReadonlySet<string>, names: readonly string[]): Map<string, Set<number>> {
  const others = syscallNames().filter(name => !common.has(name));
  return new Map(
    names.map(name => {
      const numbers = others.map(other => syscallNumber(architectures[name]!, other));
      return [name, new Set(numbers.filter(nr => nr !== undefined))];
    }),
  );
}

function generatedCases(libseccomp: Libseccomp, names: readonly string[], kind: Kind, count: number): Case[] {
  const common = commonNames(libseccomp, names);
  const known = [...common];
  const nothing = new Map(names.map(name => [name, new Set<number>()]));
  return Array.from({ length: count }, (_, seed) => ({
    label: `seed ${seed} of ${JSON.stringify(kind)}`,
    profile: { ...generateProfile(random(seed), known, kind), architectures: [...names] },
    architectures: names,
    conflicts: kind.conflicts,
    skipped: nothing,
  }));
}

if (typeof library === 'string') {
  t.pass('skipped', { skip: `libseccomp is not here: ${library}` });
} else {
  const callers = new URL('../../../../shared/caller-configs/', import.meta.url);
  if (!existsSync(callers)) {
    t.pass('skipped', { skip: 'shared/caller-configs is not beside the project' });
  } else {
    t.test('profiles of real engines', t => {
      const common = commonNames(library, X86);
      const profiles = new Map<string, Case>();
      for (const file of readdirSync(callers)) {
        const text = readFileSync(new URL(file, callers), 'utf8');
        const profile: SeccompProfile | undefined = JSON.parse(text).linux?.seccomp;
        if (profile === undefined) continue;
        // Many files have the same one.
        profiles.set(JSON.stringify(profile), {
          label: file,
          profile,
          architectures: X86,
          conflicts: false,
          skipped: numbersBut(common, X86),
        });
      }
      t.ok(profiles.size >= 3, `${profiles.size} different profiles`);
      compareAll(t, library, [...profiles.values()]);
      t.end();
    });
  }

  for (const kind of KINDS) {
    t.test(`generated profiles for x86, ${JSON.stringify(kind)}`, t => {
      compareAll(t, library, generatedCases(library, X86, kind, PROFILES_X86));
      t.end();
    });
  }

  for (const names of OTHER_FAMILIES) {
    t.test(`generated profiles for ${names.join(' ')}`, t => {
      const missing = names.find(name => !library.knows(name));
      if (missing !== undefined) {
        t.pass('skipped', { skip: `this libseccomp does not know ${missing}` });
        t.end();
        return;
      }
      for (const kind of KINDS) compareAll(t, library, generatedCases(library, names, kind, PROFILES_OTHER));
      t.end();
    });
  }
}
