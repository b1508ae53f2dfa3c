/** The systemd cgroup driver: what systemd says of the scope, what the kernel has, and that both agree after a reload. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import type { Test } from 'tap';
import { type Config, type Kernel, kernelTest, type Outcome } from '../../kernel/harness.js';
import { asTester, inSession } from './engines.js';

const mount = '/sys/fs/cgroup';
const read = (path: string): string => readFileSync(path, 'utf8').trim();

type Modify = (config: Config) => void;

/** The properties of a unit as `systemctl show` prints them. */
function show(unit: string, names: readonly string[], prefix: readonly string[] = []): string[] {
  const command = [...prefix, 'systemctl', ...(prefix.length > 0 ? ['--user'] : []), 'show', unit];
  const text = execFileSync(command[0]!, [...command.slice(1), ...names.flatMap(name => ['-p', name])], {
    encoding: 'utf8',
  });
  const found = new Map(
    text
      .trim()
      .split('\n')
      .map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  return names.map(name => found.get(name) ?? 'no such property');
}

const reload = (): void => {
  execFileSync('systemctl', ['daemon-reload']);
};

function create(kernel: Kernel, modify: Modify, prefix: string[] = []): string {
  const bundle = kernel.bundle(config => {
    config.process.args = ['sh', '-c', 'while :; do sleep 0.1; done'];
    modify(config);
  });
  if (prefix.length > 0) execFileSync('chown', ['-R', '1000:1000', kernel.directory]);
  const id = kernel.id();
  kernel.ok(['--systemd-cgroup', 'create', '--bundle', bundle, id], { prefix });
  return id;
}

function run(kernel: Kernel, program: string, modify: Modify): Outcome {
  const bundle = kernel.bundle(config => {
    config.process.args = ['sh', '-c', program];
    modify(config);
  });
  return kernel.runts(['--systemd-cgroup', 'run', '--bundle', bundle, kernel.id()]);
}

function isGone(t: Test, unit: string, cgroup: string): void {
  t.strictSame(show(unit, ['ActiveState', 'LoadState']), ['inactive', 'not-found'], `${unit} is forgotten`);
  t.notOk(existsSync(cgroup), 'its cgroup is gone');
}

kernelTest('a scope with the properties of the resources', async (t, kernel) => {
  const id = create(kernel, config => {
    config.linux.cgroupsPath = `runts-test.slice:box:${kernel.token}`;
    config.linux.resources = {
      memory: { limit: 67108864, reservation: 33554432, swap: 100663296 },
      cpu: { shares: 2048, quota: 50000, period: 200000, cpus: '1', mems: '0' },
      pids: { limit: 42 },
    };
  });
  const unit = `box-${kernel.token}.scope`;
  const directory = `${mount}/runts.slice/runts-test.slice/${unit}`;
  t.strictSame(
    show(unit, ['ActiveState', 'Slice', 'Delegate', 'DefaultDependencies', 'CollectMode', 'Description']),
    ['active', 'runts-test.slice', 'yes', 'no', 'inactive-or-failed', `runts container ${id}`],
  );
  t.strictSame(show(unit, ['MemoryMax', 'MemoryLow', 'MemorySwapMax', 'TasksMax', 'CPUWeight']), [
    '67108864',
    '33554432',
    '33554432',
    '42',
    '174',
  ]);
  t.strictSame(
    show(unit, ['CPUQuotaPerSecUSec', 'CPUQuotaPeriodUSec', 'AllowedCPUs', 'AllowedMemoryNodes']),
    ['250ms', '200ms', '1', '0'],
  );
  t.equal(read(`${directory}/cgroup.procs`), String(kernel.state(id).pid), 'the process is in it');
  const files = [
    'memory.max',
    'memory.low',
    'memory.swap.max',
    'pids.max',
    'cpu.weight',
    'cpu.max',
    'cpuset.cpus',
  ];
  t.strictSame(
    files.map(file => read(`${directory}/${file}`)),
    ['67108864', '33554432', '33554432', '42', '174', '50000 200000', '1'],
  );
  kernel.ok(['start', id]);
  t.match(kernel.exec(id, 'cat /proc/self/cgroup').stdout, '0::/', 'exec joins it');
  t.equal(read(`${directory}/cgroup.procs`).split('\n')[0], String(kernel.state(id).pid));
  kernel.ok(['pause', id]);
  t.equal(read(`${directory}/cgroup.freeze`), '1');
  kernel.ok(['resume', id]);
  kernel.remove(id);
  isGone(t, unit, directory);
});

kernelTest('what systemd knows and what it does not know stays when it reloads', async (t, kernel) => {
  const id = create(kernel, config => {
    config.linux.resources = {
      memory: { limit: 67108864 },
      cpu: { quota: 50000, burst: 10000 },
      pids: { limit: 42 },
      blockIO: { throttleReadBpsDevice: [{ major: 254, minor: 0, rate: 1048576 }] },
      hugepageLimits: [{ pageSize: '2MB', limit: 4194304 }],
      unified: { 'memory.high': '50331648', 'memory.min': '1048576', 'cpu.weight': '77', 'pids.max': '43' },
    };
  });
  const directory = `${mount}/system.slice/runts-${id}.scope`;
  const expected = {
    'memory.max': '67108864',
    'memory.high': '50331648',
    'memory.min': '1048576',
    'cpu.max': '50000 100000',
    'cpu.max.burst': '10000',
    'cpu.weight': '77',
    'pids.max': '43',
    'io.max': '254:0 rbps=1048576 wbps=max riops=max wiops=max',
    'hugetlb.2MB.max': '4194304',
  };
  const found = () =>
    Object.fromEntries(Object.keys(expected).map(file => [file, read(`${directory}/${file}`)]));
  t.strictSame(found(), expected);
  reload();
  // systemd applies what it knows when a unit changes
  execFileSync('systemctl', ['set-property', '--runtime', `runts-${id}.scope`, 'Description=changed']);
  t.strictSame(found(), expected, 'after a reload');
  kernel.remove(id);
});

kernelTest('no limit of memory is none of swap', async (t, kernel) => {
  const id = create(kernel, config => {
    config.linux.resources = { memory: { limit: -1 }, pids: { limit: -1 } };
  });
  t.strictSame(show(`runts-${id}.scope`, ['MemoryMax', 'MemorySwapMax', 'TasksMax']), [
    'infinity',
    'infinity',
    'infinity',
  ]);
  kernel.remove(id);
});

kernelTest('an idle container', async (t, kernel) => {
  const id = create(kernel, config => {
    config.linux.resources = { cpu: { idle: 1, shares: 2048 } };
  });
  const directory = `${mount}/system.slice/runts-${id}.scope`;
  t.equal(read(`${directory}/cpu.idle`), '1');
  reload();
  // systemd writes the weight anew, and the idle flag with it
  execFileSync('systemctl', ['set-property', '--runtime', `runts-${id}.scope`, 'CPUQuota=50%']);
  t.equal(read(`${directory}/cpu.idle`), '1', 'after a reload');
  kernel.remove(id);
});

kernelTest('limits are in force before the first instruction', async (t, kernel) => {
  const { status, stdout, stderr } = run(
    kernel,
    'cd /sys/fs/cgroup; cat memory.max pids.max cpu.max memory.high',
    config => {
      config.linux.resources = {
        memory: { limit: 67108864 },
        pids: { limit: 42 },
        cpu: { quota: 50000 },
        unified: { 'memory.high': '50331648' },
      };
    },
  );
  t.strictSame([status, stdout, stderr], [0, '67108864\n42\n50000 100000\n50331648\n', '']);
});

const places: readonly [cgroupsPath: string, unit: string, slice: string, path: string][] = [
  [':x:TOKEN-a', 'x-TOKEN-a.scope', 'system.slice', '/system.slice'],
  ['::TOKEN-b', 'TOKEN-b.scope', 'system.slice', '/system.slice'],
  ['-:x:TOKEN-c', 'x-TOKEN-c.scope', '-.slice', ''],
  ['a-b-c.slice:x:TOKEN-d', 'x-TOKEN-d.scope', 'a-b-c.slice', '/a.slice/a-b.slice/a-b-c.slice'],
];

for (const [cgroupsPath, unit, slice, path] of places) {
  kernelTest(`cgroupsPath ${cgroupsPath}`, async (t, kernel) => {
    const name = unit.replace('TOKEN', kernel.token);
    const id = create(kernel, config => {
      config.linux.cgroupsPath = cgroupsPath.replace('TOKEN', kernel.token);
    });
    t.strictSame(show(name, ['ActiveState', 'Slice']), ['active', slice]);
    t.equal(read(`${mount}${path}/${name}/cgroup.procs`), String(kernel.state(id).pid));
    kernel.remove(id);
    isGone(t, name, `${mount}${path}/${name}`);
  });
}

kernelTest('properties by annotation', async (t, kernel) => {
  const id = create(kernel, config => {
    config.linux.resources = { pids: { limit: 42 } };
    config.annotations = {
      'org.systemd.property.TimeoutStopUSec': 'uint64 7000000',
      'org.systemd.property.RuntimeMaxSec': '3600',
      'org.systemd.property.CollectMode': "'inactive'",
      'org.systemd.property.MemoryHigh': 'uint64 50331648',
      'org.systemd.property.TasksMax': 'uint64 77',
      'org.systemd.property.SendSIGHUP': 'true',
    };
  });
  t.strictSame(
    show(`runts-${id}.scope`, [
      'TimeoutStopUSec',
      'RuntimeMaxUSec',
      'CollectMode',
      'MemoryHigh',
      'TasksMax',
      'SendSIGHUP',
    ]),
    ['7s', '1h', 'inactive', '50331648', '77', 'yes'],
  );
  t.equal(read(`${mount}/system.slice/runts-${id}.scope/memory.high`), '50331648');
  kernel.remove(id);
});

const refused: readonly [name: string, annotations: Record<string, string>, message: RegExp][] = [
  [
    'a property that systemd does not know',
    { 'org.systemd.property.NoSuchThing': 'true' },
    /systemd refuses to start runts-\S+\.scope: .*NoSuchThing/,
  ],
  [
    'a property of the wrong type',
    { 'org.systemd.property.MemoryHigh': "'much'" },
    /systemd refuses to start runts-\S+\.scope/,
  ],
  [
    'what is no value',
    { 'org.systemd.property.MemoryHigh': 'much' },
    /annotations\/org\.systemd\.property\.MemoryHigh.*not a value/,
  ],
];

for (const [name, annotations, message] of refused) {
  kernelTest(`${name} is refused`, async (t, kernel) => {
    const { status, stdout, stderr } = run(kernel, 'true', config => {
      config.annotations = annotations;
    });
    t.strictSame([status, stdout], [1, '']);
    t.match(stderr, message);
    t.equal(stderr.trim().split('\n').length, 1, 'in one line');
  });
}

kernelTest('a job that fails is told, and leaves nothing', async (t, kernel) => {
  execFileSync('systemctl', ['mask', '--runtime', '--now', 'runtsmasked.slice']);
  const { status, stderr } = run(kernel, 'true', config => {
    config.linux.cgroupsPath = `runtsmasked.slice:x:${kernel.token}`;
  });
  execFileSync('systemctl', ['unmask', '--runtime', 'runtsmasked.slice']);
  t.equal(status, 1);
  t.match(stderr, /systemd .*x-\S+\.scope/);
  t.equal(stderr.trim().split('\n').length, 1, 'in one line');
  isGone(t, `x-${kernel.token}.scope`, `${mount}/runtsmasked.slice/x-${kernel.token}.scope`);
});

kernelTest('a scope that lives is refused', async (t, kernel) => {
  const place: Modify = config => {
    config.linux.cgroupsPath = `:x:${kernel.token}`;
  };
  const id = create(kernel, place);
  const { status, stderr } = run(kernel, 'true', place);
  t.equal(status, 1);
  t.match(stderr, new RegExp(`x-${kernel.token}\\.scope`));
  t.equal(kernel.state(id).status, 'created', 'and goes on');
  kernel.remove(id);
});

kernelTest('devices stay denied and allowed when systemd reloads', async (t, kernel) => {
  const id = create(kernel, config => {
    config.linux.resources = { devices: [{ allow: false, access: 'rwm' }] };
    config.linux.devices = [{ path: '/dev/disk', type: 'b', major: 254, minor: 0 }];
  });
  kernel.ok(['start', id]);
  const look = () => kernel.exec(id, 'head -c 1 /dev/zero | wc -c; head -c 1 /dev/disk');
  const check = (when: string): void => {
    const { stdout, stderr } = look();
    t.equal(stdout, '1\n', `/dev/zero ${when}`);
    t.match(stderr, /not permitted/, `the disk ${when}`);
  };
  check('at first');
  reload();
  check('after a reload');
  kernel.remove(id);
});

kernelTest('a container that has ended: its scope is gone, delete works', async (t, kernel) => {
  const bundle = kernel.bundle(config => {
    config.process.args = ['true'];
  });
  const id = kernel.id();
  kernel.ok(['--systemd-cgroup', 'create', '--bundle', bundle, id]);
  kernel.ok(['start', id]);
  for (let i = 0; i < 100 && kernel.state(id).status !== 'stopped'; i++) execFileSync('sleep', ['0.1']);
  kernel.ok(['delete', id]);
  isGone(t, `runts-${id}.scope`, `${mount}/system.slice/runts-${id}.scope`);
});

kernelTest('a manager that does not answer', async (t, kernel) => {
  const bundle = kernel.bundle();
  const dead = `${kernel.directory}/dead`;
  const silent = `require('net').createServer().listen('${dead}')`;
  const { status, stderr } = kernel.runts(['--systemd-cgroup', 'run', '--bundle', bundle, kernel.id()], {
    timeout: 120_000,
    prefix: [
      'unshare',
      '--mount',
      'sh',
      '-c',
      `node -e "${silent}" & until [ -S ${dead} ]; do sleep 0.1; done; mount --bind ${dead} /run/systemd/private; ` +
        `mount --bind ${dead} /run/dbus/system_bus_socket; status=0; "$0" "$@" || status=$?; kill $!; exit $status`,
    ],
  });
  t.equal(status, 1);
  t.match(stderr, /the systemd cgroup manager needs a running systemd/);
});

kernelTest("a user's container in the user's session", async (t, kernel) => {
  const id = create(
    kernel,
    config => {
      config.linux.namespaces.push({ type: 'user' });
      config.linux.uidMappings = [{ containerID: 0, hostID: 1000, size: 1 }];
      config.linux.gidMappings = [{ containerID: 0, hostID: 1000, size: 1 }];
      for (const one of config.mounts) one.options = one.options?.filter(name => name !== 'gid=5') ?? [];
      config.linux.resources = {
        memory: { limit: 67108864 },
        pids: { limit: 42 },
        cpu: { quota: 50000, shares: 512 },
      };
      config.annotations = { 'org.systemd.property.TimeoutStopUSec': 'uint64 7000000' };
    },
    asTester,
  );
  const unit = `runts-${id}.scope`;
  const directory = `${mount}/user.slice/user-1000.slice/user@1000.service/user.slice/${unit}`;
  t.strictSame(
    show(
      unit,
      ['ActiveState', 'Slice', 'MemoryMax', 'TasksMax', 'CPUQuotaPerSecUSec', 'TimeoutStopUSec'],
      asTester,
    ),
    ['active', 'user.slice', '67108864', '42', '500ms', '7s'],
  );
  t.strictSame(
    ['memory.max', 'pids.max', 'cpu.max', 'cpu.weight'].map(file => read(`${directory}/${file}`)),
    ['67108864', '42', '50000 100000', '59'],
  );
  kernel.ok(['start', id], { prefix: asTester });
  const inside = kernel.runts(['exec', id, 'cat', '/sys/fs/cgroup/memory.max', '/proc/self/cgroup'], {
    prefix: inSession,
  });
  t.strictSame([inside.stderr, inside.stdout], ['', '67108864\n0::/\n'], 'seen from inside');
  const outside = kernel.runts(['exec', id, 'true'], { prefix: asTester });
  t.equal(outside.status, 255, 'a process of another session may not join');
  t.match(outside.stderr, /cgroup.*permission denied/);
  kernel.ok(['delete', '--force', id], { prefix: asTester });
  t.strictSame(show(unit, ['ActiveState', 'LoadState'], asTester), ['inactive', 'not-found']);
  t.notOk(existsSync(directory));
});
