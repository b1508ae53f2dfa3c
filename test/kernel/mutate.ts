/** Configurations with something wrong, or at least unusual, about them: the same seed gives the same one. */

/** A source of numbers that repeats itself (mulberry32). */
export interface Random {
  /** from 0 up to, without, `end` */
  below: (end: number) => number;
  pick: <T>(list: readonly T[]) => T;
}

export function random(seed: number): Random {
  let state = Math.imul(seed + 1, 0x9e3779b1);
  const below = (end: number): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % end;
  };
  return { below, pick: list => list[below(list.length)]! };
}

type Members = { [key: string]: unknown };
interface Place {
  holder: Members;
  key: string;
}

/** Text that stands in the document as it is, without quotes; and a key that is there a second time. */
const RAW = '\u0001';
const AGAIN = '\u0002';
const raw = (text: string): string => RAW + text;

const NUMBERS = [
  ...[0, 1, -1, 2, 7, 40, 255, 4095, 65_536, 1.5, -0.1, 1e21].map(String),
  ...['2147483647', '2147483648', '4294967294', '4294967295', '4294967296', '9007199254740993'],
  ...['9223372036854775807', '-9223372036854775808', '9223372036854775808', '18446744073709551615'],
  ...['18446744073709551616', '1e400', '-0', '1e3', '123456789012345678901234567890'],
].map(raw);

const TEXTS = [
  ...[
    '',
    ' ',
    '.',
    '..',
    '/',
    '/.',
    '../..',
    'a',
    'a b',
    'a\nb',
    'a\0b',
    '%s%n',
    '-1',
    '0',
    '\t',
    '\'"\\',
    '\ud800',
  ],
  ...[
    'ünï/cödé',
    '名前',
    '\u202e',
    '\u{1f4a9}',
    'e\u0301',
    '\ufeff',
    '__proto__',
    'constructor',
    'tru',
    '~1/~0',
  ],
  ...[
    '/dev',
    '/dev/null',
    '/proc',
    '/proc/self',
    '/sys/kernel',
    '/etc/passwd',
    '/bin',
    'bind',
    'ro',
    'all',
    '0-3,7',
  ],
  ...[
    'x'.repeat(255),
    'x'.repeat(256),
    `/${'x'.repeat(5000)}`,
    'ü'.repeat(70_000),
    '/a'.repeat(1500),
    '../'.repeat(99),
  ],
];

const OTHERS = [
  null,
  true,
  false,
  [],
  {},
  [null],
  [[]],
  [{}],
  { '': '' },
  [1],
  ['a'],
  { a: 1 },
  raw('[[[[[[1]]]]]]'),
];

/** Words of the specification: where one of them stands, another may be wrong. */
const WORDS = [
  ...'mount pid network uts ipc user cgroup time'.split(' '),
  ...'SCMP_ACT_KILL SCMP_ACT_ERRNO SCMP_ACT_ALLOW SCMP_ACT_NOTIFY SCMP_ACT_TRACE SCMP_CMP_MASKED_EQ'.split(
    ' ',
  ),
  ...'slave private unbindable rslave runbindable'.split(' '),
  ...'RLIMIT_AS RLIMIT_NOFILE RLIMIT_NPROC RLIMIT_FSIZE RLIMIT_STACK RLIMIT_DATA RLIMIT_CPU RLIMIT_CORE'.split(
    ' ',
  ),
  ...'ro rw nosuid nodev noexec bind rbind rro rnosuid remount idmap ridmap tmpcopyup rprivate noatime sync'.split(
    ' ',
  ),
  ...'silent lazytime nosymfollow mode=0 size=1k uid=5 relatime strictatime rstrictatime defaults'.split(' '),
  ...'proc sysfs tmpfs devpts mqueue cgroup cgroup2 ramfs overlay none'.split(' '),
  ...'CAP_CHOWN CAP_SYS_ADMIN CAP_NOPE SCHED_FIFO SCHED_IDLE MPOL_BIND LINUX32 a b c u p rwm'.split(' '),
];

function places(holder: Members, found: Place[] = [], depth = 0): Place[] {
  for (const key of Object.keys(holder)) {
    found.push({ holder, key });
    const value = holder[key];
    if (typeof value === 'object' && value !== null && depth < 12) places(value as Members, found, depth + 1);
  }
  return found;
}

const copy = <T>(value: T): T => structuredClone(value);

/** A piece of a document that has every property, put where it belongs. */
function graft(document: Members, everything: Members, { pick }: Random): void {
  let [from, to] = [everything, document];
  for (;;) {
    const key = pick(Object.keys(from));
    const [source, target] = [from[key], to[key]];
    const isBranch = typeof source === 'object' && source !== null && !Array.isArray(source);
    if (isBranch && typeof target === 'object' && target !== null && !Array.isArray(target)) {
      [from, to] = [source as Members, target as Members];
    } else {
      if (Array.isArray(source) && Array.isArray(target)) target.push(...copy(source));
      else to[key] = copy(source);
      return;
    }
  }
}

function typingError(word: string, { below, pick }: Random): string {
  const at = below(word.length + 1);
  return pick([
    word.toUpperCase(),
    `${word}s`,
    word.slice(1),
    word.slice(0, at) + word.slice(at + 1),
    `${word} `,
  ]);
}

type Mutation = (place: Place, random: Random, all: readonly Place[]) => void;

/** A value of the same type, which is more likely to get past the schema. */
const sameType: Mutation = ({ holder, key }, { pick }) => {
  const value = holder[key];
  if (typeof value === 'number') holder[key] = pick(NUMBERS);
  else if (typeof value === 'boolean') holder[key] = !value;
  else holder[key] = pick(pick([TEXTS, WORDS]));
};

const mutations: readonly Mutation[] = [
  sameType,
  sameType,
  sameType,
  ({ holder, key }, { pick }) => {
    const pools: readonly (readonly unknown[])[] = [NUMBERS, TEXTS, OTHERS];
    holder[key] = pick(pick(pools));
  },
  ({ holder, key }, { pick }) => {
    if (typeof holder[key] === 'string') holder[key] = pick(WORDS);
  },
  ({ holder, key }) => {
    if (Array.isArray(holder)) holder.splice(Number(key), 1);
    else delete holder[key];
  },
  ({ holder, key }, random) => {
    holder[typingError(key, random)] = holder[key];
    delete holder[key];
  },
  ({ holder, key }, { pick }) => {
    holder[AGAIN + key] = pick<unknown>([holder[key], ...OTHERS]);
  },
  ({ holder }, { pick }) => {
    if (Array.isArray(holder)) holder.push(pick(pick<readonly unknown[]>([NUMBERS, TEXTS, OTHERS, WORDS])));
    else holder[pick(TEXTS)] = pick(OTHERS);
  },
  ({ holder, key }, { pick }) => {
    if (!Array.isArray(holder)) return;
    for (let i = pick([1, 1, 1, 7, 400]); i > 0; i--) holder.push(copy(holder[Number(key)]));
  },
  ({ holder }) => {
    if (Array.isArray(holder)) holder.reverse();
  },
  // two values change places
  ({ holder, key }, { pick }, all) => {
    const other = pick(all);
    if (other.holder === holder[key] || holder === other.holder[other.key]) return;
    [holder[key], other.holder[other.key]] = [copy(other.holder[other.key]), copy(holder[key])];
  },
  ({ holder, key }, random) => {
    const value = holder[key];
    if (typeof value === 'string')
      holder[key] = random.pick([typingError(value, random), value + random.pick(TEXTS)]);
  },
  ({ holder, key }, { pick }) => {
    const depth = pick([5, 90, 999, 1001, 60_000]);
    holder[key] = raw('['.repeat(depth) + ']'.repeat(depth));
  },
];

/** Changes a document in one to three places. */
export function mutate(document: Members, everything: Members, random: Random): void {
  for (let count = random.pick([1, 1, 1, 2, 3]); count > 0; count--) {
    if (random.below(5) === 0) graft(document, everything, random);
    const all = places(document);
    if (all.length > 0) random.pick(mutations)(random.pick(all), random, all);
  }
}

/** The document as text; now and then with a fault of the text itself. */
export function write(document: unknown, { below, pick }: Random): Buffer {
  const text = JSON.stringify(document)
    .replace(/"\\u0001([^"]*)"/g, '$1')
    .replaceAll('"\\u0002', '"');
  if (below(12) > 0) return Buffer.from(text);
  const at = below(text.length);
  const broken = pick([
    text.slice(0, at),
    text.slice(0, at) + text.slice(at + 1),
    text.slice(0, at) + pick(['\0', '"', '}', ',', '\xff', '//', '\\u0000', '1']) + text.slice(at),
    `\ufeff${text}`,
    ` \n\t${text}\n\n`,
    text + text,
  ]);
  return pick([Buffer.from(broken), Buffer.from(broken, 'latin1')]);
}
