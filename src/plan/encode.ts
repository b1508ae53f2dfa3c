/**
 * The plan for the native part: records of numbers, and the texts that they name by their place in a list.
 * native/plan.h describes the form that C walks; walkBegin() makes it from this and checks it. Little-endian.
 */
import {
  flatten,
  PLAN_VERSION,
  STEP_TABLE,
  STEP_TABLE_HASH,
  type Step,
  type StepKind,
  type Text,
} from './step.js';

export interface EncodedPlan {
  /** the header and a record for each flat step; where C wants the offset of a text there is its index in `texts` */
  records: Uint8Array;
  /** the first is the empty one */
  texts: Text[];
}

const HEADER_WORDS = 8;
const RECORD_WORDS = 26;
/** Where in a record the numbers and the texts begin, in words. */
const NUMBERS_AT = 4;
const TEXTS_AT = 20;
/** The errnos that steps tolerate; the same numbers on every 64-bit architecture that we know (asm-generic/errno.h). */
const ERRNO: { readonly [name: string]: number } = {
  EPERM: 1,
  ENOENT: 2,
  EACCES: 13,
  EBUSY: 16,
  EEXIST: 17,
  ENOTDIR: 20,
  EINVAL: 22,
  EROFS: 30,
  ENOSYS: 38,
  EOPNOTSUPP: 95,
};
const ACTORS = { init: 0, host: 1, runtime: 2 } as const;

/** As keys of an object: those QuickJS finds again without looking at their characters. */
const words = (names: string): string[] =>
  Object.keys(Object.fromEntries((names === '' ? [] : names.split(' ')).map(name => [name, 0])));
const ARGUMENTS = Object.fromEntries(
  Object.entries(STEP_TABLE).map(([kind, row]) => [
    kind,
    { number: row.number, numbers: words(row.numbers), texts: words(row.texts) },
  ]),
) as unknown as { readonly [K in StepKind]: { number: number; numbers: string[]; texts: string[] } };

function putNumber(words: Uint32Array, at: number, value: number | bigint): void {
  if (typeof value === 'bigint') {
    words[at] = Number(value & 0xffffffffn);
    words[at + 1] = Number((value >> 32n) & 0xffffffffn);
  } else {
    words[at] = value;
    if (value < 0 || value > 0xffffffff) words[at + 1] = Math.floor(value / 4294967296);
  }
}

function putStep(words: Uint32Array, at: number, one: Step, texts: Text[]): void {
  const { number, numbers, texts: names } = ARGUMENTS[one.kind];
  const otherwise = one.else ? flatten(one.else).length : 0;
  words[at] = number | (ACTORS[one.actor] << 16) | (otherwise << 24);
  if (one.tolerate) {
    for (let i = 0; i < one.tolerate.length; i++)
      words[at + 1 + (i >> 1)]! |= ERRNO[one.tolerate[i]!]! << (16 * (i & 1));
  }
  if (one.meanwhile) words[at + 3] = 1;
  for (let i = 0; i < numbers.length; i++) {
    const value = one.with[numbers[i]!] as number | bigint;
    if (value !== 0) putNumber(words, at + NUMBERS_AT + 2 * i, value);
  }
  for (let i = 0; i < names.length; i++) {
    const text = one.with[names[i]!] as Text;
    if (text !== '') words[at + TEXTS_AT + i] = texts.push(text) - 1;
  }
}

/** Encodes a flat list of steps (flatten()). At most 255 flat steps in one `else`; four tolerated errnos. */
export function encode(flat: readonly Step[]): EncodedPlan {
  const texts: Text[] = [''];
  const words = new Uint32Array(HEADER_WORDS + flat.length * RECORD_WORDS);
  words[0] = 0x53544e52;
  words[1] = PLAN_VERSION;
  putNumber(words, 2, STEP_TABLE_HASH);
  words[5] = flat.length;
  for (let i = 0; i < flat.length; i++) putStep(words, HEADER_WORDS + i * RECORD_WORDS, flat[i]!, texts);
  return { records: new Uint8Array(words.buffer), texts };
}
