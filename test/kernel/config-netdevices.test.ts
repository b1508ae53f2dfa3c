/** linux.netDevices: an interface of the host's moves into the container with its addresses. */
import { spawnSync } from 'node:child_process';
import type { Test } from 'tap';
import { refused } from './config-tools.js';
import { type Config, type Kernel, kernelTest } from './harness.js';

const run = (...args: string[]) => spawnSync('ip', args, { encoding: 'utf8' });

/** ip(8), which must succeed. */
function ip(...args: string[]): string {
  const { status, stdout, stderr } = run(...args);
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`);
  return stdout;
}

let serial = 0;

/** A test with a pair of interfaces on the host; `name` is the one to move, whatever is left of them goes. */
function deviceTest(title: string, test: (t: Test, k: Kernel, name: string, peer: string) => void): void {
  kernelTest(title, async (t, k) => {
    if (spawnSync('ip', ['-V']).error) {
      t.pass('ip is not installed', { skip: 'ip is not installed (Debian: iproute2)' });
      return;
    }
    const token = `t${process.pid.toString(36)}${serial++}`;
    const [name, peer] = [`${token}a`, `${token}b`];
    ip('link', 'add', name, 'type', 'veth', 'peer', 'name', peer);
    try {
      test(t, k, name, peer);
    } finally {
      run('link', 'delete', peer);
    }
  });
}

const move = (devices: Record<string, { name?: string }>) => (config: Config) => {
  config.linux.netDevices = devices;
};

const show = (name: string) =>
  `cd /sys/class/net; ls | tr '\\n' ' '; cat ${name}/mtu ${name}/address ${name}/flags`;

deviceTest('a device moves with its MTU, its MAC and its addresses, and is up', (t, k, name, peer) => {
  ip('link', 'set', name, 'mtu', '1400', 'address', '02:00:00:00:12:34');
  ip('address', 'add', '192.0.2.1/24', 'broadcast', '192.0.2.255', 'dev', name);
  ip('address', 'add', '198.51.100.7/32', 'dev', name);
  ip('-6', 'address', 'add', '2001:db8::1/64', 'dev', name, 'nodad');
  const id = k.running(move({ [name]: {} }));
  const inside = (script: string) => k.exec(id, script).stdout;
  const [names, mtu, mac, flags] = inside(show(name))
    .replace(/ (?=\d)/, ' \n')
    .split('\n');
  t.equal(names, `lo ${name} `);
  t.equal(mtu, '1400');
  t.equal(mac, '02:00:00:00:12:34');
  t.equal(Number(flags) & 1, 1, 'IFF_UP');
  const { pid } = k.state(id);
  t.strictSame(addressesOf(pid, name), ['192.0.2.1/24', '198.51.100.7/32', '2001:db8::1/64']);
  t.not(run('link', 'show', name).status, 0, 'the host has it no more');
  t.equal(run('link', 'show', peer).status, 0, 'but its peer');
  k.remove(id);
});

/** Global addresses of a device in the network namespace of a process. */
function addressesOf(pid: number, name: string): string[] {
  const { stdout } = spawnSync(
    'nsenter',
    ['--net', '--target', `${pid}`, 'ip', '-json', 'address', 'show', 'dev', name, 'scope', 'global'],
    { encoding: 'utf8' },
  );
  const [device] = JSON.parse(stdout) as [{ addr_info: { local: string; prefixlen: number }[] }];
  return device.addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`).sort();
}

deviceTest('a device keeps all of its addresses', (t, k, name) => {
  const addresses = Array.from({ length: 100 }, (_, i) => `192.0.2.${i + 1}/32`);
  spawnSync('ip', ['-batch', '-'], { input: addresses.map(a => `address add ${a} dev ${name}\n`).join('') });
  const id = k.running(move({ [name]: {} }));
  t.strictSame(addressesOf(k.state(id).pid, name), addresses.sort());
  k.remove(id);
});

deviceTest('a device gets the name that it is given', (t, k, name) => {
  ip('address', 'add', '192.0.2.1/24', 'dev', name);
  const text = k.inside(
    'ls /sys/class/net; ifconfig eth7 | grep -o "inet addr:[0-9.]*"',
    move({ [name]: { name: 'eth7' } }),
  );
  t.equal(text, 'eth7\nlo\ninet addr:192.0.2.1\n');
});

deviceTest('two devices move, and change their names', (t, k, name, peer) => {
  const text = k.inside('ls /sys/class/net', move({ [name]: { name: 'one' }, [peer]: { name: 'two' } }));
  t.equal(text, 'lo\none\ntwo\n');
});

deviceTest('a name with "%d" gets the first number that is free', (t, k, name, peer) => {
  const text = k.inside('ls /sys/class/net', move({ [name]: { name: 'eth%d' }, [peer]: { name: 'eth%d' } }));
  t.equal(text, 'eth0\neth1\nlo\n');
});

deviceTest(
  'a device whose index is taken in the namespace is still the one that is set up',
  (t, k, name, peer) => {
    ip('address', 'add', '192.0.2.1/24', 'dev', name);
    const [index] = /^\d+/.exec(ip('link', 'show', name))!;
    const first = k.running();
    const { pid } = k.state(first);
    const inNetwork = [
      '--net',
      '--target',
      `${pid}`,
      'ip',
      'link',
      'add',
      'same',
      'index',
      index,
      'type',
      'veth',
    ];
    t.equal(spawnSync('nsenter', inNetwork).status, 0);
    const id = k.running(config => {
      move({ [name]: { name: 'moved' } })(config);
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'network');
      config.linux.namespaces.push({ type: 'network', path: `/proc/${pid}/ns/net` });
    });
    t.strictSame(addressesOf(pid, 'moved'), ['192.0.2.1/24']);
    t.strictSame(addressesOf(pid, 'same'), []);
    t.equal(run('link', 'show', peer).status, 0);
    k.remove(id, first);
  },
);

deviceTest('a name that is taken is refused, and the device stays on the host', (t, k, name) => {
  refused(t, k, /netDevices.*file exists/, move({ [name]: { name: 'lo' } }));
  t.equal(run('link', 'show', name).status, 0);
});

deviceTest('a device that is not there is named', (t, k) => {
  refused(t, k, /nosuchdev.*netDevices.*no such device/, move({ nosuchdev: {} }));
});

deviceTest('without a network namespace of its own a device cannot move', (t, k, name) => {
  refused(t, k, /netDevices.*network/, config => {
    move({ [name]: {} })(config);
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'network');
  });
  t.equal(run('link', 'show', name).status, 0);
});

deviceTest('names that no device can have are refused', (t, k, name) => {
  for (const bad of ['a/b', 'a b', 'x'.repeat(16), '..'])
    refused(t, k, /netDevices/, move({ [name]: { name: bad } }));
  t.equal(run('link', 'show', name).status, 0);
});

deviceTest('a device moves into a namespace that a user namespace owns', (t, k, name) => {
  const map = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  const text = k.inside('ls /sys/class/net', config => {
    move({ [name]: { name: 'eth0' } })(config);
    config.linux.namespaces.push({ type: 'user' });
    config.linux.uidMappings = map;
    config.linux.gidMappings = map;
  });
  t.equal(text, 'eth0\nlo\n');
});
