import t from 'tap';
import { deviceRules, makeCgroup } from '../../../src/plan/cgroup.js';
import { cgroupPath, chooseCgroup, levels, madeLevels } from '../../../src/plan/cgroup-place.js';
import type { CgroupFacts, Facts } from '../../../src/plan/facts.js';
import { SLOT, type Step } from '../../../src/plan/step.js';
import type { Linux, Spec } from '../../../src/spec.js';
import {
  all,
  cgroupFacts,
  config,
  context,
  facts,
  kinds,
  only,
  options,
  refusal,
} from '../fixtures/planner.js';

const withPath = (cgroupsPath?: string, linux: Partial<Linux> = {}): Spec =>
  config({ linux: { ...linux, ...(cgroupsPath === undefined ? {} : { cgroupsPath }) } });

t.test('where it is: absolute below the mount, relative and by default beside our own', async t => {
  const cases: [path: string | undefined, own: string, result: string][] = [
    ['/a/b', '/user/x', '/a/b'],
    ['/a/../b//c/', '/user/x', '/b/c'],
    ['/../../a', '/user/x', '/a'],
    ['a', '/user/x', '/user/a'],
    ['../a', '/user/x', '/a'],
    ['', '/user/x', '/user/box'],
    [undefined, '/user/x', '/user/box'],
    [undefined, '/', '/box'],
    ['system.slice:runts:box', '/user/x', '/user/system.slice:runts:box'],
  ];
  for (const [path, own, result] of cases)
    t.equal(cgroupPath(withPath(path), own, 'box'), result, `${path} ${own}`);
});

t.test('levels, and those that delete removes', async t => {
  t.strictSame(levels('/m', '/m/a/b'), ['/m', '/m/a', '/m/a/b']);
  t.strictSame(levels('/m', '/m'), ['/m']);
  const none = { controllers: [], enabled: [] };
  const known = (...paths: string[]) =>
    cgroupFacts({ mount: '/m', levels: Object.fromEntries(paths.map(path => [path, none])) });
  t.strictSame(madeLevels(known('/m'), '/m/a/b'), ['/m/a/b', '/m/a']);
  t.strictSame(madeLevels(known('/m', '/m/a'), '/m/a/b'), ['/m/a/b']);
  t.strictSame(madeLevels(known('/m', '/m/a', '/m/a/b'), '/m/a/b'), []);
});

const choose = (
  spec: Spec,
  known: Facts,
  manager: 'cgroupfs' | 'disabled' = 'cgroupfs',
  notes: string[] = [],
) => chooseCgroup(spec, known, options({ cgroupManager: manager }), null, notes);

t.test('whether there is one at all', async t => {
  const plain = config({ linux: { resources: {} } });
  t.equal(choose(plain, facts()), '/sys/fs/cgroup/system.slice/box');
  t.equal(choose(withPath('/a'), facts(), 'disabled'), null);
  t.equal(choose(plain, facts({ cgroup: null })), null, 'no cgroup v2, none asked for');
  const foreign = facts({ cgroup: cgroupFacts({ writable: false }) });
  t.equal(choose(plain, foreign), null, 'not allowed, none asked for');
  const deny = config({ linux: { resources: { devices: [{ allow: false, access: 'rwm' }] } } });
  const mapped = { ...foreign, initialUserNamespace: false };
  t.equal(choose(deny, mapped), null, 'in a user namespace devices ask for none');
  t.equal(choose(deny, { ...foreign, euid: 1000 }), null, 'nor without root');
  const notes: string[] = [];
  choose(plain, foreign, 'cgroupfs', notes);
  t.strictSame(notes, ['the container has no cgroup of its own: this user may not make one']);
});

t.test('one that is asked for and not to be had', async t => {
  const foreign = facts({ cgroup: cgroupFacts({ writable: false }) });
  const limits = config({ linux: { resources: { pids: { limit: 5 } } } });
  const deny = config({ linux: { resources: { devices: [{ allow: false, access: 'rwm' }] } } });
  const cases: [spec: Spec, known: Facts, says: RegExp][] = [
    [withPath('/a'), facts({ cgroup: null }), /^\/linux\/cgroupsPath: cgroup v2 is not mounted/],
    [limits, facts({ cgroup: null }), /^\/linux\/resources: cgroup v2 is not mounted/],
    [deny, facts({ cgroup: null }), /^\/linux\/resources: cgroup v2 is not mounted/],
    [deny, foreign, /^\/linux\/resources: this user may not make cgroups/],
    [withPath('/a'), foreign, /^\/linux\/cgroupsPath: this user may not make cgroups here; .*Delegate=yes/],
    [limits, foreign, /^\/linux\/resources: this user may not make cgroups/],
    [withPath('/'), facts(), /cannot live in the root cgroup/],
    [withPath('/a/..'), facts(), /cannot live in the root cgroup/],
  ];
  for (const [spec, known, says] of cases)
    t.match(
      refusal(() => choose(spec, known)),
      says,
    );
});

t.test('one that is in use', async t => {
  const existing = (populated: boolean, frozen: boolean) =>
    refusal(() =>
      makeCgroup(context(config(), facts({ cgroup: cgroupFacts({ existing: { populated, frozen } }) }))),
    );
  t.match(existing(true, false), /the cgroup \/sys\/fs\/cgroup\/system.slice\/box has processes already/);
  t.match(existing(false, true), /is frozen: a process in it would never run/);
  t.equal(existing(false, false), 'not refused');
});

/** `make PATH`, `open PATH`, `file=value` */
const story = (steps: readonly Step[]): string[] =>
  steps
    .filter(step => step.kind.startsWith('cgroup_') && step.kind !== 'cgroup_own')
    .map(({ kind, with: w }) =>
      kind === 'cgroup_write' ? `${w.file}=${w.value}` : `${kind.slice(7)} ${String(w.path).slice(14)}`,
    );

const level = (...enabled: string[]) => ({ controllers: enabled, enabled });

function storyOf(cgroupsPath: string, known: Partial<CgroupFacts>, more: Partial<Facts> = {}): string[] {
  const cgroup = cgroupFacts({ controllers: ['cpu', 'memory'], ...known });
  return story(makeCgroup(context(withPath(cgroupsPath), facts({ cgroup, ...more }))));
}

t.test('controllers are enabled all the way down, but not in the cgroup itself', async t => {
  t.strictSame(storyOf('/a/b', { levels: { '/sys/fs/cgroup': level() } }), [
    'open ',
    'cgroup.subtree_control=+cpu +memory',
    'make /a',
    'cgroup.subtree_control=+cpu +memory',
    'make /a/b',
  ]);
});

t.test('what is enabled is not written again', async t => {
  const known = { '/sys/fs/cgroup': level('cpu', 'memory'), '/sys/fs/cgroup/a': level('memory') };
  t.strictSame(storyOf('/a/b', { levels: known }), ['open /a', 'cgroup.subtree_control=+cpu', 'make /a/b']);
});

t.test('a controller enabled above is enabled in the existing levels below, too', async t => {
  const known = { '/sys/fs/cgroup': level('memory'), '/sys/fs/cgroup/a': level('memory') };
  t.strictSame(storyOf('/a/b', { levels: known }), [
    'open ',
    'cgroup.subtree_control=+cpu',
    'open /a',
    'cgroup.subtree_control=+cpu',
    'make /a/b',
  ]);
});

t.test('one controller that cannot be enabled does not cost the others', async t => {
  const cgroup = cgroupFacts({ controllers: ['cpu', 'memory'], levels: { '/sys/fs/cgroup': level() } });
  const [together] = all(makeCgroup(context(withPath('/a'), facts({ cgroup }))), 'cgroup_write');
  t.strictSame(
    together!.else!.map(step => step.with.value),
    ['+cpu', '+memory'],
  );
  for (const step of [together!, ...together!.else!])
    t.strictSame(step.tolerate, ['EINVAL', 'EBUSY', 'ENOENT', 'EOPNOTSUPP']);
});

t.test('levels that a user may not change are left as they are', async t => {
  const cgroup = cgroupFacts({ levels: { '/sys/fs/cgroup': level() } });
  for (const known of [facts({ cgroup, euid: 1000 }), facts({ cgroup, initialUserNamespace: false })])
    t.ok(all(makeCgroup(context(withPath('/a'), known)), 'cgroup_write')[0]!.tolerate!.includes('EACCES'));
});

t.test('limits are written to the cgroup itself', async t => {
  const linux = {
    resources: { pids: { limit: 5 }, memory: { limit: 100, swap: 100 }, blockIO: { weight: 10 } },
  };
  const steps = makeCgroup(context(withPath('/system.slice/x', linux)));
  t.strictSame(story(steps).slice(-5), [
    'make /system.slice/x',
    'memory.swap.max=0',
    'memory.max=100',
    'pids.max=5',
    'io.bfq.weight=default 10',
  ]);
  const [swap, weight] = [steps.find(step => step.with.file === 'memory.swap.max'), steps.at(-1)];
  t.strictSame(swap!.tolerate, ['ENOENT']);
  t.match(weight, { tolerate: ['ENOENT'], else: [{ with: { file: 'io.weight', value: 'default 1' } }] });
});

const filters = (known: Partial<Facts>, linux: Partial<Linux> = {}): number =>
  all(deviceRules(context(config({ linux }), facts(known))), 'device_filter').length;

t.test('the device filter needs root of the machine', async t => {
  const user = { namespaces: [{ type: 'user' as const }], uidMappings: [], gidMappings: [] };
  t.equal(filters({}), 1);
  t.equal(filters({}, { resources: {} }), 1, 'without rules, too');
  t.equal(filters({}, user), 1, 'also for a container with a user namespace');
  t.equal(filters({ euid: 1000 }, user), 0);
  t.equal(filters({ initialUserNamespace: false }), 0, 'bpf(2) is not for root of a user namespace');
});

const MAPS = [{ containerID: 0, hostID: 100000, size: 10 }];
const RW = [{ destination: '/sys/fs/cgroup', source: 'cgroup', type: 'cgroup', options: ['rw'] }];
const RO = [{ destination: '/sys/fs/cgroup', source: 'cgroup', type: 'cgroup2', options: ['ro'] }];

function owner(mounts: Spec['mounts'], user: { uid?: number; gid?: number }, linux: Partial<Linux>): unknown {
  const spec = config({ mounts: mounts!, process: { user }, linux });
  return all(makeCgroup(context(spec)), 'cgroup_own')[0]?.with.uid ?? 'nobody';
}

t.test('the cgroup is given to the container that can use it', async t => {
  const own = { namespaces: [{ type: 'cgroup' as const }] };
  const mapped = {
    namespaces: [...own.namespaces, { type: 'user' as const }],
    uidMappings: MAPS,
    gidMappings: MAPS,
  };
  const joined = { namespaces: [...own.namespaces, { type: 'user' as const, path: '/ns' }] };
  const [root, five, far] = [
    { uid: 0, gid: 0 },
    { uid: 5, gid: 0 },
    { uid: 50, gid: 0 },
  ];
  t.equal(owner(RW, five, own), 5);
  t.equal(owner(RW, root, own), 'nobody', 'it is root’s already');
  t.equal(owner(RW, {}, own), 'nobody', 'who is not said is root');
  t.equal(owner(RW, root, mapped), 100000);
  t.equal(owner(RW, five, mapped), 100005);
  t.equal(owner(RW, far, mapped), 'nobody', 'an unmapped id is nobody');
  t.equal(owner(RW, five, joined), 'nobody', 'whose the ids of a joined user namespace are is not known');
  t.equal(owner(RO, five, own), 'nobody', 'it could not be written');
  t.equal(owner([], five, own), 'nobody');
  t.equal(
    owner([{ ...RW[0]!, destination: '/data' }], five, own),
    'nobody',
    'it is not where cgroups belong',
  );
  t.equal(owner([{ ...RW[0]!, source: '/data' }], five, own), 'nobody');
  t.equal(owner(RW, five, { namespaces: [] }), 'nobody', 'the host’s hierarchy is not for giving away');
});

t.test('what is given away is what the kernel says, the group stays', async t => {
  const spec = config({ mounts: RW, process: { user: { uid: 5, gid: 5 } } });
  const steps = makeCgroup(context(spec));
  t.strictSame(only(steps, 'cgroup_own'), {
    slot: SLOT.cgroup,
    uid: 5,
    gid: 0xffffffffn,
    files: facts().cgroup!.delegate,
  });
  t.equal(kinds(steps).at(-1), 'cgroup_own', 'when all is written');
  const silent = makeCgroup(context(spec, facts({ cgroup: cgroupFacts({ delegate: [] }) })));
  t.strictSame(
    only(silent, 'cgroup_own').files,
    ['cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads'],
    'where the kernel does not say it',
  );
});
