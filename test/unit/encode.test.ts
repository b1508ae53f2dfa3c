/** Decodes what encode() and walkBegin() make, by the layout in native/plan.h. */
import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { plan } from '../../src/plan/plan.js';
import {
  flatten,
  PLAN_VERSION,
  STEP_TABLE,
  STEP_TABLE_HASH,
  type Step,
  step,
  type Text,
} from '../../src/plan/step.js';
import { planBytes } from '../plan-bytes.js';
import { config, facts, options } from './fixtures/planner.js';

interface Record {
  kind: number;
  actor: number;
  otherwise: number;
  tolerated: number[];
  meanwhile: number;
  numbers: bigint[];
  texts: Buffer[];
}

function decode(bytes: Uint8Array): Record[] {
  const buffer = Buffer.from(bytes);
  t.equal(buffer.readUInt32LE(0), 0x53544e52);
  t.equal(buffer.toString('latin1', 0, 4), 'RNTS');
  t.equal(buffer.readUInt32LE(4), PLAN_VERSION);
  t.equal(buffer.readBigUInt64LE(8), STEP_TABLE_HASH);
  t.equal(buffer.readUInt32LE(16), bytes.length, 'size of all');
  const [count, strings, size] = [20, 24, 28].map(at => buffer.readUInt32LE(at)) as [number, number, number];
  t.equal(strings, 32 + 104 * count);
  t.equal(size, bytes.length - strings);
  const text = (offset: number): Buffer => {
    const start = strings + offset + 4;
    const end = start + buffer.readUInt32LE(start - 4);
    if (end >= buffer.length || buffer[end] !== 0) throw new Error(`the text at ${offset} has no end`);
    return buffer.subarray(start, end);
  };
  return Array.from({ length: count }, (_, i) => {
    const at = 32 + 104 * i;
    return {
      kind: buffer.readUInt16LE(at),
      actor: buffer.readUInt8(at + 2),
      otherwise: buffer.readUInt8(at + 3),
      tolerated: [4, 6, 8, 10].map(offset => buffer.readUInt16LE(at + offset)),
      meanwhile: buffer.readUInt32LE(at + 12),
      numbers: Array.from({ length: 8 }, (_, n) => buffer.readBigUInt64LE(at + 16 + 8 * n)),
      texts: Array.from({ length: 6 }, (_, s) => text(buffer.readUInt32LE(at + 80 + 4 * s))),
    };
  });
}

const bytesOf = (value: Text): Buffer =>
  typeof value === 'string'
    ? Buffer.from(value)
    : value instanceof Uint8Array
      ? Buffer.from(value)
      : Buffer.from(value.map(item => `${item}\0`).join(''));

/** As C shall see a step. */
function expected(one: Step): Record {
  const { number, numbers, texts } = STEP_TABLE[one.kind];
  const names = (list: string, size: number): (string | undefined)[] => {
    const given = list.split(' ').filter(Boolean);
    return Array.from({ length: size }, (_, i) => given[i]);
  };
  const errno: { [name: string]: number } = { EPERM: 1, ENOENT: 2, EACCES: 13, EBUSY: 16, EEXIST: 17 };
  Object.assign(errno, { ENOTDIR: 20, EINVAL: 22, EROFS: 30, ENOSYS: 38, EOPNOTSUPP: 95 });
  return {
    kind: number,
    actor: { init: 0, host: 1, runtime: 2 }[one.actor],
    otherwise: flatten(one.else ?? []).length,
    tolerated: [0, 1, 2, 3].map(i => errno[one.tolerate?.[i] ?? ''] ?? 0),
    meanwhile: one.meanwhile ? 1 : 0,
    numbers: names(numbers, 8).map(name =>
      name === undefined ? 0n : BigInt.asUintN(64, BigInt(one.with[name] as number)),
    ),
    texts: names(texts, 6).map(name => bytesOf(name === undefined ? '' : (one.with[name] as Text))),
  };
}

const check = (steps: readonly Step[]): void =>
  void t.strictSame(decode(planBytes(steps)), flatten(steps).map(expected));

const hostname = (name: string): Step => step('hostname', 'init', '', { name });
const write = (value: string, tolerate?: string[], otherwise?: Step[]): Step =>
  step('proc_write', 'host', '', { file: 'f', value }, tolerate, otherwise);

t.test('no steps', async () => check([]));

t.test('whole plans', async () => {
  check(plan(config(), facts(), options()).steps);
  const seccomp = { defaultAction: 'SCMP_ACT_ALLOW' } as const;
  const hooks = { createRuntime: [{ path: '/h', args: ['a', ''], env: ['A=ü'] }] };
  check(plan(config({ hooks, linux: { seccomp } }), facts(), options({ keepDescriptors: 1n << 63n })).steps);
});

t.test('texts in UTF-8, of every length of characters', async () => {
  check(
    ['', 'a', 'ü', '€', '😀', 'a\u0080\u07ff\u0800\uffff\u{10000}\u{10ffff}z', 'x'.repeat(100000)].map(
      hostname,
    ),
  );
  check([hostname('€'.repeat(30000)), hostname('😀'.repeat(30000))]);
});

t.test('lists, empty items and no items', async () => {
  const exec = (args: string[]): Step => step('exec', 'init', '', { args, env: [] });
  check([exec([]), exec(['']), exec(['', '']), exec(['a', '', 'é']), exec(Array(5000).fill('argument'))]);
});

t.test('programs are bytes, zeros too', async () => {
  const filter = (program: Uint8Array): Step => step('device_filter', 'host', '', { slot: 2, program });
  check([
    filter(new Uint8Array(0)),
    filter(new Uint8Array([0, 255, 0])),
    filter(new Uint8Array(40000).fill(7)),
  ]);
});

t.test('numbers of 64 bits, with sign and without', async () => {
  const limit = (soft: number | bigint): Step => step('rlimit', 'host', '', { resource: 1, soft, hard: -1n });
  const numbers = [
    0,
    1,
    0xffffffff,
    0x100000000,
    Number.MAX_SAFE_INTEGER,
    -1,
    -5n,
    1n << 63n,
    0xffffffffffffffffn,
  ];
  check(numbers.map(limit));
});

t.test('a list is not taken for a text with the same bytes', async () => {
  check([hostname('a,b'), step('exec', 'init', '', { args: ['a', 'b'], env: ['a,b'] }), hostname('a')]);
});

t.test('what is tolerated, and what is done instead, in one row', async () => {
  const inner = write('inner', ['ENOSYS'], [write('innermost')]);
  check([
    write('outer', ['EPERM', 'EBUSY', 'ENOENT', 'EOPNOTSUPP'], [inner, write('second')]),
    write('last', ['EROFS']),
  ]);
});

t.test('every errno that the planner names has its number', async t => {
  const sources = readdirSync('src/plan').map(name => readFileSync(`src/plan/${name}`, 'utf8'));
  const names = new Set(sources.join('').match(/(?<=')E[A-Z0-9]+(?=')/g));
  t.ok(names.size >= 8, `${[...names]}`);
  for (const name of names) {
    t.not(decode(planBytes([write('x', [name])]))[0]!.tolerated[0], 0, name);
    check([write('x', [name])]);
  }
});

t.test('the header that C has says the same', async t => {
  const header = readFileSync('native/plan.h', 'utf8');
  t.match(header, 'PLAN_MAGIC UINT32_C(0x53544e52)');
  t.match(header, /#define STEP_NUMBERS 8\n#define STEP_TEXTS 6\n/);
});
