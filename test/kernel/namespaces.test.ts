/** The namespaces and the cgroup of the default configuration, seen from inside and from outside. */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync, rmdirSync } from 'node:fs';
import { cgroupMount, cgroupOf, kernelTest, namespaceOf } from './harness.js';

/** Names in /proc/PID/ns by the word of config.json. */
const FILES = { pid: 'pid', network: 'net', ipc: 'ipc', uts: 'uts', mount: 'mnt', cgroup: 'cgroup' } as const;
const types = Object.keys(FILES) as (keyof typeof FILES)[];

kernelTest('each namespace is a new one', async (t, k) => {
  const names = types.map(type => FILES[type]);
  const inside = k
    .inside(`for name in ${names.join(' ')}; do readlink /proc/self/ns/$name; done`)
    .split('\n');
  for (const [at, name] of names.entries()) {
    t.match(inside[at], new RegExp(`^${name}:\\[\\d+\\]$`));
    t.not(inside[at], namespaceOf('self', name), name);
  }
  for (const name of ['user', 'time'])
    t.equal(
      k.inside(`readlink /proc/self/ns/${name}`).trim(),
      namespaceOf('self', name),
      `${name} is the host's`,
    );
});

for (const type of types.filter(type => type !== 'mount')) {
  kernelTest(`without a ${type} namespace in the configuration it is the host's`, async (t, k) => {
    const id = k.running(config => {
      config.linux.namespaces = config.linux.namespaces.filter(one => one.type !== type);
      // a hostname needs an uts namespace, a sysfs a network namespace
      if (type === 'uts') Reflect.deleteProperty(config, 'hostname');
    });
    const { pid } = k.state(id);
    for (const one of types)
      t.equal(namespaceOf(pid, FILES[one]) === namespaceOf('self', FILES[one]), one === type, one);
    k.remove(id);
  });
}

kernelTest('two containers share nothing', async (t, k) => {
  const [one, two] = [k.created(), k.created()];
  for (const type of types)
    t.not(namespaceOf(k.state(one).pid, FILES[type]), namespaceOf(k.state(two).pid, FILES[type]), type);
  k.remove(one, two);
});

kernelTest('a namespace path joins that namespace', async (t, k) => {
  const first = k.running();
  const { pid } = k.state(first);
  const id = k.running(config => {
    config.linux.namespaces = types.map(type =>
      type === 'mount' || type === 'cgroup' ? { type } : { type, path: `/proc/${pid}/ns/${FILES[type]}` },
    );
    Reflect.deleteProperty(config, 'hostname');
  });
  for (const type of types) {
    const shared = type !== 'mount' && type !== 'cgroup';
    t.equal(namespaceOf(k.state(id).pid, FILES[type]) === namespaceOf(pid, FILES[type]), shared, type);
  }
  t.match(k.exec(first, 'ls /proc').stdout, /^2$/m, 'the first sees the second in its pid namespace');
  k.remove(id, first);
});

kernelTest('a new pid namespace has the program as process 1', async (t, k) => {
  t.equal(k.inside('echo $$'), '1\n');
});

kernelTest('a new network namespace has a loopback that is up, and nothing else', async (t, k) => {
  const [names, flags, address] = k
    .inside('ls /sys/class/net; cat /sys/class/net/lo/flags; ifconfig lo | grep "inet addr"')
    .split('\n');
  t.equal(names, 'lo');
  t.equal(Number(flags) & 1, 1, 'IFF_UP');
  t.match(address, /127\.0\.0\.1/);
});

kernelTest('the same where there is one processor, and no second thread makes it ahead', async (t, k) => {
  const shown = 'readlink /proc/self/ns/net; cat /sys/class/net/lo/flags';
  const { status, stdout, stderr } = k.run(shown, undefined, { prefix: ['taskset', '-c', '0'] });
  t.match({ status, stderr }, { status: 0, stderr: '' });
  const [network, flags] = stdout.split('\n');
  t.match(network, /^net:\[\d+\]$/);
  t.not(network, readlinkSync('/proc/self/ns/net'));
  t.equal(flags, '0x9');
});

kernelTest('the hostname is set in the uts namespace only', async (t, k) => {
  const before = readFileSync('/proc/sys/kernel/hostname', 'utf8');
  t.equal(
    k.inside('hostname', config => void Object.assign(config, { hostname: 'some.name' })),
    'some.name\n',
  );
  t.equal(readFileSync('/proc/sys/kernel/hostname', 'utf8'), before);
});

kernelTest('the domainname is set in the uts namespace only', async (t, k) => {
  const before = readFileSync('/proc/sys/kernel/domainname', 'utf8');
  const set = (config: object) => void Object.assign(config, { domainname: 'example.org' });
  t.equal(k.inside('cat /proc/sys/kernel/domainname', set), 'example.org\n');
  t.equal(readFileSync('/proc/sys/kernel/domainname', 'utf8'), before);
});

kernelTest("the container's cgroup is the root of its cgroup namespace", async (t, k) => {
  t.equal(k.inside("sed -n 's/^0:://p' /proc/self/cgroup"), '/\n');
  t.equal(k.inside('cat /sys/fs/cgroup/cgroup.procs | head -n 1'), '1\n', 'and of what is mounted');
});

kernelTest('init is in its cgroup, which goes at delete', async (t, k) => {
  const id = k.created();
  const { pid } = k.state(id);
  t.equal(cgroupOf(pid), `/${id}`);
  t.equal(readFileSync(`${k.cgroup(id)}/cgroup.procs`, 'utf8'), `${pid}\n`);
  k.ok(['delete', id]);
  t.notOk(existsSync(k.cgroup(id)));
});

kernelTest('init is born in its cgroup', async (t, k) => {
  if (spawnSync('strace', ['-V']).error) {
    t.pass('strace is not installed', { skip: 'strace is not installed' });
    return;
  }
  const trace = `${k.directory}/strace`;
  const bundle = k.bundle(config => {
    config.process.args = ['true'];
  });
  const prefix = ['strace', '-f', '-qq', '-e', 'trace=clone3,write', '-o', trace];
  const options = { prefix, env: { ASAN_OPTIONS: 'detect_leaks=0' } }; // the leak checker cannot trace what is traced
  k.ok(['run', '--bundle', bundle, k.id()], options);
  const calls = readFileSync(trace, 'utf8');
  const [, flags, descriptor] = /clone3\(\{flags=(\S*CLONE_NEWNS\S*?),.*cgroup=(\d+)/.exec(calls) ?? [];
  t.match(flags, /CLONE_INTO_CGROUP/);
  t.ok(Number(descriptor) > 2);
  t.notMatch(calls, /cgroup\.procs/, 'nobody is moved there');
});

kernelTest('cgroupsPath says where the cgroup is, and what was made above it goes too', async (t, k) => {
  const path = `/${k.token}/a/b`;
  const id = k.created(config => {
    config.linux.cgroupsPath = path;
  });
  t.equal(cgroupOf(k.state(id).pid), path);
  k.ok(['delete', id]);
});

kernelTest('delete leaves the cgroups above it to those who share them', async (t, k) => {
  const [one, two] = ['a', 'b'].map(name =>
    k.created(config => {
      config.linux.cgroupsPath = `/${k.token}/${name}`;
    }),
  ) as [string, string];
  k.ok(['delete', one]);
  t.equal(cgroupOf(k.state(two).pid), `/${k.token}/b`);
  k.ok(['delete', two]);
  rmdirSync(`${cgroupMount()}/${k.token}`);
});

kernelTest('--cgroup-manager disabled makes no cgroup', async (t, k) => {
  const bundle = k.bundle();
  const id = k.id();
  k.ok(['--cgroup-manager', 'disabled', 'create', '--bundle', bundle, id]);
  t.equal(cgroupOf(k.state(id).pid), cgroupOf('self'));
  k.remove(id);
});
