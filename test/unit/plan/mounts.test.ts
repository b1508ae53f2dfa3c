import t from 'tap';
import type { Facts } from '../../../src/plan/facts.js';
import { allMounts, devIsBound, lateReadOnly } from '../../../src/plan/mounts.js';
import { MOUNT, SLOT, type Step } from '../../../src/plan/step.js';
import type { Linux, Mount } from '../../../src/spec.js';
import { config, context, facts, kinds, only, options, refusal, userFacts } from '../fixtures/planner.js';

const MAPS = [{ containerID: 0, hostID: 1000, size: 10 }];
const USER: Partial<Linux> = {
  namespaces: [{ type: 'user' }, { type: 'mount' }],
  uidMappings: MAPS,
  gidMappings: MAPS,
};

const contextOf = (mounts: Mount[], linux: Partial<Linux> = {}, known: Facts = facts()) =>
  context(config({ mounts, linux }), known, options());

const steps = (mount: Partial<Mount>, linux?: Partial<Linux>, known?: Facts): Step[] =>
  allMounts(contextOf([{ destination: '/d', ...mount }], linux, known));

const refused = (mount: Partial<Mount>, linux?: Partial<Linux>): string => refusal(() => steps(mount, linux));

t.test('a new file system', async t => {
  const [mount, ...more] = steps({
    type: 'overlay',
    source: 'o',
    options: ['lowerdir=/a', 'nodev', 'upperdir=/b'],
  });
  t.strictSame(more, []);
  t.equal(mount!.from, '/mounts/0');
  t.strictSame(mount!.with, {
    attributes: 4,
    flags: 0,
    type: 'overlay',
    source: 'o',
    target: '/d',
    options: ['lowerdir=/a', 'upperdir=/b'],
  });
});

t.test('ro is also an option of file systems that are not the kernel’s own', async t => {
  for (const type of ['ext4', 'overlay', 'fuse'])
    t.match(only(steps({ type, options: ['data=x', 'ro'] }), 'mount_fs'), {
      attributes: 1,
      options: ['ro', 'data=x'],
    });
  for (const type of ['proc', 'sysfs', 'mqueue', 'devpts', 'cgroup2', 'bpf'])
    t.match(
      only(steps({ type, options: ['ro'], destination: type === 'proc' ? '/proc' : '/d' }), 'mount_fs'),
      {
        attributes: 1,
        options: [],
      },
    );
});

t.test('recursive attributes of a new file system come second, as for binds', async t => {
  const attributes = (...names: string[]) =>
    only(steps({ type: 'bpf', options: names }), 'mount_fs').attributes;
  t.equal(attributes('rro', 'rnosuid'), 3);
  t.equal(attributes('ro', 'rrw'), 0);
  t.equal(attributes('noatime', 'rstrictatime'), 0x20);
});

t.test('cgroup means cgroup2', async t => {
  for (const type of ['cgroup', 'cgroup2']) t.equal(only(steps({ type }), 'mount_fs').type, 'cgroup2');
});

t.test('proc and sysfs are not mounted through symlinks', async t => {
  t.equal(only(steps({ type: 'proc', destination: '/proc' }), 'mount_fs').flags, MOUNT.noSymlinks);
  t.equal(only(steps({ type: 'sysfs', destination: '/sys' }), 'mount_fs').flags, MOUNT.noSymlinks);
});

t.test('a tmpfs keeps the mode of what it covers', async t => {
  t.equal(only(steps({ type: 'tmpfs' }), 'mount_fs').flags, MOUNT.keepMode);
  t.equal(
    only(steps({ type: 'tmpfs', options: ['tmpcopyup'] }), 'mount_fs').flags,
    MOUNT.keepMode | MOUNT.copyUp,
  );
});

t.test('a read-only tmpfs is filled first', async t => {
  const mounts = [
    { destination: '/a', type: 'tmpfs', options: ['ro', 'nosuid'] },
    { destination: '/b', type: 'tmpfs', options: ['rro'] },
    { destination: '/c', type: 'tmpfs', options: ['ro', 'rrw'] },
    { destination: '/d', type: 'tmpfs', source: '/s', options: ['bind', 'ro'] },
    { destination: '/e', type: 'sysfs', options: ['ro'] },
  ];
  const made = allMounts(contextOf(mounts));
  t.equal(made[0]!.with.attributes, 2);
  t.strictSame(
    lateReadOnly(contextOf(mounts)).map(step => [step.from, step.with.target, step.with.set]),
    [
      ['/mounts/0', '/a', 1],
      ['/mounts/1', '/b', 1],
    ],
  );
});

t.test('a bind mount, its source below the bundle', async t => {
  const none = { set: 0, clear: 0, all_set: 0, all_clear: 0, slot: SLOT.none, target: '/d' };
  const cases: [source: string, names: string[], expected: object][] = [
    ['data', ['bind'], { ...none, flags: 0, source: '/bundle/data' }],
    ['../x/./y', ['rbind'], { ...none, flags: MOUNT.recursive, source: '/x/y' }],
    ['/abs', ['bind', 'ro', 'rnosuid'], { ...none, set: 1, all_set: 2, flags: 0, source: '/abs' }],
    ['/abs', ['bind', 'rw'], { ...none, clear: 1, flags: 0, source: '/abs' }],
    ['/abs', ['bind', 'src-nofollow'], { ...none, flags: MOUNT.sourceNoFollow, source: '/abs' }],
  ];
  for (const [source, names, expected] of cases)
    t.strictSame(
      only(steps({ source, options: names, type: 'ext4' }), 'mount_bind'),
      expected,
      `${names} ${source}`,
    );
});

t.test('what a bind mount cannot have', async t => {
  t.match(
    refused({ source: '/s', options: ['bind', 'rol'] }),
    /^\/mounts\/0\/options: a bind mount takes no .*"rol"/,
  );
});

t.test('what means nothing for a bind mount is left out with a note', async t => {
  const given = contextOf([{ destination: '/d', source: '/s', options: ['bind', 'mode=755'] }]);
  t.equal(allMounts(given).length, 1);
  t.match(given.notes.join(), /"mode=755" is ignored/);
});

t.test('propagation is set behind the mount, one after the other', async t => {
  const made = steps({ source: '/s', options: ['bind', 'rshared', 'private'] });
  t.strictSame(kinds(made), ['mount_bind', 'mount_propagation', 'mount_propagation']);
  t.strictSame(made[1]!.with, { flags: (1 << 20) | 0x4000, target: '/d' });
  t.strictSame(made[2]!.with, { flags: 1 << 18, target: '/d' });
});

t.test('remount changes what is there', async t => {
  t.strictSame(steps({ options: ['remount', 'ro', 'exec'] })[0]!.with, {
    set: 1,
    clear: 8,
    flags: 0,
    target: '/d',
  });
  const all = (option: string) => steps({ options: ['remount', option] }).map(step => step.with);
  const unchanged = { set: 0, clear: 0, flags: 0, target: '/d' };
  t.strictSame(all('rro'), [unchanged, { set: 1, clear: 0, flags: 16, target: '/d' }], 'and what is below');
  t.strictSame(all('rexec'), [unchanged, { set: 0, clear: 8, flags: 16, target: '/d' }]);
});

t.test('targets are absolute and clean', async t => {
  for (const destination of ['/d', '/d/', '//d', '/x/../d', 'd', '/../d'])
    t.equal(only(steps({ type: 'tmpfs', destination }), 'mount_fs').target, '/d', destination);
});

t.test('targets that are refused', async t => {
  const cases: [mount: Partial<Mount>, says: RegExp][] = [
    [{ destination: '/', type: 'tmpfs' }, /^\/mounts\/0\/destination: a mount on "\/" would hide the root/],
    [{ destination: '/a/..', type: 'tmpfs' }, /would hide the root/],
    [
      { destination: '/proc/self', type: 'tmpfs' },
      /"\/proc\/self" cannot be mounted because it is inside \/proc/,
    ],
    [{ destination: '/proc/sys', source: '/s', options: ['bind'] }, /inside \/proc/],
    [{ destination: '/x/../proc/1', type: 'proc' }, /inside \/proc/],
    [
      { destination: '/proc', type: 'tmpfs' },
      /only a proc file system can be mounted on \/proc, not "tmpfs"/,
    ],
    [{ type: '' }, /^\/mounts\/0\/type: a mount needs the type/],
    [{}, /a mount needs the type/],
  ];
  for (const [mount, says] of cases) t.match(refused(mount), says, JSON.stringify(mount));
});

t.test('what lxcfs and the like bind into /proc', async t => {
  for (const name of [
    'cpuinfo',
    'meminfo',
    'uptime',
    'stat',
    'swaps',
    'loadavg',
    'diskstats',
    'sys/kernel/ns_last_pid',
  ])
    t.equal(
      only(steps({ destination: `/proc/${name}`, source: '/s', options: ['bind'] }), 'mount_bind').source,
      '/s',
    );
  t.equal(steps({ destination: '/proc', source: '/proc', options: ['rbind'] }).length, 1);
  t.equal(steps({ destination: '/process', type: 'tmpfs' }).length, 1, 'not inside /proc');
});

t.test('cgroup2 in a user namespace: the own cgroup when the kernel refuses a new mount', async t => {
  const mount = { type: 'cgroup', options: ['ro', 'nosuid'] };
  const fallback = (linux: Partial<Linux>, known = facts()) => steps(mount, linux, known)[0]!;
  const plain = fallback({});
  t.equal(plain.else, undefined, 'not without a user namespace');
  const whole = fallback(USER);
  t.strictSame(whole.tolerate, ['EPERM', 'EBUSY']);
  t.match(whole.else![0]!.with, {
    source: '/sys/fs/cgroup',
    all_set: 3,
    flags: MOUNT.recursive,
    target: '/d',
  });
  const own = fallback({ ...USER, namespaces: [...USER.namespaces!, { type: 'cgroup' }] });
  t.equal(own.else![0]!.with.source, '/sys/fs/cgroup/system.slice/box');
  t.equal(fallback(USER, userFacts({ capabilities: -1n })).else![0]!.with.source, '/sys/fs/cgroup');
});

t.test('sysfs without a network namespace of the same user namespace: the host’s, read-only', async t => {
  const sysfs = (linux: Partial<Linux>) => steps({ type: 'sysfs', options: ['nosuid'] }, linux)[0]!;
  t.match(sysfs(USER).else![0]!.with, { source: '/sys', all_set: 3, flags: MOUNT.recursive });
  t.equal(sysfs({ ...USER, namespaces: [...USER.namespaces!, { type: 'network' }] }).else, undefined);
  t.equal(sysfs({}).else, undefined);
});

t.test('a source that container root may not see is opened by the host', async t => {
  const [open, bind] = steps({ source: '/secret', options: ['rbind', 'src-nofollow'] }, USER);
  t.strictSame([open!.kind, open!.actor], ['open_tree', 'host']);
  t.strictSame(open!.with, { slot: SLOT.count - 1, flags: 0x8000 | 0x100, path: '/secret' });
  t.equal(bind!.with.slot, SLOT.count - 1);
  const known = userFacts({ mapHelpers: { uid: '/u', gid: '/g' } });
  t.strictSame(
    kinds(steps({ source: '/own', options: ['bind'] }, USER, known)),
    ['mount_bind'],
    'a user sees no more',
  );
});

t.test('mapped ids, of the mount or of the container', async t => {
  const own = [{ containerID: 0, hostID: 7, size: 1 }];
  const cases: [mount: Partial<Mount>, linux: Partial<Linux>, map: string, recursive: number][] = [
    [{ options: ['bind'], uidMappings: own, gidMappings: own }, {}, '0 7 1\n', 0],
    [{ options: ['rbind', 'ridmap'], uidMappings: own, gidMappings: own }, USER, '0 7 1\n', 1],
    [{ options: ['bind', 'idmap'] }, USER, '0 1000 10\n', 0],
  ];
  for (const [mount, linux, map, recursive] of cases) {
    const made = steps({ source: '/s', ...mount }, linux);
    t.strictSame(kinds(made), ['open_tree', 'user_namespace', 'idmap_tree', 'mount_bind']);
    t.match(made[1]!.with, { slot: SLOT.mapNamespace, uid_map: map, gid_map: map });
    t.strictSame(made[2]!.with, { slot: SLOT.count - 1, user_namespace: SLOT.mapNamespace, recursive });
    t.equal(made[3]!.with.slot, SLOT.count - 1);
  }
});

t.test('mapped ids that are not to be had', async t => {
  t.match(
    refused({ source: '/s', options: ['bind', 'idmap'] }),
    /^\/mounts\/0: .* needs uidMappings and gidMappings/,
  );
  t.match(
    refused({ type: 'tmpfs', options: ['idmap'] }, USER),
    /^\/mounts\/0: only a bind mount can be idmapped/,
  );
  t.match(
    refused({ type: 'tmpfs', uidMappings: MAPS, gidMappings: MAPS }),
    /only a bind mount can be idmapped/,
  );
});

t.test('ids in options must be mapped', async t => {
  t.match(
    refused({ type: 'tmpfs', options: ['gid=10'] }, USER),
    /^\/mounts\/0\/options: "gid=10" is not mapped/,
  );
  t.match(refused({ type: 'tmpfs', options: ['uid=4294967295'] }, USER), /"uid=4294967295" is not mapped/);
  t.equal(steps({ type: 'tmpfs', options: ['uid=9', 'gid=0'] }, USER).length, 1);
  t.equal(
    steps({ type: 'tmpfs', options: ['gid=10'] }).length,
    1,
    'without a user namespace all ids are there',
  );
});

t.test('SELinux labels are for file systems that can have them', async t => {
  const label = { mountLabel: 'system_u:object_r:x:s0:c1,c2' };
  const known = facts({ lsm: ['selinux'] });
  t.strictSame(only(steps({ type: 'tmpfs', options: ['size=1k'] }, label, known), 'mount_fs').options, [
    'size=1k',
    'context=system_u:object_r:x:s0:c1,c2',
  ]);
  t.strictSame(only(steps({ type: 'sysfs' }, label, known), 'mount_fs').options, []);
  t.match(refused({ type: 'tmpfs' }, label), /^\/linux\/mountLabel: SELinux is not enabled/);
});

t.test('whether /dev is the host’s or the image’s own', async t => {
  const dev = (mount: Partial<Mount>) => devIsBound(contextOf([{ destination: '/dev', ...mount }]));
  t.ok(dev({ source: '/dev', options: ['rbind'] }));
  t.ok(dev({ destination: '/dev/', source: '/dev', options: ['bind'] }));
  t.notOk(dev({ type: 'tmpfs' }));
  t.notOk(dev({ destination: '/dev/shm', source: '/s', options: ['bind'] }));
});

t.test('a thousand mounts cost as much as they must', async t => {
  const mounts = Array.from({ length: 1000 }, (_, i) => ({
    destination: `/d${i}`,
    source: '/s',
    options: ['bind'],
  }));
  t.equal(allMounts(contextOf(mounts)).length, 1000);
  t.equal(allMounts(contextOf(mounts, USER)).length, 2000);
});
