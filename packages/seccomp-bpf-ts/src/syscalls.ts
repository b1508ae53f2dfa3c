import { ARM_PRIVATE_BASE, type Architecture } from './constants.js';
import { NAMES, NUMBERS } from './tables.js';

/** The character for number 0 in the tables: see tables.ts. */
export const FIRST_CHARACTER = 0x4e00;

/** First encoded number of ARM's private calls. */
export const PRIVATE = 1000;

/** Encoded numbers are below this. */
export const ENCODED_LIMIT = 1024;

let indexes: Record<string, number> | undefined;

/** The position of each name in the tables. It has no prototype: any string may be looked up. */
export function syscallIndexes(): Readonly<Record<string, number>> {
  if (indexes === undefined) {
    // Split on first use: a program that compiles nothing does not pay for it. And an object rather than a Map, since
    // QuickJS fills it in half the time.
    indexes = Object.create(null) as Record<string, number>;
    const names = NAMES.split(' ');
    for (let i = 0; i < names.length; i++) indexes[names[i]!] = i;
  }
  return indexes;
}

/**
 * The number at a position of a table as it is encoded there; negative when the architecture lacks the call.
 */
export function encodedNumber(column: string, index: number): number {
  return column.charCodeAt(index) - FIRST_CHARACTER;
}

/** The table of an architecture: a column for encodedNumber(). */
export function columnOf(architecture: Architecture): string {
  return NUMBERS[architecture.table];
}

/** The number the kernel knows a call by. */
export function decode(architecture: Architecture, encoded: number): number {
  return encoded < PRIVATE ? architecture.base + encoded : ARM_PRIVATE_BASE + encoded - PRIVATE;
}

/** The number of a system call on an architecture, or undefined when it is not a direct call there. */
export function syscallNumber(architecture: Architecture, name: string): number | undefined {
  const index = syscallIndexes()[name];
  if (index === undefined) return undefined;
  const encoded = encodedNumber(columnOf(architecture), index);
  return encoded < 0 ? undefined : decode(architecture, encoded);
}

/** All names the tables know, sorted. */
export function syscallNames(): string[] {
  return NAMES.split(' ');
}

/**
 * Calls that some architectures also, or only, have as the first argument of socketcall(2) (linux/net.h).
 * The number is position + 1.
 */
const SOCKET_CALLS =
  'socket bind connect listen accept getsockname getpeername socketpair send recv sendto recvfrom shutdown ' +
  'setsockopt getsockopt sendmsg recvmsg accept4 recvmmsg sendmmsg';

/** The same for ipc(2) (linux/ipc.h); '-' is an unused number. */
const IPC_CALLS =
  'semop semget semctl semtimedop - - - - - - msgsnd msgrcv msgget msgctl - - - - - - shmat shmdt shmget shmctl';

/** In the answers of multiplexedForm(): added to the numbers of calls that are made through ipc(2). */
export const THROUGH_IPC = 100;

let forms: Uint8Array | undefined;

/**
 * For each position of the tables, how the call is made through another one: the first argument of socketcall(2); or
 * THROUGH_IPC plus the first argument of ipc(2); or 0 for neither.
 */
export function multiplexedForms(): Readonly<Uint8Array> {
  if (forms === undefined) {
    forms = new Uint8Array(ENCODED_LIMIT);
    const positions = syscallIndexes();
    const sockets = SOCKET_CALLS.split(' ');
    for (let i = 0; i < sockets.length; i++) forms[positions[sockets[i]!]!] = i + 1;
    const ipc = IPC_CALLS.split(' ');
    for (let i = 0; i < ipc.length; i++) {
      if (ipc[i] !== '-') forms[positions[ipc[i]!]!] = THROUGH_IPC + i + 1;
    }
  }
  return forms;
}
