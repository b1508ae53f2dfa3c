/** config-linux.md "Control groups": what each resource writes, read back from the kernel's own files. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import t from 'tap';
import type { Resources } from '../../../src/spec.js';
import { kernelTest } from '../../kernel/harness.js';

const disk = (() => {
  const { rdev } = statSync('/dev/vda');
  return { major: Math.floor(rdev / 256), minor: rdev % 256 };
})();
const vda = `${disk.major}:${disk.minor}`;

/** A resource, and the cgroup's files with what they hold then; a pattern where the kernel adds more. */
const CASES: readonly [name: string, resources: Resources, files: Record<string, string | RegExp>][] = [
  ['memory limit', { memory: { limit: 67108864 } }, { 'memory.max': '67108864' }],
  ['memory without limit', { memory: { limit: -1 } }, { 'memory.max': 'max', 'memory.swap.max': 'max' }],
  [
    'memory and swap',
    { memory: { limit: 67108864, swap: 100663296 } },
    { 'memory.max': '67108864', 'memory.swap.max': '33554432' },
  ],
  ['no swap', { memory: { limit: 67108864, swap: 67108864 } }, { 'memory.swap.max': '0' }],
  ['swap without limit', { memory: { limit: 67108864, swap: -1 } }, { 'memory.swap.max': 'max' }],
  ['memory reservation', { memory: { reservation: 33554432 } }, { 'memory.low': '33554432' }],
  [
    'memory reservation and limit',
    { memory: { limit: 67108864, reservation: 33554432 } },
    { 'memory.low': '33554432', 'memory.max': '67108864' },
  ],
  ['no CPU shares', { cpu: { shares: 0 } }, { 'cpu.weight': '100' }],
  ['least CPU shares', { cpu: { shares: 2 } }, { 'cpu.weight': '1' }],
  ['usual CPU shares', { cpu: { shares: 1024 } }, { 'cpu.weight': '100' }],
  ['most CPU shares', { cpu: { shares: 262144 } }, { 'cpu.weight': '10000' }],
  ['CPU quota', { cpu: { quota: 50000 } }, { 'cpu.max': '50000 100000' }],
  ['CPU period', { cpu: { period: 50000 } }, { 'cpu.max': 'max 50000' }],
  ['CPU quota and period', { cpu: { quota: 20000, period: 50000 } }, { 'cpu.max': '20000 50000' }],
  ['no CPU quota', { cpu: { quota: -1, period: 50000 } }, { 'cpu.max': 'max 50000' }],
  [
    'CPU burst',
    { cpu: { quota: 50000, period: 100000, burst: 10000 } },
    { 'cpu.max': '50000 100000', 'cpu.max.burst': '10000' },
  ],
  ['idle CPU', { cpu: { idle: 1 } }, { 'cpu.idle': '1' }],
  ['not idle CPU, with shares', { cpu: { idle: 0, shares: 2048 } }, { 'cpu.idle': '0', 'cpu.weight': '174' }],
  ['CPUs', { cpu: { cpus: '1' } }, { 'cpuset.cpus': '1', 'cpuset.cpus.effective': '1' }],
  ['memory nodes', { cpu: { mems: '0' } }, { 'cpuset.mems': '0' }],
  ['pids', { pids: { limit: 42 } }, { 'pids.max': '42' }],
  ['as few pids as possible', { pids: { limit: 0 } }, { 'pids.max': '1' }],
  ['pids without limit', { pids: { limit: -1 } }, { 'pids.max': 'max' }],
  ['block weight', { blockIO: { weight: 500 } }, { 'io.bfq.weight': /^default 500$/m }],
  [
    'block weight of a device',
    { blockIO: { weight: 10, weightDevice: [{ ...disk, weight: 1000 }] } },
    { 'io.bfq.weight': `default 10\n${vda} 1000` },
  ],
  [
    'read bytes',
    { blockIO: { throttleReadBpsDevice: [{ ...disk, rate: 1048576 }] } },
    { 'io.max': `${vda} rbps=1048576 wbps=max riops=max wiops=max` },
  ],
  [
    'write bytes',
    { blockIO: { throttleWriteBpsDevice: [{ ...disk, rate: 2097152 }] } },
    { 'io.max': `${vda} rbps=max wbps=2097152 riops=max wiops=max` },
  ],
  [
    'reads and writes',
    {
      blockIO: {
        throttleReadIOPSDevice: [{ ...disk, rate: 100 }],
        throttleWriteIOPSDevice: [{ ...disk, rate: 200 }],
      },
    },
    { 'io.max': `${vda} rbps=max wbps=max riops=100 wiops=200` },
  ],
  [
    'huge pages',
    { hugepageLimits: [{ pageSize: '2MB', limit: 4194304 }] },
    { 'hugetlb.2MB.max': '4194304', 'hugetlb.2MB.rsvd.max': '4194304' },
  ],
  [
    'all throttles of a device',
    {
      blockIO: {
        throttleReadBpsDevice: [{ ...disk, rate: 1048576 }],
        throttleWriteBpsDevice: [{ ...disk, rate: 2097152 }],
        throttleReadIOPSDevice: [{ ...disk, rate: 100 }],
        throttleWriteIOPSDevice: [{ ...disk, rate: 0 }],
      },
    },
    { 'io.max': `${vda} rbps=1048576 wbps=2097152 riops=100 wiops=max` },
  ],
  ['no huge pages', { hugepageLimits: [{ pageSize: '2MB', limit: 0 }] }, { 'hugetlb.2MB.max': '0' }],
  [
    'a check before update',
    { memory: { limit: 67108864, checkBeforeUpdate: true } },
    { 'memory.max': '67108864' },
  ],
  ['what cgroup v2 does not have', { network: { classID: 5 } }, { 'memory.max': 'max' }],
  [
    'files by name',
    { unified: { 'memory.high': '50331648', 'pids.max': '99' } },
    { 'memory.high': '50331648', 'pids.max': '99' },
  ],
  [
    'files of several lines by name',
    { unified: { 'io.max': `${vda} riops=7\n${vda} wiops=8` } },
    { 'io.max': `${vda} rbps=max wbps=max riops=7 wiops=8` },
  ],
  [
    'a file by name over a resource',
    { pids: { limit: 42 }, unified: { 'pids.max': '43' } },
    { 'pids.max': '43' },
  ],
];

/** Weights of single devices are there with this scheduler. */
const scheduler = '/sys/block/vda/queue/scheduler';
writeFileSync(scheduler, 'bfq');

for (const [name, resources, files] of CASES) {
  kernelTest(`${name}: ${JSON.stringify(resources)}`, async (t, kernel) => {
    const id = kernel.created(config => {
      config.linux.resources = { ...resources };
    });
    for (const [file, expected] of Object.entries(files)) {
      const found = readFileSync(`${kernel.cgroup(id)}/${file}`, 'utf8').trim();
      if (typeof expected === 'string') t.equal(found, expected, file);
      else t.match(found, expected, file);
    }
    kernel.remove(id);
  });
}

kernelTest('without the BFQ scheduler a block weight is one of io.cost', async (t, kernel) => {
  writeFileSync(scheduler, 'none');
  execFileSync('rmmod', ['bfq']);
  writeFileSync('/sys/fs/cgroup/io.cost.qos', `${vda} enable=1`);
  const id = kernel.created(config => {
    config.linux.resources = { blockIO: { weight: 500, weightDevice: [{ ...disk, weight: 1000 }] } };
  });
  t.equal(readFileSync(`${kernel.cgroup(id)}/io.weight`, 'utf8').trim(), `default 4950\n${vda} 10000`);
  kernel.remove(id);
  execFileSync('modprobe', ['bfq']);
});

kernelTest('limits are in force before the first instruction', async (t, kernel) => {
  const out = kernel.inside(
    'cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max /sys/fs/cgroup/cpu.max',
    config => {
      config.linux.resources = { memory: { limit: 67108864 }, pids: { limit: 42 }, cpu: { quota: 50000 } };
    },
  );
  t.equal(out, '67108864\n42\n50000 100000\n');
});

kernelTest('a container that uses too much memory is killed', async (t, kernel) => {
  const { status } = kernel.run('dd if=/dev/zero of=/dev/null bs=64M count=1', config => {
    config.linux.resources = { memory: { limit: 16777216, swap: 16777216 } };
  });
  t.equal(status, 137);
});

kernelTest('more processes than allowed cannot be made', async (t, kernel) => {
  const { stderr } = kernel.run('sleep 1 & sleep 1 & sleep 1 & sleep 1 & wait', config => {
    config.linux.resources = { pids: { limit: 3 } };
  });
  t.match(stderr, /can't fork|Resource temporarily unavailable/);
});

/** Limits that cannot be set, and what is said. */
const REFUSED: readonly [name: string, resources: Resources, message: RegExp][] = [
  [
    'a swap limit without memory limit',
    { memory: { swap: 1048576 } },
    /memory\/limit is 0; accepted: a memory limit/,
  ],
  [
    'a swap limit below the memory limit',
    { memory: { limit: 67108864, swap: 1048576 } },
    /memory\/swap is 1048576; accepted: at least the memory limit/,
  ],
  ['a CPU that is not there', { cpu: { cpus: '77' } }, /cpuset\.cpus.*\/linux\/resources\/cpu\/cpus/],
  ['swappiness', { memory: { swappiness: 5 } }, /memory\/swappiness: cgroup v2 has no swappiness/],
  ['realtime', { cpu: { realtimeRuntime: 1000 } }, /no realtime limits/],
  [
    'a size of huge pages that is not there',
    { hugepageLimits: [{ pageSize: '64MB', limit: 0 }] },
    /hugetlb\.64MB\.max/,
  ],
  [
    'a file that is not there',
    { unified: { 'memory.nothing': '1' } },
    /memory\.nothing.*\/linux\/resources\/unified\/memory\.nothing/,
  ],
  [
    'a device that is not there',
    { blockIO: { throttleReadBpsDevice: [{ major: 240, minor: 77, rate: 1 }] } },
    /io\.max/,
  ],
  ['a path as a file', { unified: { '../pids.max': '1' } }, /unified.*accepted/],
  // the kernel reads the limits before it looks for the device: it has understood them
  [
    'an RDMA device that is not there',
    { rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 10000 } } },
    /rdma\.max.*\/linux\/resources\/rdma\/mlx5_1.*no such device/,
  ],
];

for (const [name, resources, message] of REFUSED) {
  kernelTest(`${name} is refused`, async (t, kernel) => {
    const { status, stderr } = kernel.run('true', config => {
      config.linux.resources = { ...resources };
    });
    t.equal(status, 1);
    t.match(stderr, message);
    t.equal(stderr.trim().split('\n').length, 1, 'in one line');
  });
}

t.ok(existsSync('/sys/fs/cgroup/cgroup.controllers'), 'the guest has cgroup v2');
