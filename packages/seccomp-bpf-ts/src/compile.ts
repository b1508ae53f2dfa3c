import { assembler } from './assembler.js';
import type { Rule } from './chain.js';
import {
  actions,
  architectures,
  enosysOf,
  FLAG_NEW_LISTENER,
  FLAG_TSYNC_ESRCH,
  flags,
  Op,
} from './constants.js';
import { emitFilter } from './filter.js';
import {
  type Condition,
  listAt,
  objectAt,
  parseAction,
  parseArchitectures,
  parseCondition,
  parseFlags,
  SeccompError,
  type SeccompProfile,
} from './profile.js';
import { FIRST_CHARACTER, multiplexedForms, syscallIndexes, THROUGH_IPC } from './syscalls.js';
import { actionIndex, addRule, newTable, note, type Table } from './table.js';

/** A filter ready for seccomp(2). */
export interface Compiled {
  /**
   * struct sock_filter records of 8 bytes, in the byte order of the native architecture; at most 4096 of them.
   */
  program: Uint8Array;
  /** SECCOMP_FILTER_FLAG_* for the flags argument of seccomp(SECCOMP_SET_MODE_FILTER). */
  flags: number;
  /** What the filter leaves out of the profile, one sentence each with a pointer into the profile. */
  warnings: string[];
  /** A rule has SCMP_ACT_NOTIFY: seccomp(2) returns a listener, which somebody has to serve. */
  notify: boolean;
}

/** A rule in the two forms that architectures need, since those of 32 bits compare low words only. */
interface Variants {
  readonly wide: Rule;
  readonly narrow: Rule;
}

/** What is being built. */
interface Filter {
  readonly tables: readonly Table[];
  /** The default action and those of the rules. */
  readonly actions: number[];
  readonly warnings: string[];
}

function narrowed(condition: Condition): Condition {
  return { ...condition, dataHigh: 0, maskHigh: 0 };
}

/** A mask of no bits is equal always: such a condition is none. */
function isCondition(condition: Condition): boolean {
  return condition.maskLow !== 0 || condition.maskHigh !== 0;
}

function variants(action: number, conditions: readonly Condition[]): Variants {
  return {
    wide: { action, conditions: conditions.filter(isCondition) },
    narrow: { action, conditions: conditions.map(narrowed).filter(isCondition) },
  };
}

/** The rules for one entry of `syscalls`, which are alternatives. */
function parseRules(args: unknown, action: number, pointer: string): Variants[] {
  const list = listAt(args, `${pointer}/args`);
  if (list.length === 0) return [variants(action, [])];
  const conditions = list.map((arg, i) => parseCondition(arg, `${pointer}/args/${i}`));
  const seen = new Set(conditions.map(condition => condition.arg));
  if (seen.size < conditions.length) {
    // As in runc (and Docker before it): with two conditions on one argument, each condition is a rule of its own.
    return conditions.map(condition => variants(action, [condition]));
  }
  conditions.sort((a, b) => a.arg - b.arg);
  return [variants(action, conditions)];
}

/** The rule for a call made through socketcall(2) or ipc(2): the first argument says which call is meant. */
function throughFirstArgument(rule: Rule, call: number, bits: 32 | 64): Rule {
  const selector: Condition = {
    arg: 0,
    op: Op.EQ,
    dataHigh: 0,
    dataLow: call,
    maskHigh: bits === 64 ? 0xffffffff : 0,
    maskLow: 0xffffffff,
  };
  // The call's own arguments are behind a pointer there. As in libseccomp a condition on the first one is dropped,
  // the others are kept as they are.
  const others = rule.conditions.filter(condition => condition.arg !== 0);
  return { action: rule.action, conditions: [selector, ...others] };
}

/** The names of one rule, by their positions in the tables; -1 for names that are not known. */
function parseNames(filter: Filter, value: unknown, notify: boolean, pointer: string): number[] {
  const names = listAt(value, pointer);
  if (names.length === 0) throw new SeccompError(pointer, 'a rule needs at least one system call name');
  const positions = syscallIndexes();
  const indexes: number[] = [];
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    if (typeof name !== 'string' || name === '') {
      throw new SeccompError(`${pointer}/${i}`, 'a system call name must be a string that is not empty');
    }
    if (notify && name === 'write') {
      // The process that installs the filter tells its parent of the listener by write(2): it would wait for itself.
      throw new SeccompError(`${pointer}/${i}`, 'SCMP_ACT_NOTIFY cannot be used for write');
    }
    const index = positions[name];
    if (index === undefined) {
      filter.warnings.push(`${pointer}/${i}: system call ${name} is not known and is ignored`);
    }
    indexes.push(index ?? -1);
  }
  return indexes;
}

/**
 * Adds one rule for several calls to one architecture. Calls it has no effect on become members of `shadowed`. This
 * is the inner loop of the compiler, hence the common cases in line.
 */
function addDirect(
  table: Table,
  actions: number[],
  indexes: readonly number[],
  rule: Rule,
  shadowed: Set<number>,
): void {
  const { column, slots } = table;
  const verdict = rule.conditions.length === 0 ? actionIndex(actions, rule.action) : 0;
  let last = table.last;
  for (let i = 0; i < indexes.length; i++) {
    // NaN for an unknown name, negative for one that the architecture does not have.
    const encoded = column.charCodeAt(indexes[i]!) - FIRST_CHARACTER;
    if (encoded >= 0) {
      if (encoded > last) {
        note(table, encoded);
        last = table.last;
      }
      if (verdict !== 0 && slots[encoded] === 0) slots[encoded] = verdict;
      else if (!addRule(table, actions, encoded, rule)) shadowed.add(i);
    }
  }
}

/** Adds one rule for calls that are made through socketcall(2) or ipc(2) on this architecture. */
function addMultiplexed(table: Table, actions: number[], forms: readonly number[], rule: Rule): void {
  for (const form of forms) {
    const ipc = form > THROUGH_IPC;
    const through = ipc ? table.ipc : table.socketcall;
    if (through < 0) continue;
    note(table, through);
    addRule(
      table,
      actions,
      through,
      throughFirstArgument(rule, ipc ? form - THROUGH_IPC : form, table.architecture.bits),
    );
  }
}

/** Notes the names of a rule that is not needed, as the default action is the same. */
function noteAll(table: Table, indexes: readonly number[]): void {
  for (let i = 0; i < indexes.length; i++) {
    const encoded = table.column.charCodeAt(indexes[i]!) - FIRST_CHARACTER;
    if (encoded > table.last) note(table, encoded);
  }
}

/** How those of the calls that are multiplexed are made. */
function formsOf(indexes: readonly number[]): number[] {
  const all = multiplexedForms();
  const forms: number[] = [];
  for (let i = 0; i < indexes.length; i++) {
    const form = all[indexes[i]!];
    if (form !== undefined && form !== 0) forms.push(form);
  }
  return forms;
}

/** Adds one entry of `syscalls` and returns whether it notifies. */
function addSyscalls(filter: Filter, entry: unknown, pointer: string): boolean {
  const rule = objectAt(entry, pointer);
  const action = parseAction(rule.action, rule.errnoRet, pointer, 'action', 'errnoRet');
  const notify = action === actions.SCMP_ACT_NOTIFY;
  const rules = parseRules(rule.args, action, pointer);
  const indexes = parseNames(filter, rule.names, notify, `${pointer}/names`);
  if (action === filter.actions[0]) {
    // What is done anyway needs no rule, but its names are known to the profile all the same.
    for (const table of filter.tables) noteAll(table, indexes);
    return notify;
  }
  const forms = formsOf(indexes);
  const shadowed = new Set<number>();
  for (const table of filter.tables) {
    for (const { wide, narrow } of rules) {
      const fitting = table.architecture.bits === 64 ? wide : narrow;
      addDirect(table, filter.actions, indexes, fitting, shadowed);
      if (forms.length > 0) addMultiplexed(table, filter.actions, forms, fitting);
    }
  }
  for (const i of shadowed) {
    filter.warnings.push(
      `${pointer}/names/${i}: an earlier rule without conditions decides this system call already`,
    );
  }
  return notify;
}

/**
 * The action for calls newer than the profile, as in runc: programs try new calls and fall back on ENOSYS, but give
 * up on EPERM. Undefined when the default action lets such calls be made, or says ENOSYS already.
 */
function actionForUnknown(defaultAction: number, enosys: number): number | undefined {
  const kind = (defaultAction & 0xffff0000) >>> 0;
  if (kind === actions.SCMP_ACT_ALLOW || kind === actions.SCMP_ACT_LOG) return undefined;
  // A tracer is expected to know better.
  if (kind === actions.SCMP_ACT_TRACE) return undefined;
  const action = actions.SCMP_ACT_ERRNO! + enosys;
  return action === defaultAction ? undefined : action;
}

/** The bits for seccomp(2), which refuses some combinations. */
function finalFlags(bits: number, notify: boolean, warnings: string[]): number {
  const tsync = flags.SECCOMP_FILTER_FLAG_TSYNC!;
  const killable = flags.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV!;
  if (notify) return bits | FLAG_NEW_LISTENER | ((bits & tsync) === 0 ? 0 : FLAG_TSYNC_ESRCH);
  if ((bits & killable) === 0) return bits;
  warnings.push('/flags: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV is ignored, as no rule has SCMP_ACT_NOTIFY');
  return bits & ~killable;
}

/**
 * Compiles the `linux.seccomp` object of an OCI configuration for a machine of the given architecture
 * ('SCMP_ARCH_X86_64'). Rules mean what they mean in runc with libseccomp; README.md has the details.
 * Throws SeccompError for a profile that is wrong, or too long for the kernel.
 */
export function compile(profile: SeccompProfile, nativeArch: string): Compiled {
  const root = objectAt(profile, '');
  const names = parseArchitectures(root.architectures, nativeArch);
  const bits = parseFlags(root.flags);
  const defaultAction = parseAction(
    root.defaultAction,
    root.defaultErrnoRet,
    '',
    'defaultAction',
    'defaultErrnoRet',
  );
  if (defaultAction === actions.SCMP_ACT_NOTIFY) {
    throw new SeccompError('/defaultAction', 'SCMP_ACT_NOTIFY cannot be the default action');
  }
  const filter: Filter = {
    tables: names.map(name => newTable(architectures[name]!)),
    actions: [defaultAction],
    warnings: [],
  };
  const syscalls = listAt(root.syscalls, '/syscalls');
  let notify = false;
  for (let i = 0; i < syscalls.length; i++) {
    if (addSyscalls(filter, syscalls[i], `/syscalls/${i}`)) notify = true;
  }
  const native = architectures[nativeArch]!;
  const unknown = actionForUnknown(defaultAction, enosysOf(native));
  const asm = assembler();
  emitFilter(asm, filter.tables, {
    verdicts: filter.actions.map(asm.verdict),
    unknown: unknown === undefined ? undefined : asm.verdict(unknown),
    foreign: asm.verdict(actions.SCMP_ACT_KILL!),
  });
  return {
    program: asm.finish(native.endian === 'little'),
    flags: finalFlags(bits, notify, filter.warnings),
    warnings: filter.warnings,
    notify,
  };
}
