import t from 'tap';
import { deviceSteps } from '../../../src/plan/devices.js';
import { buildRootfs, enterRootfs, namespaceSettings } from '../../../src/plan/rootfs.js';
import { MOUNT, SLOT, type Step } from '../../../src/plan/step.js';
import type { Device, Linux } from '../../../src/spec.js';
import { planOf } from '../fixtures/plan-of.js';
import { all, config, context, facts, kinds, only, options, refusal } from '../fixtures/planner.js';

const PRIVATE = 1 << 18;
const SLAVE = 1 << 19;
const SHARED = 1 << 20;
const UNBINDABLE = 1 << 17;
const REC = 0x4000;

const PROPAGATION: [word: string | undefined, first: number, privateParent: number, later: number[]][] = [
  [undefined, SLAVE | REC, 0, []],
  ['', SLAVE | REC, 0, []],
  ['private', PRIVATE, 1, []],
  ['rprivate', PRIVATE | REC, 0, []],
  ['slave', SLAVE, 2, []],
  ['rslave', SLAVE | REC, 0, []],
  ['shared', SHARED, 1, [SHARED]],
  ['rshared', SHARED | REC, 1, [SHARED | REC]],
  ['unbindable', SLAVE | REC, 0, [UNBINDABLE]],
  ['runbindable', SLAVE | REC, 0, [UNBINDABLE | REC]],
];

t.test('propagation of the root: what would leak or forbid the bind comes after the pivot', async t => {
  for (const [word, first, privateParent, later] of PROPAGATION) {
    const given = context(config({ linux: { rootfsPropagation: word as '' } }));
    const name = `${word}`;
    const built = buildRootfs(given);
    t.strictSame(only(built, 'propagate'), { flags: first, path: '/' }, name);
    t.equal(only(built, 'root').private_parent, privateParent, name);
    const entered = enterRootfs(given);
    t.strictSame(
      all(entered, 'mount_propagation').map(step => step.with),
      later.map(flags => ({ flags, target: '/' })),
      name,
    );
    if (later.length > 0) t.equal(entered.at(-1)!.kind, 'mount_propagation', `${name}: last`);
  }
});

t.test('--no-pivot cannot have a private root', async t => {
  for (const rootfsPropagation of ['private', 'rprivate'] as const) {
    const given = context(config({ linux: { rootfsPropagation } }), facts(), options({ noPivot: true }));
    t.match(
      refusal(() => buildRootfs(given)),
      /^\/linux\/rootfsPropagation: .*--no-pivot/,
    );
  }
});

t.test('the root is below the bundle, or absolute', async t => {
  for (const [path, rootfs] of [
    ['rootfs', '/bundle/rootfs'],
    ['../x', '/x'],
    ['/abs/', '/abs'],
    ['.', '/bundle'],
  ] as const)
    t.equal(only(buildRootfs(context(config({ root: { path } }))), 'root').path, rootfs, path);
});

t.test('paths are hidden once each, and need not be there', async t => {
  const linux = { maskedPaths: ['/a', '/b', '/a'], readonlyPaths: ['/c', '/c'] };
  const steps = enterRootfs(context(config({ root: { path: 'r' }, linux })));
  t.strictSame(
    steps.map(step => [step.kind, step.from, step.with.path]),
    [
      ['read_only', '/linux/readonlyPaths/0', '/c'],
      ['mask', '/linux/maskedPaths/0', '/a'],
      ['mask', '/linux/maskedPaths/1', '/b'],
      ['pivot', '/root/path', undefined],
    ],
  );
  for (const step of steps.slice(0, 3)) t.strictSame(step.tolerate, ['ENOENT', 'ENOTDIR']);
});

t.test('names and the loopback interface belong to namespaces of the container’s own', async t => {
  const settings = (linux: Partial<Linux>) =>
    kinds(namespaceSettings(context(config({ domainname: 'd', linux: { ...linux } }))));
  t.strictSame(settings({}), ['loopback', 'hostname', 'domainname']);
  const joined = [{ type: 'network', path: '/n' } as const, { type: 'uts' } as const];
  t.strictSame(
    settings({ namespaces: joined }),
    ['hostname', 'domainname'],
    'a joined network is not touched',
  );
});

const nodes = (devices: Device[], linux: Partial<Linux> = {}): Step[] =>
  deviceSteps(context(config({ linux: { devices, ...linux } })));

t.test('the default devices, unless the configuration has them', async t => {
  const paths = (devices: Device[]) => nodes(devices).map(step => `${step.from} ${step.with.path}`);
  const rest = ['zero', 'full', 'random', 'urandom', 'tty'].map(name => ` /dev/${name}`);
  t.strictSame(paths([]), [' /dev/null', ...rest]);
  t.strictSame(paths([{ type: 'c', path: '/dev/./null/', major: 1, minor: 3 }]), [
    ...rest,
    '/linux/devices/0 /dev/null',
  ]);
});

t.test('devices of all kinds', async t => {
  const cases: [device: Device, expected: object][] = [
    [
      { type: 'c', path: '/dev/fuse', major: 10, minor: 229, fileMode: 0o20640, uid: 5, gid: 6 },
      { kind: 0o020000, mode: 0o640, major: 10, minor: 229, uid: 5, gid: 6, path: '/dev/fuse' },
    ],
    [
      { type: 'u', path: '/x/y/../z', major: 1n, minor: 2 },
      { kind: 0o020000, mode: 0o666, major: 1n, minor: 2, uid: 0, gid: 0, path: '/x/z' },
    ],
    [
      { type: 'b', path: '/dev/sda', major: 8, fileMode: 0 },
      { kind: 0o060000, mode: 0, major: 8, minor: 0, uid: 0, gid: 0, path: '/dev/sda' },
    ],
  ];
  for (const [device, expected] of cases) {
    const made = nodes([device]).at(-1)!;
    t.strictSame(made.with, expected, device.path);
    t.strictSame(made.tolerate, ['EPERM'], 'where nodes are forbidden');
    t.match(made.else![0]!, {
      kind: 'mount_bind',
      with: { source: expected && (expected as { path: string }).path },
    });
  }
});

t.test('a fifo is made, in a user namespace too, or it is an error', async t => {
  const user = { namespaces: [{ type: 'user' as const }], uidMappings: [], gidMappings: [] };
  for (const linux of [{}, user]) {
    const fifo = nodes([{ type: 'p', path: '/p' }], linux).at(-1)!;
    t.match(fifo, { kind: 'device', with: { kind: 0o010000 } });
    t.equal(fifo.tolerate, undefined);
  }
});

t.test('in a user namespace the host’s nodes are bound, read-only', async t => {
  const made = nodes([], { namespaces: [{ type: 'user' }], uidMappings: [], gidMappings: [] });
  t.strictSame(new Set(kinds(made)), new Set(['mount_bind']));
  t.strictSame(made[0]!.with, {
    set: 1,
    clear: 0,
    all_set: 0,
    all_clear: 0,
    flags: 0,
    slot: SLOT.none,
    source: '/dev/null',
    target: '/dev/null',
  });
});

t.test('links in /dev, kcore only where it is', async t => {
  const links = (kcore: boolean) =>
    all(buildRootfs(context(config(), facts({ kcore }))), 'symlink').map(step => `${step.with.path}`);
  const usual = ['/dev/fd', '/dev/stdin', '/dev/stdout', '/dev/stderr', '/dev/ptmx'];
  t.strictSame(links(false), usual);
  t.strictSame(links(true), [...usual, '/dev/core']);
});

t.test('a bound /dev is left as it is', async t => {
  const mounts = [{ destination: '/dev', source: '/dev', options: ['rbind'] }];
  const steps = buildRootfs(context(config({ mounts })));
  t.strictSame([all(steps, 'device'), all(steps, 'symlink')], [[], []]);
  t.equal(only(steps, 'mount_bind').flags, MOUNT.recursive);
});

const BARE = { namespaces: [{ type: 'pid' as const }], maskedPaths: [], readonlyPaths: [] };

t.test('without a mount namespace the mounts are in the host’s, and the root is changed', async t => {
  const mounts = [{ destination: '/t', type: 'tmpfs', options: ['ro'] }];
  const { steps, teardown } = planOf({
    root: { path: 'r', readonly: true },
    mounts,
    hostname: '',
    linux: BARE,
  });
  t.strictSame(all(steps, 'propagate'), [], 'the host’s propagation stays as it is');
  t.match(only(steps, 'root'), { bind: 1, private_parent: 0, path: '/bundle/r' });
  t.strictSame([all(steps, 'pivot'), all(steps, 'move_root')], [[], []]);
  t.equal(all(steps, 'change_root').length, 1);
  t.strictSame(teardown.mounts, ['/bundle/r'], 'delete takes them away');
});

t.test('the terminal is not bound on the host’s /dev/console', async t => {
  const console = (linux: Partial<Linux>) =>
    only(
      planOf({ process: { terminal: true }, hostname: '', linux }, {}, { terminal: 'relay' }).steps,
      'console',
    );
  t.equal(console(BARE).bind, 0);
  t.equal(console({}).bind, 1);
});
