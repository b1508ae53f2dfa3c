import { type Assembler, BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JSET, type Target } from './assembler.js';
import { type Endian, Op } from './constants.js';
import type { Condition } from './profile.js';

/** An action that is taken when all conditions hold. */
export interface Rule {
  readonly action: number;
  /**
   * Ascending by argument, no argument twice, none that always holds. maskHigh 0: the high word is not looked at.
   */
  readonly conditions: readonly Condition[];
}

// struct seccomp_data (linux/seccomp.h): nr, arch, instruction_pointer, args[6].
const ARGS_OFFSET = 16;

/** Where one rule's code goes on when it does not match, and what the rule before it can skip. */
interface Entry {
  /** The start of the rule's code. */
  start: Target;
  /** The first condition's high word is known to be what the rule wants. */
  highHolds: Target;
  /** The first condition's high word is known to be another one. */
  highFails: Target;
  /** Like highHolds, with the first condition's low word loaded. */
  lowLoaded: Target | undefined;
  /** The first condition; undefined after the last rule. */
  first: Condition | undefined;
}

/**
 * Whether the condition looks at the high word for equality only, so that the answer can serve the next rule too.
 */
function isEquality(condition: Condition): boolean {
  return condition.op === Op.EQ || condition.op === Op.NE || condition.op === Op.MASKED_EQ;
}

function sameHighTest(a: Condition, b: Condition): boolean {
  if (a.arg !== b.arg || a.maskHigh !== b.maskHigh) return false;
  if (a.maskHigh === 0) return true;
  return a.dataHigh === b.dataHigh && isEquality(a) && isEquality(b);
}

/** Emits `loaded word & mask == data ? yes : no`. */
function emitEquality(asm: Assembler, mask: number, data: number, yes: Target, no: Target): Target {
  if (mask === 0xffffffff) return asm.jump(BPF_JEQ, data, yes, no);
  if (data === 0) return asm.jump(BPF_JSET, mask, no, yes);
  asm.jump(BPF_JEQ, data, yes, no);
  return asm.and(mask);
}

/** Emits the comparison of the low word, given that the high words are equal. It is loaded already. */
function emitLow(asm: Assembler, condition: Condition, accept: Target, reject: Target): Target {
  const data = condition.dataLow;
  switch (condition.op) {
    case Op.GT:
      return asm.jump(BPF_JGT, data, accept, reject);
    case Op.GE:
      return asm.jump(BPF_JGE, data, accept, reject);
    case Op.LT:
      return asm.jump(BPF_JGE, data, reject, accept);
    case Op.LE:
      return asm.jump(BPF_JGT, data, reject, accept);
    case Op.NE:
      return asm.jump(BPF_JEQ, data, reject, accept);
    default:
      return emitEquality(asm, condition.maskLow, data, accept, reject);
  }
}

/** Emits the comparison of the high word; `low` is the code for equal ones. It is loaded already. */
function emitHigh(asm: Assembler, condition: Condition, low: Target, accept: Target, reject: Target): void {
  const data = condition.dataHigh;
  switch (condition.op) {
    case Op.GT:
    case Op.GE: {
      // Not above 0 is 0: no second comparison then.
      const below = data === 0 ? low : asm.jump(BPF_JEQ, data, low, reject);
      asm.jump(BPF_JGT, data, accept, below);
      return;
    }
    case Op.LT:
    case Op.LE: {
      const below = data === 0 ? low : asm.jump(BPF_JEQ, data, low, accept);
      asm.jump(BPF_JGT, data, reject, below);
      return;
    }
    case Op.NE:
      asm.jump(BPF_JEQ, data, low, accept);
      return;
    default:
      emitEquality(asm, condition.maskHigh, data, low, reject);
  }
}

/** Emits one condition. The entry has labels into its code for the rule before. */
function emitCondition(
  asm: Assembler,
  endian: Endian,
  condition: Condition,
  accept: Target,
  lowReject: Target,
  highReject: Target,
): Entry {
  const offset = ARGS_OFFSET + 8 * condition.arg;
  let low = accept;
  let lowLoaded: Target | undefined;
  if (condition.maskLow !== 0) {
    lowLoaded = emitLow(asm, condition, accept, lowReject);
    low = asm.load(endian === 'little' ? offset : offset + 4);
  }
  const entry = { start: low, highHolds: low, highFails: highReject, lowLoaded, first: condition };
  if (condition.maskHigh === 0) return entry;
  emitHigh(asm, condition, low, accept, highReject);
  entry.start = asm.load(endian === 'little' ? offset + 4 : offset);
  if (condition.op === Op.NE) entry.highFails = accept;
  return entry;
}

/** Emits one rule in front of the entry of the next. */
function emitRule(asm: Assembler, endian: Endian, rule: Rule, accept: Target, next: Entry): Entry {
  const first = rule.conditions[0]!;
  const shared = next.first !== undefined && sameHighTest(first, next.first);
  const reject = shared ? next.highHolds : next.start;
  // When the first condition held, its high word is the wanted one; a NE that held says nothing of it.
  const laterReject = first.op === Op.NE ? next.start : reject;
  let target = accept;
  for (let i = rule.conditions.length - 1; i > 0; i--) {
    target = emitCondition(asm, endian, rule.conditions[i]!, target, laterReject, laterReject).start;
  }
  const lowReject = shared && keepsLowWord(first) && next.lowLoaded !== undefined ? next.lowLoaded : reject;
  return emitCondition(asm, endian, first, target, lowReject, shared ? next.highFails : next.start);
}

/** Whether the low word is still loaded, unmasked, after the comparison. */
function keepsLowWord(condition: Condition): boolean {
  return condition.maskLow === 0xffffffff || condition.dataLow === 0;
}

/**
 * Emits code that takes the action of the first rule that holds, or jumps to `otherwise`.
 */
export function emitChain(asm: Assembler, endian: Endian, rules: readonly Rule[], otherwise: Target): Target {
  let next: Entry = {
    start: otherwise,
    highHolds: otherwise,
    highFails: otherwise,
    lowLoaded: undefined,
    first: undefined,
  };
  for (let i = rules.length - 1; i >= 0; i--) {
    next = emitRule(asm, endian, rules[i]!, asm.verdict(rules[i]!.action), next);
  }
  return next.start;
}
