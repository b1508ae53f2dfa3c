/** What a kernel, or cgroup v2, does not have: ignored where runc ignores it and `plan` says so, else refused with the reason. */
import { readFileSync } from 'node:fs';
import { refused } from './config-tools.js';
import { type Config, kernelTest } from './harness.js';

type Resources = Config['linux']['resources'];

const IGNORED: [name: string, resources: Resources, note: RegExp][] = [
  [
    'network classes and priorities',
    { network: { classID: 1048577, priorities: [{ name: 'lo', priority: 5 }] } },
    /^note .*\/linux\/resources\/network is ignored: cgroup v2/m,
  ],
  ['an OOM killer that is not switched off', { memory: { disableOOMKiller: false } }, /./],
  ['a hierarchy', { memory: { useHierarchy: true } }, /^note .*memory\/useHierarchy is ignored/m],
  [
    'limits of kernel memory',
    { memory: { kernel: 5, kernelTCP: 5 } },
    /^note .*memory\/kernelTCP is ignored/m,
  ],
  ['realtime limits of 0', { cpu: { realtimeRuntime: 0, realtimePeriod: 0 } }, /./],
];

for (const [name, resources, note] of IGNORED) {
  kernelTest(`ignored: ${name}`, async (t, k) => {
    const modify = (config: Config): void => {
      config.linux.resources = resources;
    };
    t.equal(k.inside('echo it runs', modify), 'it runs\n');
    t.match(k.ok(['plan', '--bundle', k.bundle(modify)]), note);
  });
}

kernelTest('personality flags are ignored: none are defined', async (t, k) => {
  const modify = (config: Config): void => {
    config.linux.personality = { domain: 'LINUX', flags: ['SHORT_INODE'] };
  };
  t.equal(k.inside('echo it runs', modify), 'it runs\n');
  t.match(k.ok(['plan', '--bundle', k.bundle(modify)]), /^note .*\/linux\/personality\/flags are ignored/m);
});

const hasController = (name: string): boolean => {
  const list = '/sys/fs/cgroup/cgroup.controllers';
  return readFileSync(list, 'utf8').split(/\s/).includes(name);
};

const REFUSED: [name: string, change: (config: Config) => void, says: RegExp, unless?: () => boolean][] = [
  [
    'realtime limits',
    config => {
      config.linux.resources = { cpu: { realtimeRuntime: 5 } };
    },
    /cpu\/realtimeRuntime: cgroup v2 has no realtime limits/,
  ],
  [
    'swappiness',
    config => {
      config.linux.resources = { memory: { swappiness: 10 } };
    },
    /memory\/swappiness: cgroup v2 has no swappiness/,
  ],
  [
    'a switched off OOM killer',
    config => {
      config.linux.resources = { memory: { disableOOMKiller: true } };
    },
    /memory\/disableOOMKiller: cgroup v2 has no way to disable the OOM killer/,
  ],
  [
    'leaf weights',
    config => {
      config.linux.resources = { blockIO: { leafWeight: 100 } };
    },
    /blockIO\/leafWeight: cgroup v2 has no leaf weights/,
  ],
  [
    'leaf weights of a device',
    config => {
      config.linux.resources = { blockIO: { weightDevice: [{ major: 8, minor: 0, leafWeight: 100 }] } };
    },
    /blockIO\/weightDevice\/0\/leafWeight: cgroup v2 has no leaf weights/,
  ],
  [
    'RDMA limits without the controller',
    config => {
      config.linux.resources = { rdma: { mlx5: { hcaHandles: 3 } } };
    },
    /no file rdma\.max.*the controller rdma is not enabled/,
    () => hasController('rdma'),
  ],
  [
    'Intel RDT without resctrl',
    config => {
      config.linux.intelRdt = { closID: 'gold', memBwSchema: 'MB:0=20' };
    },
    /\/linux\/intelRdt: resctrl is not mounted on this host/,
    () => readFileSync('/proc/self/mountinfo', 'utf8').includes(' - resctrl '),
  ],
  [
    'a mount label without SELinux',
    config => {
      config.linux.mountLabel = 'system_u:object_r:container_file_t:s0';
    },
    /\/linux\/mountLabel: SELinux is not enabled on this host/,
    () => /\bselinuxfs\b/.test(readFileSync('/proc/self/mounts', 'utf8')),
  ],
];

for (const [name, change, says, unless] of REFUSED) {
  kernelTest(`refused: ${name}`, async (t, k) => {
    if (unless?.()) t.pass('skipped', { skip: 'this machine has it' });
    else refused(t, k, says, change);
  });
}

kernelTest('properties that the specification does not have are ignored, wherever they are', async (t, k) => {
  const text = k.inside('echo it runs', config => {
    const unknown = { unknown: { deeper: [1] } };
    const parts = [config, config.process, config.process.user, config.root, config.mounts[0], config.linux];
    for (const part of parts) Object.assign(part!, unknown);
    Object.assign(config.linux.namespaces[0]!, unknown);
    Object.assign(config.linux.resources, unknown);
  });
  t.equal(text, 'it runs\n');
});

kernelTest('consoleSize is ignored without a terminal', async (t, k) => {
  const text = k.inside('test -t 0 || echo no terminal', config => {
    config.process.consoleSize = { width: 100_000, height: 100_000 };
  });
  t.equal(text, 'no terminal\n');
});
