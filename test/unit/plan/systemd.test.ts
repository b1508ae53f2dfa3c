/** The unit that `--systemd-cgroup` asks for: its name, its slice, and a property for each limit. */
import t from 'tap';
import { chooseCgroup } from '../../../src/plan/cgroup-place.js';
import { plan } from '../../../src/plan/plan.js';
import { makeScope, type Property, scopeName, slicePath } from '../../../src/plan/systemd.js';
import type { DeviceRule, Resources } from '../../../src/spec.js';
import {
  all,
  cgroupFacts,
  config,
  facts,
  only,
  options,
  place,
  refusal,
  userFacts,
} from '../fixtures/planner.js';

const MAX = 2n ** 64n - 1n;

const scope = (resources?: Resources, annotations: Record<string, string> = {}, user = false) =>
  makeScope({ id: 'box', cgroupsPath: undefined, resources, annotations, user });

/** Properties by name; each name is there once. */
function byName(
  properties: readonly Property[],
): Record<string, [signature: string, value: Property['value']]> {
  const found: Record<string, [string, Property['value']]> = {};
  for (const { name, signature, value } of properties) {
    if (found[name]) throw new Error(`${name} twice`);
    found[name] = [signature, value];
  }
  return found;
}

/** Those that a configuration adds. */
function added(resources: Resources): Record<string, [string, Property['value']]> {
  const without = byName(scope({}).properties);
  const all = byName(scope(resources).properties);
  return Object.fromEntries(Object.entries(all).filter(([name]) => !without[name]));
}

t.test('what every scope has', async t => {
  const { DeviceAllow, ...rest } = byName(scope().properties);
  t.strictSame(rest, {
    Description: ['s', 'runts container box'],
    Slice: ['s', 'system.slice'],
    Delegate: ['b', true],
    DefaultDependencies: ['b', false],
    CollectMode: ['s', 'inactive-or-failed'],
    MemoryAccounting: ['b', true],
    CPUAccounting: ['b', true],
    IOAccounting: ['b', true],
    TasksAccounting: ['b', true],
    DevicePolicy: ['s', 'strict'],
  });
  t.equal(DeviceAllow![0], 'a(ss)');
});

const bits = (...bytes: number[]): Uint8Array => new Uint8Array(bytes);

const RESOURCES: [resources: Resources, properties: Record<string, [string, unknown]>][] = [
  [{ memory: { limit: 1048576 } }, { MemoryMax: ['t', 1048576n] }],
  [{ memory: { limit: -1 } }, { MemoryMax: ['t', MAX] }],
  [{ memory: { limit: 0, reservation: 0, swap: 0 } }, {}],
  [{ memory: { reservation: 5 } }, { MemoryLow: ['t', 5n] }],
  [{ memory: { limit: 1000, swap: 3000 } }, { MemoryMax: ['t', 1000n], MemorySwapMax: ['t', 2000n] }],
  [{ memory: { limit: 1000, swap: 1000 } }, { MemoryMax: ['t', 1000n], MemorySwapMax: ['t', 0n] }],
  [{ memory: { limit: 1000, swap: -1 } }, { MemoryMax: ['t', 1000n], MemorySwapMax: ['t', MAX] }],
  [{ memory: { limit: 2n ** 62n } }, { MemoryMax: ['t', 2n ** 62n] }],
  [{ cpu: { shares: 1024 } }, { CPUWeight: ['t', 100n] }],
  [{ cpu: { shares: 2 } }, { CPUWeight: ['t', 1n] }],
  [{ cpu: { shares: 0 } }, {}],
  [{ cpu: { shares: 1024, idle: 1 } }, { CPUWeight: ['t', 0n] }],
  [{ cpu: { shares: 1024, idle: 0 } }, { CPUWeight: ['t', 100n] }],
  [{ unified: { 'cpu.idle': '1' } }, { CPUWeight: ['t', 0n] }],
  [{ unified: { 'cpu.idle': '0' } }, {}],
  [{ cpu: { quota: 50_000 } }, { CPUQuotaPeriodUSec: ['t', 100_000n], CPUQuotaPerSecUSec: ['t', 500_000n] }],
  [
    { cpu: { quota: 20_000, period: 50_000 } },
    { CPUQuotaPeriodUSec: ['t', 50_000n], CPUQuotaPerSecUSec: ['t', 400_000n] },
  ],
  // systemd counts hundredths of a CPU: a part of one is one
  [
    { cpu: { quota: 33_333, period: 100_000 } },
    { CPUQuotaPeriodUSec: ['t', 100_000n], CPUQuotaPerSecUSec: ['t', 340_000n] },
  ],
  [{ cpu: { quota: -1 } }, { CPUQuotaPeriodUSec: ['t', 100_000n], CPUQuotaPerSecUSec: ['t', MAX] }],
  [{ cpu: { period: 50_000 } }, {}],
  [{ cpu: { cpus: '0-2,7' } }, { AllowedCPUs: ['ay', bits(0b10000111)] }],
  [{ cpu: { cpus: '8' } }, { AllowedCPUs: ['ay', bits(0, 1)] }],
  [{ cpu: { cpus: '1,17,64' } }, { AllowedCPUs: ['ay', bits(2, 0, 2, 0, 0, 0, 0, 0, 1)] }],
  [{ cpu: { mems: '0-1' } }, { AllowedMemoryNodes: ['ay', bits(3)] }],
  [{ pids: { limit: 42 } }, { TasksMax: ['t', 42n] }],
  [{ pids: { limit: 0 } }, { TasksMax: ['t', 1n] }],
  [{ pids: { limit: -1 } }, { TasksMax: ['t', MAX] }],
  [{ blockIO: { weight: 10 } }, { IOWeight: ['t', 1n] }],
  [{ blockIO: { weight: 1000 } }, { IOWeight: ['t', 10_000n] }],
  [
    {
      blockIO: {
        weightDevice: [
          { major: 8, minor: 0, weight: 10 },
          { major: 8, minor: 1, leafWeight: 10 },
        ],
      },
    },
    { IODeviceWeight: ['a(st)', [['/dev/block/8:0', 1n]]] },
  ],
  [
    {
      blockIO: {
        throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1 }],
        throttleWriteBpsDevice: [{ major: 8, minor: 16, rate: 2 }],
        throttleReadIOPSDevice: [{ major: 253, minor: 0, rate: 3 }],
        throttleWriteIOPSDevice: [{ major: 253, minor: 1, rate: 0 }],
      },
    },
    {
      IOReadBandwidthMax: ['a(st)', [['/dev/block/8:0', 1n]]],
      IOWriteBandwidthMax: ['a(st)', [['/dev/block/8:16', 2n]]],
      IOReadIOPSMax: ['a(st)', [['/dev/block/253:0', 3n]]],
      IOWriteIOPSMax: ['a(st)', [['/dev/block/253:1', MAX]]],
    },
  ],
  [
    { unified: { 'memory.high': '5', 'memory.min': '6', 'memory.low': 'max', 'memory.swap.max': '7' } },
    { MemoryHigh: ['t', 5n], MemoryMin: ['t', 6n], MemoryLow: ['t', MAX], MemorySwapMax: ['t', 7n] },
  ],
  [
    { unified: { 'cpu.weight': '77', 'cpuset.cpus': '1' } },
    { CPUWeight: ['t', 77n], AllowedCPUs: ['ay', bits(2)] },
  ],
  [{ unified: { 'cpuset.mems': '0' } }, { AllowedMemoryNodes: ['ay', bits(1)] }],
  [
    { unified: { 'cpu.max': '10000 20000' } },
    { CPUQuotaPeriodUSec: ['t', 20_000n], CPUQuotaPerSecUSec: ['t', 500_000n] },
  ],
  [
    { unified: { 'cpu.max': 'max' } },
    { CPUQuotaPeriodUSec: ['t', 100_000n], CPUQuotaPerSecUSec: ['t', MAX] },
  ],
  [{ unified: { 'memory.oom.group': '1' } }, { OOMPolicy: ['s', 'kill'] }],
  [
    { unified: { 'memory.oom.group': '0', 'io.max': '8:0 rbps=5', 'memory.max': '10%', __proto__x: '1' } },
    {},
  ],
  // as with the files: what "unified" says comes last
  [{ pids: { limit: 42 }, unified: { 'pids.max': '43' } }, { TasksMax: ['t', 43n] }],
];

t.test('each limit has its property', async t => {
  for (const [resources, properties] of RESOURCES)
    t.strictSame(
      added(resources),
      properties,
      JSON.stringify(resources, (_, value) => (typeof value === 'bigint' ? String(value) : value)),
    );
});

t.test('lists that are none', async t => {
  for (const cpus of ['x', '3-1', '0-99999'])
    t.match(
      refusal(() => scope({ cpu: { cpus } })),
      /^\/linux\/resources\/cpu\/cpus: .* is not a list like "0-3,7"/,
      cpus,
    );
});

/** What systemd is told of device rules, without those that every container has. */
function devices(rules: DeviceRule[]): [policy: unknown, allow: unknown] {
  const of = (list: DeviceRule[]) => byName(scope({ devices: list }).properties);
  const common = (of([]).DeviceAllow![1] as [string, string][]).length;
  const { DevicePolicy, DeviceAllow } = of(rules);
  const allow = DeviceAllow && (DeviceAllow[1] as [string, string][]);
  return [DevicePolicy![1], allow?.slice(0, allow.length - common)];
}

t.test('devices: what is allowed, by number or by class', async t => {
  const deny: DeviceRule = { allow: false, access: 'rwm' };
  t.strictSame(devices([deny]), ['strict', []]);
  t.strictSame(
    devices([
      deny,
      { allow: true, type: 'c', major: 10, minor: 229, access: 'rw' },
      { allow: true, type: 'b', major: 8, access: 'r' },
      { allow: true, type: 'c', major: -1, minor: -1 },
      { allow: false, type: 'c', major: 1, minor: 11, access: 'w' },
    ]),
    [
      'strict',
      [
        ['/dev/char/10:229', 'rw'],
        ['block-8', 'r'],
        ['char-*', 'rwm'],
      ],
    ],
    'what is refused by number alone cannot be said: our own filter does that',
  );
  t.strictSame(devices([deny, { allow: true }]), ['auto', undefined], 'all');
  t.strictSame(devices([{ allow: true, type: 'b', major: 8, minor: 0 }, deny]), ['strict', []], 'in vain');
});

t.test("a user's manager has no devices to allow", async t => {
  const { DevicePolicy, DeviceAllow, Slice } = byName(scope({}, {}, true).properties);
  t.strictSame([DevicePolicy, DeviceAllow, Slice], [undefined, undefined, ['s', 'user.slice']]);
});

const VALUES: [name: string, text: string, property: Property][] = [
  ['A', 'true', { name: 'Abc', signature: 'b', value: true }],
  ['A', ' false ', { name: 'Abc', signature: 'b', value: false }],
  ['A', "'a word'", { name: 'Abc', signature: 's', value: 'a word' }],
  ['A', '"it\\"s"', { name: 'Abc', signature: 's', value: 'it"s' }],
  ['A', '5', { name: 'Abc', signature: 'i', value: 5n }],
  ['A', '-5', { name: 'Abc', signature: 'i', value: -5n }],
  ['A', '1.5', { name: 'Abc', signature: 'd', value: 1.5 }],
  ['A', 'uint64 18446744073709551615', { name: 'Abc', signature: 't', value: MAX }],
  ['A', 'uint32 7', { name: 'Abc', signature: 'u', value: 7n }],
  ['A', 'int32 -7', { name: 'Abc', signature: 'i', value: -7n }],
  ['A', 'int64 -9', { name: 'Abc', signature: 'x', value: -9n }],
  ['A', '[]', { name: 'Abc', signature: 'as', value: [] }],
  ['A', `['a.service', "b,c"]`, { name: 'Abc', signature: 'as', value: ['a.service', 'b,c'] }],
];

t.test('annotations: any property, as GVariant text', async t => {
  for (const [, text, property] of VALUES) {
    const made = scope({}, { 'org.systemd.property.Abc': text }).properties.at(-1);
    t.strictSame(made, property, text);
  }
  const open = ["'open", "['a'", "['a' 'b']", "['a',]", "'a' 'b'", "['a' b]"];
  const large = ['2147483648', 'int32 -2147483649', 'uint32 4294967296', 'uint64 18446744073709551616'];
  for (const text of ['', 'word', '[1]', '[a]', 'uint64 -1', 'uint64 x', '{}', ...open, ...large])
    t.match(
      refusal(() => scope({}, { 'org.systemd.property.Abc': text })),
      /^\/annotations\/org\.systemd\.property\.Abc: /,
      text,
    );
});

t.test('annotations: seconds become microseconds', async t => {
  const of = (key: string, text: string) =>
    scope({}, { [`org.systemd.property.${key}`]: text }).properties.at(-1);
  t.strictSame(of('TimeoutStopSec', '90'), { name: 'TimeoutStopUSec', signature: 't', value: 90_000_000n });
  t.strictSame(of('TimeoutStopSec', '1.5'), { name: 'TimeoutStopUSec', signature: 't', value: 1_500_000n });
  t.strictSame(of('TimeoutStopUSec', 'uint64 5'), { name: 'TimeoutStopUSec', signature: 't', value: 5n });
  t.match(
    refusal(() => of('TimeoutStopSec', "'soon'")),
    /a time must be a number of seconds/,
  );
  for (const text of ['-1', 'uint64 18446744073709551615'])
    t.match(
      refusal(() => of('TimeoutStopSec', text)),
      /is not a time in seconds/,
      text,
    );
});

t.test('annotations: names of properties only, and they win', async t => {
  for (const name of ['', 'ab', 'A-B', 'a b', '../x', 'Ünit'])
    t.match(
      refusal(() => scope({}, { [`org.systemd.property.${name}`]: 'true' })),
      /is not the name of a unit property/,
      name,
    );
  t.strictSame(
    byName(scope({ pids: { limit: 5 } }, { 'org.systemd.property.TasksMax': 'uint64 9' }).properties)
      .TasksMax,
    ['t', 9n],
  );
  t.equal(byName(scope({}, { 'org.example.TasksMax': '1' }).properties).TasksMax, undefined);
});

t.test('slice:prefix:name', async t => {
  const names: [path: string | undefined, unit: string, slice: string][] = [
    [undefined, 'runts-box.scope', 'system.slice'],
    ['', 'runts-box.scope', 'system.slice'],
    ['machine.slice:libpod:abc', 'libpod-abc.scope', 'machine.slice'],
    ['a-b.slice::abc', 'abc.scope', 'a-b.slice'],
    [':x:abc', 'x-abc.scope', 'system.slice'],
    ['-:x:abc', 'x-abc.scope', '-.slice'],
    ['-.slice:x:abc', 'x-abc.scope', '-.slice'],
  ];
  for (const [path, unit, slice] of names)
    t.strictSame(scopeName(path, 'box', false), { unit, slice }, String(path));
  t.equal(scopeName(undefined, 'box', true).slice, 'user.slice');
  for (const path of [
    '/a/b',
    'a:b',
    'a:b:c:d',
    'a:b:c',
    'a/b.slice:x:y',
    'a--b.slice:x:y',
    '-a.slice:x:y',
    'a.slice:x:',
    'a.slice:x:y z',
    'a.slice:/:y',
    'a.slice:x:pod.slice',
  ])
    t.match(
      refusal(() => scopeName(path, 'box', false)),
      /^\/linux\/cgroupsPath: /,
      path,
    );
});

t.test('where a slice and its scope are', async t => {
  t.equal(slicePath('a.slice'), '/a.slice');
  t.equal(slicePath('a-b-c.slice'), '/a.slice/a-b.slice/a-b-c.slice');
  for (const root of ['', '-', '-.slice']) t.equal(slicePath(root), '', root);
  const path = (cgroupsPath: string) =>
    makeScope({ id: 'box', cgroupsPath, resources: undefined, annotations: {}, user: false }).path;
  t.equal(path('a-b.slice:x:y'), '/a.slice/a-b.slice/x-y.scope');
  t.equal(path('-:x:y'), '/x-y.scope');
});

t.test('the plan: the scope is made around the process, then all else is written to its cgroup', async t => {
  const spec = config({ linux: { cgroupsPath: 'm.slice:p:n', resources: { pids: { limit: 5 } } } });
  const made = plan(spec, facts(), options({ cgroupManager: 'systemd' }));
  t.equal(made.scope?.unit, 'p-n.scope');
  t.strictSame(made.teardown.unit, { name: 'p-n.scope', user: false });
  t.strictSame(made.teardown.cgroup, {
    path: '/sys/fs/cgroup/m.slice/p-n.scope',
    mount: '/sys/fs/cgroup',
    remove: [],
  });
  t.equal(only(made.steps, 'cgroup_open').path, '/sys/fs/cgroup/m.slice/p-n.scope');
  t.equal(place(made.steps, 'scope'), place(made.steps, 'clone') + 1);
  t.ok(place(made.steps, 'cgroup_write') > place(made.steps, 'scope'));
  t.equal(place(made.steps, 'cgroup_make'), -1);
});

t.test("the plan of a user: below the manager's own cgroup", async t => {
  const own = '/user.slice/user-5.slice/user@5.service/app.slice/x.scope';
  const cgroup = { ...facts().cgroup!, own };
  const root = { initialUserNamespace: false };
  const made = plan(config(), facts({ ...root, cgroup }), options({ cgroupManager: 'systemd' }));
  t.strictSame(made.teardown.unit, { name: 'runts-box.scope', user: true });
  t.equal(
    made.teardown.cgroup?.path,
    '/sys/fs/cgroup/user.slice/user-5.slice/user@5.service/user.slice/runts-box.scope',
  );
  t.match(
    refusal(() => plan(config(), facts(root), options({ cgroupManager: 'systemd' }))),
    /needs a login session: this process is in \/system\.slice\/engine\.service/,
  );
});

t.test("the plan of a user: the manager's cgroup when ours is not below it", async t => {
  const below = (own: string): string | undefined => {
    const known = userFacts({ euid: 5, cgroup: cgroupFacts({ own }) });
    const chosen = options({ cgroupManager: 'systemd' });
    return chooseCgroup(config(), known, chosen, scope({}, {}, true), []) ?? undefined;
  };
  const expected = '/sys/fs/cgroup/user.slice/user-5.slice/user@5.service/user.slice/runts-box.scope';
  t.equal(below('/user.slice/user-5.slice/session-3.scope'), expected, 'a session beside it');
  t.equal(below('/system.slice/cron.service'), expected, 'somewhere else');
});

t.test('the plan: controllers that systemd does not know are enabled down the path', async t => {
  const resources = { hugepageLimits: [{ pageSize: '2MB', limit: 0 }] };
  const spec = config({ linux: { cgroupsPath: 'm.slice:p:n', resources } });
  const known = facts({ cgroup: cgroupFacts({ controllers: ['memory', 'hugetlb', 'rdma'] }) });
  const { steps } = plan(spec, known, options({ cgroupManager: 'systemd' }));
  const enabled = all(steps, 'cgroup_write').filter(one => one.with.file === 'cgroup.subtree_control');
  t.strictSame(
    enabled.map(one => one.with.value),
    ['+hugetlb', '+hugetlb'],
  );
});
