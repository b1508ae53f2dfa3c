import t from 'tap';
import { resourceFiles, sharesToWeight } from '../../../src/plan/resources.js';
import type { Resources } from '../../../src/spec.js';
import { resolves } from '../fixtures/plan-checker.js';
import { refusal } from '../fixtures/planner.js';

/** `file=value`, with a question mark where a missing file is no failure, and what is written instead. */
const written = (resources: Resources): string[] =>
  resourceFiles(resources).map(
    ({ file, value, tolerate, instead }) =>
      `${file}=${value}${tolerate ? '?' : ''}${instead ? ` else ${instead.file}=${instead.value}` : ''}`,
  );

const CASES: [name: string, resources: Resources, files: string[]][] = [
  ['nothing', {}, []],
  ['a memory limit', { memory: { limit: 1048576 } }, ['memory.max=1048576']],
  [
    'zero is unset',
    { memory: { limit: 0, swap: 0, reservation: 0 }, cpu: { shares: 0, quota: 0, period: 0 } },
    [],
  ],
  ['more than 53 bits', { memory: { limit: 9223372036854771712n } }, ['memory.max=9223372036854771712']],
  [
    'unlimited memory is unlimited swap, too',
    { memory: { limit: -1 } },
    ['memory.swap.max=max?', 'memory.max=max'],
  ],
  [
    'swap is counted alone, and before memory',
    { memory: { limit: 100, swap: 300 } },
    ['memory.swap.max=200', 'memory.max=100'],
  ],
  [
    'no swap: fine without swap accounting',
    { memory: { limit: 100, swap: 100 } },
    ['memory.swap.max=0?', 'memory.max=100'],
  ],
  ['unlimited swap', { memory: { limit: 100, swap: -1 } }, ['memory.swap.max=max?', 'memory.max=100']],
  ['unlimited swap needs no limit', { memory: { swap: -1 } }, ['memory.swap.max=max?']],
  ['a reservation', { memory: { reservation: 5 } }, ['memory.low=5']],
  ['shares', { cpu: { shares: 1024 } }, ['cpu.weight=100']],
  ['an idle group has no weight', { cpu: { shares: 1024, idle: 1 } }, ['cpu.idle=1']],
  ['a group that is not idle has', { cpu: { shares: 1024, idle: 0 } }, ['cpu.idle=0', 'cpu.weight=100']],
  ['quota and period', { cpu: { quota: 50000, period: 100000 } }, ['cpu.max=50000 100000']],
  ['quota alone', { cpu: { quota: 50000 } }, ['cpu.max=50000']],
  ['period alone', { cpu: { period: 200000 } }, ['cpu.max=max 200000']],
  ['no quota', { cpu: { quota: -1, period: 100000 } }, ['cpu.max=max 100000']],
  ['a burst comes behind its quota', { cpu: { quota: 5, burst: 3 } }, ['cpu.max=5', 'cpu.max.burst=3']],
  ['no burst', { cpu: { burst: 0 } }, ['cpu.max.burst=0']],
  ['processors and nodes', { cpu: { cpus: '0-3', mems: '0' } }, ['cpuset.cpus=0-3', 'cpuset.mems=0']],
  ['processes', { pids: { limit: 100 } }, ['pids.max=100']],
  ['0 is a limit since 1.3, and one process is always there', { pids: { limit: 0 } }, ['pids.max=1']],
  ['no limit of processes', { pids: { limit: -1 } }, ['pids.max=max']],
  ['an absent limit', { pids: {} }, []],
  ['a weight of I/O', { blockIO: { weight: 10 } }, ['io.bfq.weight=default 10? else io.weight=default 1']],
  [
    'the highest',
    { blockIO: { weight: 1000 } },
    ['io.bfq.weight=default 1000? else io.weight=default 10000'],
  ],
  [
    'weights of devices',
    {
      blockIO: {
        weight: 0,
        weightDevice: [
          { major: 8, minor: 1, weight: 500 },
          { major: 8, minor: 2 },
        ],
      },
    },
    ['io.bfq.weight=8:1 500? else io.weight=8:1 4950'],
  ],
  [
    'limits of devices',
    {
      blockIO: {
        throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1 }],
        throttleWriteBpsDevice: [{ major: 8, minor: 0, rate: 2n }],
        throttleReadIOPSDevice: [{ major: 8, minor: 0, rate: 3 }],
        throttleWriteIOPSDevice: [{ major: 8, minor: 0, rate: 0 }],
      },
    },
    ['io.max=8:0 rbps=1', 'io.max=8:0 wbps=2', 'io.max=8:0 riops=3', 'io.max=8:0 wiops=max'],
  ],
  [
    'huge pages, with reservations where the kernel counts them',
    {
      hugepageLimits: [
        { pageSize: '2MB', limit: 4194304 },
        { pageSize: '1GB', limit: 0 },
      ],
    },
    [
      'hugetlb.2MB.max=4194304',
      'hugetlb.2MB.rsvd.max=4194304?',
      'hugetlb.1GB.max=0',
      'hugetlb.1GB.rsvd.max=0?',
    ],
  ],
  [
    'RDMA',
    { rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 10000 }, b: { hcaObjects: 0 } } },
    ['rdma.max=mlx5_1 hca_handle=3 hca_object=10000', 'rdma.max=b hca_object=0'],
  ],
  [
    'files by their names come last, a line at a time',
    { pids: { limit: 5 }, unified: { 'io.max': '8:0 rbps=1\n8:16 wbps=2\n', 'memory.high': '5' } },
    ['pids.max=5', 'io.max=8:0 rbps=1', 'io.max=8:16 wbps=2', 'memory.high=5'],
  ],
  ['an empty file', { unified: { 'cpuset.cpus': '' } }, ['cpuset.cpus=']],
  [
    'what cgroup v2 does not have',
    { network: { classID: 5 }, memory: { disableOOMKiller: false, kernel: 5 } },
    [],
  ],
];

t.test('files and values', async t => {
  for (const [name, resources, files] of CASES) {
    t.strictSame(written(resources), files, name);
    for (const { from } of resourceFiles(resources))
      t.ok(resolves({ linux: { resources } }, from), `${name}: ${from} is there`);
  }
  t.strictSame(resourceFiles(undefined), []);
});

t.test('a unified file called __proto__ is a file', async t => {
  t.strictSame(written({ unified: JSON.parse('{"__proto__": "1"}') }), ['__proto__=1']);
});

const REFUSED: [resources: Resources, says: RegExp][] = [
  [{ memory: { swap: 5 } }, /^\/linux\/resources\/memory\/swap: a swap limit needs a memory limit/],
  [
    { memory: { limit: -1, swap: 5 } },
    /^\/linux\/resources\/memory\/swap: a swap limit needs a memory limit/,
  ],
  [
    { memory: { limit: 10, swap: 5 } },
    /memory and swap together \(5\) cannot be less than the memory limit \(10\)/,
  ],
  [{ cpu: { realtimeRuntime: 1 } }, /^\/linux\/resources\/cpu\/realtimeRuntime: cgroup v2 has no realtime/],
  [{ memory: { swappiness: 0 } }, /^\/linux\/resources\/memory\/swappiness: cgroup v2 has no swappiness/],
  [
    { memory: { disableOOMKiller: true } },
    /^\/linux\/resources\/memory\/disableOOMKiller: cgroup v2 has no way/,
  ],
  [
    { blockIO: { leafWeight: 10 } },
    /^\/linux\/resources\/blockIO\/leafWeight: cgroup v2 has no leaf weights/,
  ],
  [{ cpu: { realtimePeriod: 1 } }, /^\/linux\/resources\/cpu\/realtimePeriod: cgroup v2 has no realtime/],
  [
    { hugepageLimits: [{ pageSize: '../2MB', limit: 1 }] },
    /^\/linux\/resources\/hugepageLimits\/0\/pageSize: "\.\.\/2MB"/,
  ],
  [{ hugepageLimits: [{ pageSize: '2mb', limit: 1 }] }, /"2mb" is not a size like "2MB"/],
  [
    { unified: { 'a/b~': '1' } },
    /^\/linux\/resources\/unified\/a~1b~0: "a\/b~" is not the name of a cgroup file/,
  ],
  [{ unified: { '..': '1' } }, /is not the name of a cgroup file/],
  [{ unified: { '': '1' } }, /is not the name of a cgroup file/],
];

t.test('what is refused', async t => {
  for (const [resources, says] of REFUSED)
    t.match(
      refusal(() => resourceFiles(resources)),
      says,
      JSON.stringify(resources),
    );
});

t.test('shares on the scale of weights', async t => {
  for (const [shares, weight] of [
    [0, 1],
    [1, 1],
    [2, 1],
    [3, 2],
    [1024, 100],
    [2048, 174],
    [262143, 10000],
    [262144, 10000],
    [1e9, 10000],
  ] as const)
    t.equal(sharesToWeight(shares), weight, `${shares}`);
});

t.test('more shares are never less weight', async t => {
  let last = 0;
  for (let shares = 2; shares <= 262144; shares += 37) {
    const weight = sharesToWeight(shares);
    if (weight < last || weight < 1 || weight > 10000) t.fail(`${shares} shares: ${weight}`);
    last = weight;
  }
  t.ok(last > 9990);
});
