/** The two tables of steps, TypeScript's and C's, say the same. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { PLAN_VERSION, SLOT, STEP_TABLE, STEP_TABLE_HASH } from '../../src/plan/step.js';

const header = readFileSync('native/steps.h', 'utf8');
const rows = [...header.matchAll(/^ +X\((\d+), (\w+), "([^"]*)", "([^"]*)"\)/gm)].map(
  ([, number, name, numbers, texts]) => `${number} ${name} ${numbers} ${texts}\n`,
);

/** FNV-1a, 64 bits */
function fnv(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const char of text)
    hash = ((hash ^ BigInt(char.charCodeAt(0))) * 0x100000001b3n) & 0xffffffffffffffffn;
  return hash;
}

t.test('the rows are the same', async t => {
  const ours = Object.entries(STEP_TABLE).map(
    ([name, { number, numbers, texts }]) => `${number} ${name} ${numbers} ${texts}\n`,
  );
  t.equal(rows.length, ours.length);
  t.strictSame(rows, ours);
});

t.test('numbers are used once and names fit in a record', async t => {
  const numbers = Object.values(STEP_TABLE).map(row => row.number);
  t.equal(new Set(numbers).size, numbers.length);
  for (const row of Object.values(STEP_TABLE)) {
    t.ok(row.numbers.split(' ').length <= 8 && row.texts.split(' ').length <= 6);
  }
});

t.test('the hash is that of the table', async t => {
  const hash = fnv(rows.join(''));
  t.equal(STEP_TABLE_HASH, hash, `STEP_TABLE_HASH shall be 0x${hash.toString(16)}`);
  t.match(header, `#define STEP_TABLE_HASH UINT64_C(0x${hash.toString(16)})`);
  t.match(header, `#define PLAN_VERSION ${PLAN_VERSION}\n`);
});

t.test('slots have the same numbers', async t => {
  for (const [name, define] of [
    ['root', 'SLOT_ROOT'],
    ['null', 'SLOT_NULL'],
    ['trace', 'SLOT_TRACE'],
    ['pid', 'SLOT_PID'],
    ['pidfd', 'SLOT_PIDFD'],
    ['count', 'SLOT_COUNT'],
  ] as const) {
    t.match(header, new RegExp(`${define} = ${SLOT[name]}\\b`));
  }
});
