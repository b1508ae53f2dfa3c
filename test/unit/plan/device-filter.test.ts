/** The filter against the plainest reading of the list: for each kind of access, the last rule about it decides. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { compileDeviceFilter, DEFAULT_RULES } from '../../../src/plan/device-filter.js';
import type { DeviceRule, Spec } from '../../../src/spec.js';
import { decode, run, unreachable } from '../fixtures/ebpf.js';

const callers = new URL('../../../../shared/caller-configs/', import.meta.url);
const skip = existsSync(callers) ? false : "the engines' configs are not at ../shared/caller-configs";

const BITS = { m: 1, r: 2, w: 4 } as const;
type Letter = keyof typeof BITS;
type Kind = 'b' | 'c';
type Request = [kind: Kind, access: Letter[], major: number, minor: number];

const isAny = (number: DeviceRule['major']): boolean => number === undefined || Number(number) < 0;

function concerns(rule: DeviceRule, letter: Letter, [kind, , major, minor]: Request): boolean {
  const { type = 'a', access } = rule;
  return (
    (type === 'a' || type === kind || (type === 'u' && kind === 'c')) &&
    (isAny(rule.major) || Number(rule.major) === major) &&
    (isAny(rule.minor) || Number(rule.minor) === minor) &&
    (access || 'rwm').includes(letter)
  );
}

const model = (rules: readonly DeviceRule[], request: Request): boolean =>
  request[1].every(letter => rules.filter(rule => concerns(rule, letter, request)).at(-1)?.allow ?? false);

const verdict = (program: ReturnType<typeof decode>, [kind, access, major, minor]: Request): boolean => {
  const bits = access.reduce((sum, letter) => sum | BITS[letter], 0);
  return run(program, [(kind === 'b' ? 1 : 2) | (bits << 16), major, minor]) === 1;
};

const KINDS: Kind[] = ['b', 'c'];
const ACCESSES: Letter[][] = [['m'], ['r'], ['w'], ['r', 'w'], ['m', 'r'], ['m', 'w'], ['m', 'r', 'w']];

/** Compares for devices that the rules name and for ones that they do not. Returns the number of requests. */
function compare(name: string, rules: readonly DeviceRule[], t: Test): number {
  const program = decode(compileDeviceFilter(rules));
  const whole = [...rules, ...DEFAULT_RULES];
  const useless = unreachable(program);
  if (useless.length > 0) t.fail(`${name}: unreachable instructions ${useless}`);
  const named = (key: 'major' | 'minor'): number[] =>
    [...new Set([7, ...rules.map(rule => Number(rule[key] ?? 1))])].filter(number => number >= 0);
  let count = 0;
  for (const kind of KINDS)
    for (const access of ACCESSES)
      for (const major of [...named('major'), 1, 5, 136])
        for (const minor of [...named('minor'), 3]) {
          const request: Request = [kind, access, major, minor];
          count++;
          if (verdict(program, request) !== model(whole, request))
            t.fail(`${name}: ${JSON.stringify(rules)} answers otherwise to ${request}`);
        }
  return count;
}

t.test('the lists of engines', { skip }, async t => {
  let count = 0;
  for (const file of readdirSync(callers).filter(name => !name.startsWith('process-'))) {
    const spec = JSON.parse(readFileSync(new URL(file, callers), 'utf8')) as Spec;
    count += compare(file, spec.linux?.resources?.devices ?? [], t);
  }
  t.ok(count > 5000, `${count} requests`);
});

/** A small generator of numbers, always the same ones (xorshift32). */
function random(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

t.test('thousands of random lists', async t => {
  const next = random(20240117);
  const pick = <T>(list: readonly T[]): T => list[next(list.length)]!;
  let count = 0;
  for (let i = 0; i < 2000; i++) {
    const rules = Array.from({ length: next(9) }, () => {
      const rule: DeviceRule = { allow: next(2) === 1 };
      const type = pick([undefined, 'a', 'b', 'c', 'u']);
      const major = pick([undefined, undefined, -1, 0, 1, 10, 4095, 7n]);
      const minor = pick([undefined, undefined, -1, 0, 3, 229, 1048575]);
      const access = pick([undefined, '', 'r', 'w', 'm', 'rw', 'wr', 'rm', 'rwm', 'mrw']);
      if (type !== undefined) rule.type = type;
      if (major !== undefined) rule.major = major;
      if (minor !== undefined) rule.minor = minor;
      if (access !== undefined) rule.access = access;
      return rule;
    });
    count += compare(`list ${i}`, rules, t);
  }
  t.ok(count > 100_000, `${count} requests`);
});

const ask = (
  rules: readonly DeviceRule[],
  kind: Kind,
  access: string,
  major: number,
  minor: number,
): boolean => verdict(decode(compileDeviceFilter(rules)), [kind, [...access] as Letter[], major, minor]);

const NONE: DeviceRule = { allow: false, access: 'rwm' };

t.test('without rules only what every container has', async t => {
  for (const [major, minor] of [
    [1, 3],
    [1, 5],
    [1, 7],
    [1, 8],
    [1, 9],
    [5, 0],
    [5, 2],
    [136, 7],
  ] as const)
    t.ok(ask([], 'c', 'rwm', major, minor), `${major}:${minor}`);
  t.ok(ask([], 'b', 'm', 8, 0), 'making a node, of anything');
  t.notOk(ask([], 'b', 'r', 8, 0), 'a disk');
});

t.test('two rules for one device add up', async t => {
  const fuse = { allow: true, type: 'c', major: 10, minor: 229 };
  const rules = [NONE, { ...fuse, access: 'r' }, { ...fuse, access: 'w' }];
  t.ok(ask(rules, 'c', 'rw', 10, 229));
  t.notOk(ask(rules.slice(0, 2), 'c', 'rw', 10, 229));
});

t.test('a later refusal takes a part away', async t => {
  const rules = [{ allow: true }, { allow: false, type: 'b', major: 8, access: 'w' }];
  t.ok(ask(rules, 'b', 'r', 8, 0));
  t.notOk(ask(rules, 'b', 'rw', 8, 0));
  t.ok(ask(rules, 'b', 'w', 9, 0));
});

t.test('what every container has cannot be refused', async t => {
  t.ok(ask([NONE], 'c', 'rwm', 1, 5));
});

t.test('rules that can never decide cost nothing', async t => {
  const many = Array.from({ length: 5000 }, (_, major) => ({ allow: true, type: 'c', major }));
  t.equal(compileDeviceFilter([...many, NONE]).length, compileDeviceFilter([NONE]).length);
});

t.test('as long as the list', async t => {
  const size = (length: number): number =>
    compileDeviceFilter(Array.from({ length }, (_, major) => ({ allow: true, type: 'c', major }))).length / 8;
  t.equal(size(200) - size(100), 100 * 4);
});
