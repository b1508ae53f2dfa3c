/** Every option of config.md "Linux mount options", in numbers of mount_setattr(2). */
import t from 'tap';
import { type MountOptions, mountOptionNames, parseMountOptions } from '../../../src/plan/mount-options.js';
import { MOUNT } from '../../../src/plan/step.js';

const parse = (...options: string[]): MountOptions => parseMountOptions({ destination: '/d', options });

/** Only what differs from no options at all. */
function effect(...options: string[]): Partial<MountOptions> {
  const plain = parse();
  return Object.fromEntries(
    Object.entries(parse(...options)).filter(
      ([key, value]) => JSON.stringify(value) !== JSON.stringify(plain[key as keyof MountOptions]),
    ),
  );
}

const ATIME = 0x70;
const ATTRIBUTES: [name: string, set: number, clear: number][] = [
  ['ro', 0x1, 0],
  ['rw', 0, 0x1],
  ['nosuid', 0x2, 0],
  ['suid', 0, 0x2],
  ['nodev', 0x4, 0],
  ['dev', 0, 0x4],
  ['noexec', 0x8, 0],
  ['exec', 0, 0x8],
  ['noatime', 0x10, ATIME],
  ['atime', 0, ATIME],
  ['strictatime', 0x20, ATIME],
  ['nostrictatime', 0, ATIME],
  ['relatime', 0, ATIME],
  ['norelatime', 0x20, ATIME],
  ['nodiratime', 0x80, 0],
  ['diratime', 0, 0x80],
  ['nosymfollow', 0x200000, 0],
  ['symfollow', 0, 0x200000],
];

t.test('attributes of the mount, and with an r in front of all mounts below', async t => {
  for (const [name, set, clear] of ATTRIBUTES) {
    t.match(parse(name), { set, clear, allSet: 0, allClear: 0, data: [] }, name);
    t.match(parse(`r${name}`), { set: 0, clear: 0, allSet: set, allClear: clear, data: [] }, `r${name}`);
  }
});

const OTHERS: [name: string, effect: Partial<MountOptions>][] = [
  ['bind', { bind: { recursive: false } }],
  ['rbind', { bind: { recursive: true } }],
  ['remount', { remount: true }],
  ['tmpcopyup', { flags: MOUNT.copyUp }],
  ['src-nofollow', { flags: MOUNT.sourceNoFollow }],
  ['copy-symlink', { flags: MOUNT.sourceNoFollow }],
  ['idmap', { idmap: 'one' }],
  ['ridmap', { idmap: 'recursive' }],
  ['defaults', {}],
  ['silent', {}],
  ['loud', {}],
  ['', {}],
  ['iversion', {}],
  ['noiversion', {}],
  ...['sync', 'async', 'dirsync', 'mand', 'nomand', 'lazytime', 'nolazytime'].map(
    name => [name, { data: [name] }] as [string, Partial<MountOptions>],
  ),
  ['unbindable', { propagation: [1 << 17] }],
  ['private', { propagation: [1 << 18] }],
  ['slave', { propagation: [1 << 19] }],
  ['shared', { propagation: [1 << 20] }],
  ['runbindable', { propagation: [(1 << 17) | 0x4000] }],
  ['rprivate', { propagation: [(1 << 18) | 0x4000] }],
  ['rslave', { propagation: [(1 << 19) | 0x4000] }],
  ['rshared', { propagation: [(1 << 20) | 0x4000] }],
];

t.test('the other options', async t => {
  for (const [name, wanted] of OTHERS) t.strictSame(effect(name), wanted, name || 'an empty one');
});

t.test('these are all that there are', async t => {
  const tested = [
    ...ATTRIBUTES.flatMap(([name]) => [name, `r${name}`]),
    ...OTHERS.map(([name]) => name).filter(Boolean),
  ];
  t.strictSame(mountOptionNames(), tested.sort());
});

t.test('anything else is data of the file system, in its order', async t => {
  for (const name of [
    'size=64k',
    'mode=755',
    'rfoo',
    'r',
    'rsync',
    'constructor',
    '__proto__',
    'toString',
    'RO',
  ])
    t.strictSame(effect(name), { data: [name] }, name);
  t.strictSame(effect('lowerdir=/a', 'ro', 'upperdir=/b').data, ['lowerdir=/a', 'upperdir=/b']);
});

t.test('the last one wins', async t => {
  const cases: [options: string[], set: number, clear: number][] = [
    [['ro', 'rw'], 0, 1],
    [['rw', 'ro'], 1, 0],
    [['noatime', 'relatime'], 0, ATIME],
    [['relatime', 'strictatime'], 0x20, ATIME],
    [['strictatime', 'noatime'], 0x10, ATIME],
    [['ro', 'nosuid', 'nodev', 'rw'], 6, 1],
  ];
  for (const [options, set, clear] of cases) {
    t.match(parse(...options), { set, clear }, options.join());
    t.match(
      parse(...options.map(name => `r${name}`)),
      { allSet: set, allClear: clear },
      `recursive ${options}`,
    );
  }
});

t.test('atime is one of three values: setting one clears the mask', async t => {
  for (const [name, set, clear] of ATTRIBUTES)
    if (set & ATIME) t.equal(clear & ATIME, ATIME, `${name}: else mount_setattr says EINVAL`);
});
