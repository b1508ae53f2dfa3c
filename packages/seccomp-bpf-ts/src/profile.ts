import { ARGUMENTS, actions, architectures, flags, Op, operators } from './constants.js';

/**
 * An integer of a profile. One above 2^53-1 must come as a bigint: a number has already lost its low bits.
 */
export type Integer = number | bigint;

/** A condition on one argument of a system call (config-linux.md, "args"). */
export interface SeccompArg {
  index: Integer;
  value: Integer;
  /** Second operand of SCMP_CMP_MASKED_EQ, whose mask is `value`. */
  valueTwo?: Integer | null;
  op: string;
}

/** A rule: what to do when one of these system calls is made with such arguments. */
export interface SeccompSyscall {
  names: string[];
  action: string;
  errnoRet?: Integer | null;
  args?: SeccompArg[] | null;
}

/** The object `linux.seccomp` of an OCI runtime configuration (runtime-spec, config-linux.md, "Seccomp"). */
export interface SeccompProfile {
  defaultAction: string;
  defaultErrnoRet?: Integer | null;
  architectures?: string[] | null;
  flags?: string[] | null;
  listenerPath?: string;
  listenerMetadata?: string;
  syscalls?: SeccompSyscall[] | null;
}

/** A profile that cannot be compiled. `message` says what is wrong with the value at `pointer`. */
export class SeccompError extends Error {
  /** RFC 6901 pointer into the profile; '' is the profile itself. */
  readonly pointer: string;

  constructor(pointer: string, message: string) {
    super(message);
    this.name = 'SeccompError';
    this.pointer = pointer;
  }
}

/** A comparison with its 64-bit operands split into words, as BPF has 32-bit registers. */
export interface Condition {
  readonly arg: number;
  readonly op: number;
  readonly dataHigh: number;
  readonly dataLow: number;
  /** All ones but for SCMP_CMP_MASKED_EQ. */
  readonly maskHigh: number;
  readonly maskLow: number;
}

/** Default errno of SCMP_ACT_ERRNO and SCMP_ACT_TRACE (config-linux.md): EPERM, 1 on every architecture. */
const EPERM = 1;

const WORD = 0x100000000;

function own<T>(table: Readonly<Record<string, T>>, name: unknown): T | undefined {
  // A name such as "constructor" must not be found on the prototype.
  return typeof name === 'string' && Object.hasOwn(table, name) ? table[name] : undefined;
}

function show(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  return JSON.stringify(value) ?? String(value);
}

/** The table's entry for a name, or an error with the names there are. */
function oneOf<T>(table: Readonly<Record<string, T>>, name: unknown, pointer: string, what: string): T {
  const found = own(table, name);
  if (found !== undefined) return found;
  if (name === undefined || name === null || name === '')
    throw new SeccompError(pointer, `${what} is missing`);
  throw new SeccompError(
    pointer,
    `${show(name)} is not a known ${what}; known are ${Object.keys(table).join(', ')}`,
  );
}

function checkInteger(value: unknown, pointer: string): asserts value is Integer {
  if (typeof value === 'bigint') return;
  if (typeof value !== 'number' || !Number.isInteger(value)) {
    throw new SeccompError(pointer, `${show(value)} is not an integer`);
  }
  if (!Number.isSafeInteger(value)) {
    throw new SeccompError(pointer, `${show(value)} is too large for an exact number: pass it as a bigint`);
  }
}

function small(value: unknown, limit: number, pointer: string): number {
  checkInteger(value, pointer);
  if (value < 0 || value > limit) {
    throw new SeccompError(pointer, `${show(value)} is not between 0 and ${limit}`);
  }
  return Number(value);
}

/** The list at a pointer; an absent one is empty, as is `null`, which Go programs write for it. */
export function listAt(value: unknown, pointer: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new SeccompError(pointer, `${show(value)} is not an array`);
  return value;
}

/** The object at a pointer. */
export function objectAt(value: unknown, pointer: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new SeccompError(pointer, `${show(value)} is not an object`);
  }
  return value as Record<string, unknown>;
}

/**
 * The return value of a filter for an action. `key` is the property with the errno ('errnoRet').
 * The specification wants an error for an errno with an action that does not take one.
 */
export function parseAction(
  action: unknown,
  errno: unknown,
  pointer: string,
  actionKey: string,
  key: string,
): number {
  const value = oneOf(actions, action, `${pointer}/${actionKey}`, 'action');
  const takesErrno = action === 'SCMP_ACT_ERRNO' || action === 'SCMP_ACT_TRACE';
  if (errno === undefined || errno === null) return takesErrno ? value + EPERM : value;
  if (!takesErrno) throw new SeccompError(`${pointer}/${key}`, `${action} does not take an errno`);
  // The kernel keeps 16 bits of it: a larger one would silently become another, even 0, success.
  return value + small(errno, 0xffff, `${pointer}/${key}`);
}

/** The architectures of a filter, the native one first; a filter without it would kill everything. */
export function parseArchitectures(value: unknown, native: string): string[] {
  const nativeArch = own(architectures, native);
  if (nativeArch === undefined) {
    throw new SeccompError('', `${show(native)}, the machine's architecture, is not known to seccomp`);
  }
  const names = [native];
  listAt(value, '/architectures').forEach((name, i) => {
    const pointer = `/architectures/${i}`;
    const arch = oneOf(architectures, name, pointer, 'architecture');
    if (arch.endian !== nativeArch.endian) {
      throw new SeccompError(
        pointer,
        `${name} is ${arch.endian}-endian and cannot be in one filter with ${native}, which is not`,
      );
    }
    if (!names.includes(name as string)) names.push(name as string);
  });
  return names;
}

/** The bits for the names in `flags`; SPEC_ALLOW when the profile has no list of them, as in runc. */
export function parseFlags(value: unknown): number {
  if (value === undefined || value === null) return flags.SECCOMP_FILTER_FLAG_SPEC_ALLOW!;
  let bits = 0;
  listAt(value, '/flags').forEach((name, i) => {
    bits |= oneOf(flags, name, `/flags/${i}`, 'flag');
  });
  return bits;
}

function highWord(value: Integer): number {
  return typeof value === 'bigint' ? Number(value >> 32n) : Math.floor(value / WORD);
}

function lowWord(value: Integer): number {
  return typeof value === 'bigint' ? Number(value & 0xffffffffn) : value % WORD;
}

function operand(value: unknown, pointer: string): Integer {
  if (value === undefined || value === null) return 0;
  checkInteger(value, pointer);
  // A safe integer is below 2^64 anyway.
  if (value < 0 || (typeof value === 'bigint' && value >> 64n !== 0n)) {
    throw new SeccompError(pointer, `${value} is not an unsigned 64-bit integer`);
  }
  return value;
}

/** One entry of `args`. */
export function parseCondition(entry: unknown, pointer: string): Condition {
  const arg = objectAt(entry, pointer);
  if (arg.index === undefined) throw new SeccompError(`${pointer}/index`, 'index is missing');
  if (arg.value === undefined) throw new SeccompError(`${pointer}/value`, 'value is missing');
  const op = oneOf(operators, arg.op, `${pointer}/op`, 'operator');
  const value = operand(arg.value, `${pointer}/value`);
  const valueTwo = operand(arg.valueTwo, `${pointer}/valueTwo`);
  const masked = op === Op.MASKED_EQ;
  const maskHigh = masked ? highWord(value) : 0xffffffff;
  const maskLow = masked ? lowWord(value) : 0xffffffff;
  const data = masked ? valueTwo : value;
  return {
    arg: small(arg.index, ARGUMENTS - 1, `${pointer}/index`),
    op,
    // libseccomp drops bits outside of the mask, with which no argument could be equal.
    dataHigh: (highWord(data) & maskHigh) >>> 0,
    dataLow: (lowWord(data) & maskLow) >>> 0,
    maskHigh,
    maskLow,
  };
}
