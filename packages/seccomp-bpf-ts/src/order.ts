import type { Rule } from './chain.js';
import { Op } from './constants.js';
import type { Condition } from './profile.js';

// Where several rules with different actions hold for one call, which one decides is libseccomp's order: it keeps the
// conditions of a system call in a tree that is sorted as here, and takes the first match. That order has nothing to
// do with the order of the profile (only ties have), but it is what profiles are tested with.

/** Equalities before "less", "less" before "greater". */
function rank(op: number): number {
  if (op === Op.LT || op === Op.LE) return 2;
  return op === Op.GT || op === Op.GE ? 1 : 3;
}

/** Each condition is two steps deep in the tree: its high word and its low word. */
function word(condition: Condition, depth: number): number {
  return depth % 2 === 0 ? condition.dataHigh : condition.dataLow;
}

function mask(condition: Condition, depth: number): number {
  return depth % 2 === 0 ? condition.maskHigh : condition.maskLow;
}

/** Whether both are under the same node of the tree at this depth, given that they are at the depth above. */
function sameNode(a: Condition, b: Condition, depth: number): boolean {
  if (a.arg !== b.arg || rank(a.op) !== rank(b.op)) return false;
  if (word(a, depth) !== word(b, depth)) return false;
  if (depth % 2 === 1) return a.op === b.op && mask(a, depth) === mask(b, depth);
  // 32-bit architectures have no node for a high word.
  if (a.maskHigh === 0 && b.maskHigh === 0 && a.dataHigh === 0) return true;
  return (a.op === Op.MASKED_EQ) === (b.op === Op.MASKED_EQ) && mask(a, depth) === mask(b, depth);
}

/** Negative when `a` is before `b`: later arguments first, then by rank, then the tighter bound first. */
function compare(a: Condition, b: Condition, depth: number): number {
  if (a.arg !== b.arg) return b.arg - a.arg;
  const ranks = rank(b.op) - rank(a.op);
  if (ranks !== 0) return ranks;
  const larger = word(b, depth) - word(a, depth);
  return rank(a.op) === 2 ? -larger : larger;
}

function sort(rules: readonly Rule[], depth: number, sorted: Rule[]): void {
  const groups: Rule[][] = [];
  const index = depth >> 1;
  let unconditional: Rule | undefined;
  for (const rule of rules) {
    const condition = rule.conditions[index];
    if (condition === undefined) {
      // All of its conditions hold here: rules after it are not reached. More specific ones before it are.
      unconditional = rule;
      break;
    }
    const group = groups.find(g => sameNode(g[0]!.conditions[index]!, condition, depth));
    if (group === undefined) groups.push([rule]);
    else group.push(rule);
  }
  groups.sort((a, b) => compare(a[0]!.conditions[index]!, b[0]!.conditions[index]!, depth));
  for (const group of groups) {
    if (group.length === 1) sorted.push(group[0]!);
    else sort(group, depth + 1, sorted);
  }
  if (unconditional !== undefined) sorted.push(unconditional);
}

/** The rules of one system call in the order in which they are to be tried. */
export function inOrder(rules: readonly Rule[]): readonly Rule[] {
  const action = rules[0]!.action;
  // When all agree, which of them matches does not matter.
  if (rules.every(rule => rule.action === action)) return rules;
  const sorted: Rule[] = [];
  sort(rules, 0, sorted);
  return sorted;
}
