import type { Rule } from './chain.js';
import type { Architecture } from './constants.js';
import { columnOf, ENCODED_LIMIT, encodedNumber, PRIVATE, syscallIndexes } from './syscalls.js';

/** A slot of a table with this bit holds the index of a chain, any other the index of an action. */
export const CHAIN = 0x8000;

/** What a filter does with each system call of one architecture. */
export interface Table {
  readonly architecture: Architecture;
  readonly column: string;
  /**
   * By encoded number: 0 is the default action, else an index into the actions, or CHAIN + one into chains.
   */
  readonly slots: Uint16Array;
  readonly chains: Rule[][];
  /** Highest encoded number the profile names, also by rules that change nothing; -1 when there is none. */
  last: number;
  /** The same for ARM's private numbers. */
  lastPrivate: number;
  /** Encoded numbers of socketcall(2) and ipc(2), negative when the architecture has none. */
  readonly socketcall: number;
  readonly ipc: number;
}

/** An empty table: everything gets the default action. */
export function newTable(architecture: Architecture): Table {
  const column = columnOf(architecture);
  const positions = syscallIndexes();
  return {
    architecture,
    column,
    slots: new Uint16Array(ENCODED_LIMIT),
    chains: [],
    last: -1,
    lastPrivate: -1,
    socketcall: encodedNumber(column, positions.socketcall!),
    ipc: encodedNumber(column, positions.ipc!),
  };
}

/** Notes that the profile names a call: later ones than the last are newer than the profile. */
export function note(table: Table, encoded: number): void {
  if (encoded < PRIVATE) {
    if (encoded > table.last) table.last = encoded;
  } else if (encoded > table.lastPrivate) {
    table.lastPrivate = encoded;
  }
}

/** The index of an action, 0 being the default action. */
export function actionIndex(actions: number[], action: number): number {
  const found = actions.indexOf(action);
  return found >= 0 ? found : actions.push(action) - 1;
}

/**
 * Adds a rule for a call. One without conditions decides alone, and the first such wins, as in libseccomp.
 * False when an earlier one has decided otherwise, so that this one has no effect.
 */
export function addRule(table: Table, actions: number[], encoded: number, rule: Rule): boolean {
  const slot = table.slots[encoded]!;
  if (slot !== 0 && slot < CHAIN) return actions[slot] === rule.action;
  if (rule.conditions.length === 0) {
    table.slots[encoded] = actionIndex(actions, rule.action);
  } else if (slot === 0) {
    table.slots[encoded] = CHAIN + table.chains.length;
    table.chains.push([rule]);
  } else {
    table.chains[slot - CHAIN]!.push(rule);
  }
  return true;
}
