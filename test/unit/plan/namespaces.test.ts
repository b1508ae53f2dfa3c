import t from 'tap';
import { CLONE, checkNamespaces, enterNamespaces } from '../../../src/plan/namespaces.js';
import type { Step } from '../../../src/plan/step.js';
import type { Linux, Namespace, NamespaceType, Spec } from '../../../src/spec.js';
import {
  all,
  config,
  context,
  facts,
  kinds,
  only,
  options,
  place,
  refusal,
  userFacts,
} from '../fixtures/planner.js';

const TYPES = Object.keys(CLONE) as NamespaceType[];
const MAPS = [{ containerID: 0, hostID: 1000, size: 10 }];

const [BASE, FACTS, OPTIONS] = [config(), facts(), options()];

type Choice = 'host' | 'new' | 'ours' | 'theirs';

/** A configuration whose namespaces are chosen one by one; joined ones belong to our user namespace, or to theirs. */
function chosen(choices: readonly Choice[]): Step[] {
  const namespaces: Namespace[] = [];
  const known: { [path: string]: { same: boolean; ownedByOurs: boolean } } = {};
  for (const [index, type] of TYPES.entries()) {
    const choice = choices[index]!;
    if (choice === 'host') continue;
    const path = `/ns/${type}`;
    namespaces.push(choice === 'new' ? { type } : { type, path });
    known[path] = { same: false, ownedByOurs: choice === 'ours' };
  }
  const linux = { namespaces, uidMappings: MAPS, gidMappings: MAPS };
  return enterNamespaces(context({ ...BASE, linux }, { ...FACTS, namespaces: known }, OPTIONS), [], []);
}

const flagsOf = (steps: readonly Step[], kind: 'clone' | 'unshare' | 'refork'): number[] =>
  all(steps, kind).map(step => Number(step.with.flags));

const position = (steps: readonly Step[], kind: 'join' | 'unshare', flag: number): number =>
  steps.findIndex(
    step => step.kind === kind && Number(step.with[kind === 'join' ? 'types' : 'flags']) === flag,
  );

/** What is wrong with the order in which namespaces are entered: nothing. */
function mistakes(choices: readonly Choice[], steps: readonly Step[]): string[] {
  const wrong: string[] = [];
  const made = [...flagsOf(steps, 'clone'), ...flagsOf(steps, 'unshare'), ...flagsOf(steps, 'refork')];
  const joined = all(steps, 'join').map(step => Number(step.with.types));
  const refork = place(steps, 'refork');
  const user = choices[TYPES.indexOf('user')]!;
  const joinsUser = user === 'ours' || user === 'theirs';
  for (const [index, type] of TYPES.entries()) {
    const choice = choices[index]!;
    const flag = CLONE[type];
    const times = made.filter(flags => flags & flag).length;
    if (times !== (choice === 'new' ? 1 : 0)) wrong.push(`${type} is made ${times} times`);
    const isJoined = choice === 'ours' || choice === 'theirs';
    if (joined.filter(types => types === flag).length !== (isJoined ? 1 : 0)) wrong.push(`${type} is joined`);
    if (!isJoined || !joinsUser || type === 'user') continue;
    const before = position(steps, 'join', flag) < position(steps, 'join', CLONE.user);
    if (before !== (choice === 'ours')) wrong.push(`${type} is joined with the wrong capabilities`);
  }
  const pid = choices[TYPES.indexOf('pid')]!;
  const bornFirst = flagsOf(steps, 'clone').some(flags => flags & CLONE.pid);
  if (bornFirst && refork >= 0) wrong.push('the first process of the pid namespace is left behind');
  if ((pid === 'ours' || pid === 'theirs') && refork < position(steps, 'join', CLONE.pid))
    wrong.push('the joined pid namespace takes no effect');
  if (choices[TYPES.indexOf('time')] === 'new' && refork < position(steps, 'unshare', CLONE.time))
    wrong.push('the new time namespace takes no effect');
  if (
    choices[TYPES.indexOf('cgroup')] === 'new' &&
    position(steps, 'unshare', CLONE.cgroup) !== steps.length - 1
  )
    wrong.push('the cgroup namespace is not the last');
  if (joinsUser && flagsOf(steps, 'clone')[0] !== 0)
    wrong.push('namespaces are owned by the wrong user namespace');
  if (joinsUser && place(steps, 'unshare') >= 0 && place(steps, 'unshare') < place(steps, 'become'))
    wrong.push('namespaces are made before the capabilities in the user namespace are there');
  return wrong;
}

t.test('every combination of new, joined and shared namespaces', async t => {
  const possible: Choice[] = ['host', 'new', 'ours', 'theirs'];
  let count = 0;
  // every eleventh of the 65,536: all pairs and triples of choices occur
  for (let number = 0; number < possible.length ** TYPES.length; number += 11) {
    const choices = TYPES.map((_, index) => possible[(number >> (2 * index)) & 3]!);
    const wrong = mistakes(choices, chosen(choices));
    if (wrong.length > 0) t.fail(`${choices}: ${wrong}`);
    count++;
  }
  t.ok(count > 5000, `${count} combinations`);
});

/** The story of some of them, by kind and flags. */
function story(linux: Partial<Linux>, more: Partial<Spec> = {}, known = facts()): string[] {
  const names = (flags: unknown): string =>
    TYPES.filter(type => Number(flags) & CLONE[type]).join('+') || 'none';
  const spec = { ...config(), ...more, linux: { ...linux } };
  return enterNamespaces(context(spec, known), [], []).map(({ kind, with: w }) =>
    ['clone', 'unshare', 'refork'].includes(kind)
      ? `${kind} ${names(w.flags)}`
      : kind === 'join'
        ? `join ${names(w.types)}`
        : kind,
  );
}

t.test('what is new is made by the first clone', async t => {
  t.strictSame(story({ namespaces: [{ type: 'mount' }, { type: 'pid' }, { type: 'uts' }] }), [
    'clone mount+uts+pid',
  ]);
});

t.test('a joined pid namespace takes a second process', async t => {
  t.strictSame(story({ namespaces: [{ type: 'mount' }, { type: 'pid', path: '/ns/pid' }] }), [
    'open_namespace',
    'clone mount',
    'join pid',
    'refork none',
  ]);
});

t.test('clocks are set before the first process enters the time namespace', async t => {
  const linux: Linux = {
    namespaces: [{ type: 'mount' }, { type: 'time' }, { type: 'pid' }],
    timeOffsets: { monotonic: { secs: -5, nanosecs: 7 }, boottime: { secs: 1n << 62n } },
  };
  t.strictSame(story(linux), ['clone mount', 'unshare time', 'proc_write', 'refork pid']);
  const steps = enterNamespaces(context({ ...config(), linux }), [], []);
  t.strictSame(only(steps, 'proc_write'), {
    file: 'timens_offsets',
    value: 'monotonic -5 7\nboottime 4611686018427387904 0\n',
  });
});

t.test('a joined time namespace needs no second process', async t => {
  const linux: Linux = {
    namespaces: [{ type: 'mount' }, { type: 'time', path: '/ns/time' }, { type: 'pid' }],
  };
  t.strictSame(story(linux), ['open_namespace', 'clone mount+pid', 'join time']);
});

t.test('a user namespace owns what is made with it', async t => {
  const linux: Linux = {
    namespaces: [{ type: 'user' }, { type: 'mount' }, { type: 'cgroup' }],
    uidMappings: MAPS,
    gidMappings: MAPS,
  };
  t.strictSame(story(linux), ['clone mount+user', 'id_map', 'become', 'unshare cgroup']);
});

t.test('a joined user namespace owns what is made in it', async t => {
  const linux: Linux = {
    namespaces: [{ type: 'user', path: '/ns/user' }, { type: 'mount' }, { type: 'pid' }],
  };
  t.strictSame(story(linux), [
    'open_namespace',
    'clone none',
    'join user',
    'become',
    'unshare mount',
    'refork pid',
  ]);
});

t.test('a namespace that is ours already is checked, not joined', async t => {
  const known = facts({ namespaces: { '/ns/user': { same: true, ownedByOurs: true } } });
  const linux: Linux = { namespaces: [{ type: 'user', path: '/ns/user' }, { type: 'mount' }] };
  t.strictSame(story(linux, {}, known), ['open_namespace', 'clone none', 'become', 'unshare mount']);
});

t.test('our own pid namespace is joined: the process may be in another one', async t => {
  const known = facts({ namespaces: { '/ns/pid': { same: true, ownedByOurs: true } } });
  const linux: Linux = { namespaces: [{ type: 'pid', path: '/ns/pid' }] };
  t.ok(story(linux, {}, known).includes('join pid'));
});

t.test('each joined namespace has a slot and its pointer', async t => {
  const linux: Linux = { namespaces: TYPES.map(type => ({ type, path: `/ns/${type}` })) };
  const opened = all(enterNamespaces(context({ ...config(), linux }), [], []), 'open_namespace');
  t.equal(new Set(opened.map(step => step.with.slot)).size, TYPES.length);
  t.strictSame(
    opened.map(step => [step.from, step.with.type, step.with.path]),
    TYPES.map((type, index) => [`/linux/namespaces/${index}`, CLONE[type], `/ns/${type}`]),
  );
});

t.test('steps behind the birth come before all others', async t => {
  const birth = [{ kind: 'record', actor: 'runtime', from: '', with: {} }] as const;
  const linux: Linux = { namespaces: [{ type: 'user' }], uidMappings: MAPS, gidMappings: MAPS };
  t.strictSame(kinds(enterNamespaces(context({ ...config(), linux }), birth as never, [])).slice(0, 3), [
    'clone',
    'record',
    'id_map',
  ]);
});

const REFUSED: [
  name: string,
  linux: Linux,
  more: Partial<Spec>,
  known: ReturnType<typeof facts>,
  says: RegExp,
][] = [
  [
    'no root and no user namespace',
    { namespaces: [{ type: 'mount' }] },
    {},
    userFacts(),
    /^\/linux\/namespaces: without root privileges .* add \{"type": "user"\}.*runts spec --rootless/,
  ],
  [
    'masks without a mount namespace',
    { maskedPaths: ['/p'] },
    {},
    facts(),
    /^\/linux\/maskedPaths: .*mount namespace/,
  ],
  [
    'read-only paths without a mount namespace',
    { readonlyPaths: ['/p'] },
    {},
    facts(),
    /^\/linux\/readonlyPaths: .*mount namespace/,
  ],
  [
    'a hostname that is the host’s',
    { namespaces: [{ type: 'mount' }] },
    { hostname: 'h' },
    facts(),
    /^\/hostname: .*uts/,
  ],
  [
    'a domain name likewise',
    { namespaces: [{ type: 'mount' }] },
    { domainname: 'd' },
    facts(),
    /^\/domainname: .*uts/,
  ],
  [
    'a user namespace that is our own is none',
    { namespaces: [{ type: 'mount' }, { type: 'user', path: '/ns/user' }] },
    {},
    userFacts({ namespaces: { '/ns/user': { same: true, ownedByOurs: true } } }),
    /^\/linux\/namespaces: without root privileges/,
  ],
  [
    'a new user namespace in the mount namespace of the host',
    { namespaces: [{ type: 'user' }], uidMappings: MAPS, gidMappings: MAPS },
    {},
    facts(),
    /^\/linux\/namespaces: .*add \{"type": "mount"\}/,
  ],
  [
    'a new user namespace in a mount namespace that is joined',
    {
      namespaces: [{ type: 'user' }, { type: 'mount', path: '/ns/mnt' }],
      uidMappings: MAPS,
      gidMappings: MAPS,
    },
    {},
    facts({ namespaces: { '/ns/mnt': { same: false, ownedByOurs: true } } }),
    /^\/linux\/namespaces: .*add \{"type": "mount"\}/,
  ],
  [
    'the mount namespace of the host without CAP_SYS_ADMIN',
    { namespaces: [{ type: 'pid' }] },
    {},
    facts({ capabilities: 0n }),
    /^\/linux\/namespaces: .*add \{"type": "mount"\}/,
  ],
];

t.test('what namespaces make impossible', async t => {
  for (const [name, linux, more, known, says] of REFUSED) {
    const { hostname: _, ...spec } = config();
    t.match(
      refusal(() => checkNamespaces(context({ ...spec, ...more, linux }, known))),
      says,
      name,
    );
  }
});
