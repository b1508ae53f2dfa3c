/** linux.namespaces beyond the default ones: joined by path, time, none at all, and what is no namespace. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { allow, bystander, mountsOfProcess, parseMounts, refused } from './config-tools.js';
import { type Config, isGone, kernelTest, namespaceOf } from './harness.js';

/** Names in /proc/PID/ns by the word of config.json. */
const FILES = {
  pid: 'pid',
  network: 'net',
  ipc: 'ipc',
  uts: 'uts',
  cgroup: 'cgroup',
  time: 'time',
} as const;
type Type = keyof typeof FILES;
const types = Object.keys(FILES) as Type[];

/** Replaces the namespace of a type, or adds it. */
function setNamespace(config: Config, type: Type | 'mount' | 'user', path?: string): void {
  config.linux.namespaces = config.linux.namespaces.filter(one => one.type !== type);
  config.linux.namespaces.push(path === undefined ? { type } : { type, path });
}

for (const type of types) {
  kernelTest(`a ${type} namespace alone is joined by its path, all others are new`, async (t, k) => {
    const first = k.running(config => setNamespace(config, 'time'));
    const { pid } = k.state(first);
    const id = k.running(config => {
      setNamespace(config, 'time');
      setNamespace(config, type, `/proc/${pid}/ns/${FILES[type]}`);
      if (type === 'uts') Reflect.deleteProperty(config, 'hostname');
    });
    const joined = k.state(id).pid;
    for (const one of types)
      t.equal(namespaceOf(joined, FILES[one]) === namespaceOf(pid, FILES[one]), one === type, one);
    const within = k.exec(id, `readlink /proc/self/ns/${FILES[type]}`).stdout.trim();
    t.equal(within, namespaceOf(pid, FILES[type]), 'exec is in it, too');
    k.remove(id, first);
  });
}

kernelTest('a mount namespace is joined by its path', async (t, k) => {
  const other = await bystander(k, '--mount', '--propagation', 'private');
  const id = k.running(config => setNamespace(config, 'mount', `/proc/${other.pid}/ns/mnt`));
  t.equal(namespaceOf(k.state(id).pid, 'mnt'), namespaceOf(other.pid, 'mnt'));
  t.equal(k.exec(id, 'cat /etc/passwd | head -n 1').stdout, 'root:x:0:0:root:/root:/bin/sh\n');
  k.remove(id);
  await other.stop();
});

kernelTest('a namespace file may be a bind mount of one, as engines keep them', async (t, k) => {
  const file = `${k.directory}/network`;
  writeFileSync(file, '');
  const script = 'touch "$1"; mount --bind /proc/self/ns/net "$1"; shift; exec "$@"';
  const prefix = ['unshare', '--mount', '--net', '--propagation', 'private', 'sh', '-c', script, 'sh', file];
  const inside = k.inside('readlink /proc/self/ns/net', config => setNamespace(config, 'network', file), {
    prefix,
  });
  t.match(inside, /^net:\[\d+\]\n$/);
  t.not(inside.trim(), namespaceOf('self', 'net'));
});

kernelTest('a namespace that is the own one is joined without a word', async (t, k) => {
  for (const type of types) {
    const found = k.inside(`readlink /proc/self/ns/${FILES[type]}`, config => {
      setNamespace(config, type, `/proc/self/ns/${FILES[type]}`);
      if (type === 'uts') Reflect.deleteProperty(config, 'hostname');
      if (type === 'pid') config.mounts = config.mounts.filter(mount => mount.type !== 'proc');
      if (type === 'pid') config.mounts.push({ destination: '/proc', source: '/proc', options: ['rbind'] });
    });
    t.equal(found.trim(), namespaceOf('self', FILES[type]), type);
  }
});

kernelTest('a path of another kind of namespace is refused', async (t, k) => {
  for (const type of types) {
    const other = type === 'ipc' ? 'uts' : 'ipc';
    refused(t, k, new RegExp(`/proc/self/ns/${other} is a namespace of another type`), config =>
      setNamespace(config, type, `/proc/self/ns/${other}`),
    );
  }
});

kernelTest('a path that is no namespace is refused', async (t, k) => {
  execFileSync('mkfifo', [`${k.directory}/fifo`]);
  const paths: [string, RegExp][] = [
    ['/etc/passwd', /\/etc\/passwd is not a namespace/],
    [k.directory, /is not a namespace/],
    ['/dev/null', /\/dev\/null is not a namespace/],
    [`${k.directory}/fifo`, /fifo is not a namespace/],
    ['/not/there', /\/not\/there.*no such file or directory/],
  ];
  for (const [path, message] of paths)
    refused(t, k, message, config => setNamespace(config, 'network', path), { timeout: 10_000 });
});

kernelTest('the same kind twice is refused', async (t, k) => {
  refused(t, k, /linux.namespaces.*one entry for each type/, config =>
    config.linux.namespaces.push({ type: 'ipc' }),
  );
});

kernelTest("a container in another one's pid namespace ends alone", async (t, k) => {
  const first = k.running();
  const { pid } = k.state(first);
  const join = (config: Config) => setNamespace(config, 'pid', `/proc/${pid}/ns/pid`);
  t.not(k.inside('echo $$', join).trim(), '1', 'it is not process 1 there');
  const second = k.running(join, 'sleep 1000 & wait');
  const ended = k.state(second).pid;
  k.remove(second);
  t.ok(isGone(ended));
  t.equal(k.state(first).status, 'running');
  t.notMatch(k.exec(first, 'ps').stdout, /sleep 1000 & wait/, 'nothing of it is left there');
  k.remove(first);
});

/** Seconds since boot, from /proc/uptime */
const uptime = (text: string): number => Number(text.split(' ')[0]);

kernelTest('a time namespace has its own boot time', async (t, k) => {
  const day = 86_400;
  for (const withPid of [true, false]) {
    const id = k.running(config => {
      setNamespace(config, 'time');
      config.linux.timeOffsets = { boottime: { secs: 10 * day }, monotonic: { secs: day, nanosecs: 5 } };
      if (!withPid) config.linux.namespaces = config.linux.namespaces.filter(one => one.type !== 'pid');
    });
    const here = uptime(readFileSync('/proc/uptime', 'utf8'));
    const there = uptime(k.exec(id, 'cat /proc/uptime').stdout);
    t.ok(Math.abs(there - here - 10 * day) < 60, `${there} is ten days later than ${here}`);
    const words = readFileSync(`/proc/${k.state(id).pid}/timens_offsets`, 'utf8')
      .trim()
      .split(/\s+/);
    t.strictSame(words, ['monotonic', `${day}`, '5', 'boottime', `${10 * day}`, '0']);
    t.not(namespaceOf(k.state(id).pid, 'time'), namespaceOf('self', 'time'));
    k.remove(id);
  }
});

kernelTest('time offsets may be negative, as long as the clock stays above zero', async (t, k) => {
  const modify = (secs: number) => (config: Config) => {
    setNamespace(config, 'time');
    config.linux.timeOffsets = { boottime: { secs } };
  };
  const before = uptime(readFileSync('/proc/uptime', 'utf8'));
  t.ok(uptime(k.inside('cat /proc/uptime', modify(-5))) < before);
  refused(t, k, /timeOffsets/, modify(-4_000_000_000));
});

kernelTest('time offsets without a time namespace are refused', async (t, k) => {
  refused(t, k, /timeOffsets/, config => {
    config.linux.timeOffsets = { boottime: { secs: 5 } };
  });
});

/** No namespaces at all: then there can be neither mounts nor names of its own. */
function bare(config: Config): void {
  config.linux.namespaces = [];
  config.mounts = [];
  config.linux.maskedPaths = [];
  config.linux.readonlyPaths = [];
  config.root.readonly = false;
  Reflect.deleteProperty(config, 'hostname');
}

kernelTest('without any namespace the root is changed, and nothing else', async (t, k) => {
  const id = k.running(bare);
  const { pid, rootfs } = k.state(id);
  for (const name of ['pid', 'net', 'ipc', 'uts', 'mnt', 'cgroup', 'user', 'time'])
    t.equal(namespaceOf(pid, name), namespaceOf('self', name), name);
  t.equal(execFileSync('readlink', [`/proc/${pid}/root`], { encoding: 'utf8' }).trim(), rootfs);
  t.strictSame(k.exec(id, 'ls /').stdout.trim().split('\n'), readdirSync(rootfs).sort(), 'also for exec');
  t.equal(k.exec(id, 'cd ..; pwd; ls /../../etc/passwd').stdout, '/\n/../../etc/passwd\n');
  k.remove(id);
});

kernelTest("without a mount namespace the mounts are the inherited one's, and go at delete", async (t, k) => {
  const mounted = () =>
    parseMounts(mountsOfProcess('self')).filter(({ target }) => target.startsWith(k.directory));
  const id = k.running(config => {
    const { mounts } = config;
    bare(config);
    config.mounts = mounts.filter(({ destination }) => destination === '/proc' || destination === '/dev');
    config.root.readonly = true;
  });
  const { rootfs } = k.state(id);
  t.strictSame(
    mounted().map(({ target }) => target.slice(rootfs.length)),
    ['', '/proc', '/dev'],
  );
  t.equal(k.exec(id, 'touch /file').status, 1, 'the root is read-only');
  t.equal(k.exec(id, 'echo x >/dev/null; cat /proc/self/comm').stdout, 'cat\n');
  k.remove(id);
  t.strictSame(mounted(), []);
});

kernelTest('linux may have no namespaces member, or not be there', async (t, k) => {
  for (const part of ['namespaces', 'linux'] as const) {
    const text = k.inside('echo $$; echo here', config => {
      bare(config);
      Reflect.deleteProperty(part === 'linux' ? config : config.linux, part);
    });
    t.match(text, /^\d{2,}\nhere\n$/, 'a pid of the host');
  }
});

kernelTest('what needs a namespace is refused without it', async (t, k) => {
  const cases: [RegExp, (config: Config) => void][] = [
    [/hostname.*uts/, config => void Object.assign(config, { hostname: 'name' })],
    [/domainname.*uts|domain name.*uts/, config => void Object.assign(config, { domainname: 'name' })],
    [/maskedPaths.*mount/, config => void config.linux.maskedPaths.push('/etc/passwd')],
    [/readonlyPaths.*mount/, config => void config.linux.readonlyPaths.push('/etc')],
  ];
  for (const [message, change] of cases)
    refused(t, k, message, config => {
      bare(config);
      change(config);
    });
});

kernelTest(
  'the host keeps its hostname when the uts namespace is joined by a container with a name',
  async (t, k) => {
    const other = await bystander(k, '--uts');
    const before = readFileSync('/proc/sys/kernel/hostname', 'utf8');
    const name = k.inside('hostname', config => {
      setNamespace(config, 'uts', `/proc/${other.pid}/ns/uts`);
      Object.assign(config, { hostname: 'joined' });
    });
    t.equal(name, 'joined\n');
    t.equal(readFileSync('/proc/sys/kernel/hostname', 'utf8'), before);
    await other.stop();
  },
);

kernelTest('a container may make namespaces of its own when it has the right', async (t, k) => {
  const text = k.inside('busybox unshare -u hostname nested; hostname', config =>
    allow(config, 'CAP_SYS_ADMIN'),
  );
  t.equal(text, 'runts\n');
});
