/** A user namespace made or joined by root: id maps, ownership, exec, what is refused and why. */
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { asNamespaceRoot, bystander, MAPPED, refused } from './config-tools.js';
import { type Config, type Kernel, kernelTest, namespaceOf, statusLine, withOwnMounts } from './harness.js';

const FIRST = MAPPED;
const MAP = [{ containerID: 0, hostID: FIRST, size: 65_536 }];

/** A new user namespace; its root must be able to reach the bundle. */
function inUser(k: Kernel, change?: (config: Config, rootfs: string) => void) {
  chmodSync(k.directory, 0o755);
  return (config: Config, rootfs: string): void => {
    config.linux.namespaces.push({ type: 'user' });
    config.linux.uidMappings = MAP;
    config.linux.gidMappings = MAP;
    change?.(config, rootfs);
  };
}

kernelTest('ids are mapped as the configuration says', async (t, k) => {
  const id = k.running(
    inUser(k, config => {
      config.linux.uidMappings = [
        { containerID: 0, hostID: 100_000, size: 1000 },
        { containerID: 1000, hostID: 5000, size: 1 },
      ];
      config.linux.gidMappings = [
        { containerID: 0, hostID: 200_000, size: 10 },
        { containerID: 1000, hostID: 6000, size: 5 },
      ];
    }),
  );
  const { pid } = k.state(id);
  const map = (file: string) =>
    readFileSync(`/proc/${pid}/${file}`, 'utf8')
      .trim()
      .split('\n')
      .map(line => line.trim().split(/\s+/).map(Number));
  t.strictSame(map('uid_map'), [
    [0, 100_000, 1000],
    [1000, 5000, 1],
  ]);
  t.strictSame(map('gid_map'), [
    [0, 200_000, 10],
    [1000, 6000, 5],
  ]);
  t.equal(readFileSync(`/proc/${pid}/setgroups`, 'utf8'), 'allow\n');
  t.equal(statusLine(pid, 'Uid'), '100000\t100000\t100000\t100000');
  t.equal(statusLine(pid, 'Gid'), '200000\t200000\t200000\t200000');
  t.not(namespaceOf(pid, 'user'), namespaceOf('self', 'user'));
  k.remove(id);
});

kernelTest('the default configuration works in a user namespace', async (t, k) => {
  const text = k.inside(
    'id -u; id -g; echo x >/dev/null; head -c 3 /dev/zero | wc -c; head -c 3 /dev/urandom | wc -c; ls /dev/pts; hostname; cat /sys/class/net/lo/ifindex; stat -f -c %T /proc /sys /dev/shm /dev/mqueue',
    inUser(k),
  );
  t.equal(text, '0\n0\n3\n3\nptmx\nrunts\n1\nproc\nsysfs\ntmpfs\nUNKNOWN\n');
});

kernelTest('files made inside belong to the mapped user outside', async (t, k) => {
  mkdirSync(`${k.directory}/data`);
  chmodSync(`${k.directory}/data`, 0o777);
  const modify = inUser(k, config => {
    config.mounts.push({ destination: '/tmp', source: `${k.directory}/data`, options: ['bind'] });
  });
  k.inside('touch /tmp/root', modify);
  k.inside('touch /tmp/user', (config, rootfs) => {
    modify(config, rootfs);
    config.process.user = { uid: 1000, gid: 2000, additionalGids: [3000] };
  });
  const owner = (name: string) => {
    const { uid, gid } = statSync(`${k.directory}/data/${name}`);
    return [uid, gid];
  };
  t.strictSame(owner('root'), [FIRST, FIRST]);
  t.strictSame(owner('user'), [FIRST + 1000, FIRST + 2000]);
});

kernelTest("a file of the real root is nobody's inside and cannot be read", async (t, k) => {
  writeFileSync(`${k.directory}/secret`, 'secret', { mode: 0o600 });
  const outcome = k.run(
    'stat -c %u:%g /etc/group; cat /etc/group',
    inUser(k, config => {
      config.mounts.push({ destination: '/etc/group', source: `${k.directory}/secret`, options: ['bind'] });
    }),
  );
  t.match(outcome, { status: 1, stdout: '65534:65534\n', stderr: /Permission denied/ });
});

kernelTest('a bind source that only the real root can reach is mounted all the same', async (t, k) => {
  mkdirSync(`${k.directory}/closed/open`, { recursive: true });
  writeFileSync(`${k.directory}/closed/open/file`, 'reached\n');
  chmodSync(`${k.directory}/closed`, 0o700);
  const text = k.inside(
    'cat /tmp/file',
    inUser(k, config => {
      config.mounts.push({ destination: '/tmp', source: `${k.directory}/closed/open`, options: ['bind'] });
    }),
  );
  t.equal(text, 'reached\n');
});

kernelTest('additional groups are those of the namespace', async (t, k) => {
  const text = k.inside(
    'id -G',
    inUser(k, config => {
      config.process.user = { uid: 1000, gid: 1000, additionalGids: [7, 2000] };
    }),
  );
  t.equal(text, '1000 7 2000\n');
});

kernelTest('exec is in the user namespace, with its ids and its capabilities only', async (t, k) => {
  const id = k.running(inUser(k));
  const { pid } = k.state(id);
  t.equal(k.exec(id, 'readlink /proc/self/ns/user').stdout.trim(), namespaceOf(pid, 'user'));
  t.equal(k.exec(id, 'id -u; id -g').stdout, '0\n0\n');
  t.equal(k.exec(id, 'id -u; id -g', ['--user', '1000:7']).stdout, '1000\n7\n');
  t.match(k.exec(id, 'echo x >/proc/sys/kernel/core_pattern').status, 1);
  k.remove(id);
});

kernelTest('an own user that is not mapped is refused', async (t, k) => {
  refused(
    t,
    k,
    /process\/user .*an id is not mapped/,
    inUser(k, config => {
      config.process.user = { uid: 70_000, gid: 0 };
    }),
  );
});

kernelTest('a new user namespace without mappings is refused', async (t, k) => {
  for (const name of ['uidMappings', 'gidMappings'] as const)
    refused(
      t,
      k,
      new RegExp(name),
      inUser(k, config => Reflect.deleteProperty(config.linux, name)),
    );
});

kernelTest('mappings without a user namespace are refused', async (t, k) => {
  refused(t, k, /uidMappings|user namespace/, config => {
    config.linux.uidMappings = MAP;
    config.linux.gidMappings = MAP;
  });
});

kernelTest('mappings that overlap are refused by the kernel, and the message says where', async (t, k) => {
  refused(
    t,
    k,
    /uidMappings/,
    inUser(k, config => {
      config.linux.uidMappings = [...MAP, { containerID: 5, hostID: 300_000, size: 1 }];
    }),
  );
});

kernelTest('root need not be mapped', async (t, k) => {
  const map = [{ containerID: 1000, hostID: FIRST, size: 10 }];
  const id = k.running(
    inUser(k, (config, rootfs) => {
      config.linux.uidMappings = map;
      config.linux.gidMappings = map;
      config.process.user = { uid: 1001, gid: 1002 };
      config.mounts = config.mounts.filter(({ destination }) => destination === '/proc');
      config.linux.devices = [];
      config.root.readonly = false;
      for (const name of ['', '/dev', '/proc']) chownSync(`${rootfs}${name}`, FIRST, FIRST);
    }),
  );
  t.equal(statusLine(k.state(id).pid, 'Uid'), `${FIRST + 1}\t`.repeat(4).trim());
  t.equal(k.exec(id, 'id -u; id -g').stdout, '1001\n1002\n');
  k.remove(id);
});

kernelTest('a user namespace is joined by its path, with namespaces of its own below it', async (t, k) => {
  const other = await bystander(k, '--user');
  chmodSync(k.directory, 0o755);
  const id = k.running(config => {
    config.linux.namespaces.push({ type: 'user', path: `/proc/${other.pid}/ns/user` });
  });
  const { pid } = k.state(id);
  t.equal(namespaceOf(pid, 'user'), namespaceOf(other.pid, 'user'));
  t.equal(statusLine(pid, 'Uid'), `${FIRST}\t`.repeat(4).trim());
  for (const name of ['pid', 'net', 'ipc', 'uts', 'mnt', 'cgroup'])
    t.not(namespaceOf(pid, name), namespaceOf('self', name), name);
  t.equal(k.exec(id, 'hostname; echo $$ >/dev/null; id -u').stdout, 'runts\n0\n');
  k.remove(id);
  await other.stop();
});

kernelTest('a container joins the user namespace and all others of another container', async (t, k) => {
  const first = k.running(inUser(k));
  const { pid } = k.state(first);
  const files: [NonNullable<Config['linux']['namespaces']>[number]['type'], string][] = [
    ['user', 'user'],
    ['network', 'net'],
    ['ipc', 'ipc'],
    ['uts', 'uts'],
    ['pid', 'pid'],
  ];
  const id = k.running(config => {
    config.linux.namespaces = [{ type: 'mount' }, { type: 'cgroup' }];
    for (const [type, file] of files) config.linux.namespaces.push({ type, path: `/proc/${pid}/ns/${file}` });
    Reflect.deleteProperty(config, 'hostname');
  });
  for (const [, file] of files) t.equal(namespaceOf(k.state(id).pid, file), namespaceOf(pid, file), file);
  t.not(namespaceOf(k.state(id).pid, 'mnt'), namespaceOf(pid, 'mnt'));
  t.equal(k.exec(id, 'hostname; id -u').stdout, 'runts\n0\n');
  k.remove(id, first);
});

kernelTest(
  'a network namespace of the host is joined by a container with a new user namespace',
  async (t, k) => {
    const other = await bystander(k, '--net');
    const text = k.inside(
      'readlink /proc/self/ns/net; cat /sys/class/net/lo/ifindex; echo $$',
      inUser(k, config => {
        config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'network');
        config.linux.namespaces.push({ type: 'network', path: `/proc/${other.pid}/ns/net` });
      }),
    );
    t.equal(text, `${namespaceOf(other.pid, 'net')}\n1\n1\n`);
    await other.stop();
  },
);

kernelTest('what belongs to another user namespace is refused with the reason', async (t, k) => {
  const without = (type: string) => (config: Config) => {
    config.linux.namespaces = config.linux.namespaces.filter(one => one.type !== type);
    if (type === 'mount') config.linux.maskedPaths = config.linux.readonlyPaths = [];
  };
  const theirs = await bystander(k, '--user', '--uts');
  const ours = await bystander(k, '--uts');
  const joins = (path: string) => (config: Config) => {
    without('uts')(config);
    config.linux.namespaces.push({ type: 'uts', path });
  };
  refused(t, k, /proc .*needs \{"type": "pid"\}/, inUser(k, without('pid')));
  refused(t, k, /mqueue .*needs \{"type": "ipc"\}/, inUser(k, without('ipc')));
  refused(t, k, /root cannot be mounted .*add \{"type": "mount"\}/, inUser(k, without('mount')));
  refused(t, k, /join .*uts .*join that one, too/, inUser(k, joins(`/proc/${theirs.pid}/ns/uts`)));
  refused(t, k, /hostname .*uts namespace does not belong/, inUser(k, joins(`/proc/${ours.pid}/ns/uts`)));
  await theirs.stop();
  await ours.stop();
});

kernelTest('a user namespace that denies setgroups is joined, and entered, without groups', async (t, k) => {
  const other = await bystander(k, '--user', '--setgroups', 'deny');
  const join = (config: Config) => {
    config.linux.namespaces.push({ type: 'user', path: `/proc/${other.pid}/ns/user` });
  };
  const prefix = ['setpriv', '--groups', '0,5,7'];
  const bundle = k.bundle(config => {
    join(config);
    config.process.args = ['sleep', '1000'];
  });
  const id = k.id();
  k.ok(['create', '--bundle', bundle, id], { prefix });
  k.ok(['start', id]);
  const groups = k.exec(id, 'grep -h Groups: /proc/1/status /proc/self/status', [], { prefix }).stdout;
  t.equal(groups, 'Groups:\t \n'.repeat(2), "the caller's groups are not kept");
  refused(t, k, /setgroups.*no additional groups/, config => {
    join(config);
    config.process.user.additionalGids = [5];
  });
  k.remove(id);
  await other.stop();
});

kernelTest('in our own user namespace what cannot be new is bound as well', async (t, k) => {
  const without = (type: string) => (config: Config) => {
    config.linux.namespaces = config.linux.namespaces.filter(one => one.type !== type);
    Reflect.deleteProperty(config.linux, 'resources');
  };
  const type = (path: string) => `stat -f -c %t ${path}`;
  t.equal(
    k.inside(type('/sys/fs/cgroup'), without('cgroup'), { prefix: [...asNamespaceRoot] }),
    '63677270\n',
  );
  t.equal(k.inside(type('/sys'), without('network'), { prefix: [...asNamespaceRoot] }), '62656572\n');
});

kernelTest("without a network namespace /sys is the host's, read-only", async (t, k) => {
  const text = k.inside(
    'ls -d /sys/class/net/lo; touch /sys/x 2>/dev/null || echo read-only; awk \'$5 == "/sys" { print $6 }\' /proc/self/mountinfo',
    inUser(k, config => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'network');
    }),
  );
  t.match(text, /^\/sys\/class\/net\/lo\nread-only\nro,/);
});

kernelTest("without a cgroup namespace the cgroup mount shows the host's", async (t, k) => {
  const text = k.inside(
    'stat -f -c %t /sys/fs/cgroup; test -e /sys/fs/cgroup/cgroup.procs && echo there',
    inUser(k, config => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'cgroup');
    }),
  );
  t.equal(text, '63677270\nthere\n');
});

kernelTest('the cgroup mount shows the own cgroup', async (t, k) => {
  const script = 'head -n 1 /sys/fs/cgroup/cgroup.procs; grep ^0: /proc/self/cgroup';
  t.equal(k.inside(script, inUser(k)), '1\n0::/\n');
});

kernelTest('a bind mount of a file system with locked flags keeps them, or says why not', async (t, k) => {
  const directory = `${k.directory}/locked`;
  mkdirSync(directory);
  const script = `mount -t tmpfs -o ro,nosuid,nodev,noexec locked ${directory}; exec "$@"`;
  // the flags are locked in a mount namespace that a user namespace owns, so runts has to start in one
  const prefix = withOwnMounts(script, ...asNamespaceRoot);
  const bind = (...options: string[]) =>
    inUser(k, config => {
      config.mounts = config.mounts.filter(({ type }) => type !== 'cgroup' && type !== 'sysfs');
      config.mounts.push({ destination: '/tmp', source: directory, options: ['bind', ...options] });
    });
  const flags = 'awk \'$5 == "/tmp" { print $6 }\' /proc/self/mountinfo';
  t.match(k.inside(flags, bind('ro', 'nosuid', 'nodev', 'noexec'), { prefix }), /^ro,nosuid,nodev,noexec/);
  t.match(k.inside(flags, bind(), { prefix }), /^ro,nosuid,nodev,noexec/, 'nothing asked, nothing changed');
  refused(t, k, /mounts\/\d.*operation not permitted.*locked/, bind('rw'), { prefix });
  refused(t, k, /mounts\/\d.*operation not permitted.*locked/, bind('exec'), { prefix });
});

kernelTest("a device that the configuration adds is the host's", async (t, k) => {
  const text = k.inside(
    'stat -c "%t:%T" /dev/kmsg',
    inUser(k, config => {
      config.linux.devices = [{ type: 'c', path: '/dev/kmsg', major: 1, minor: 11 }];
    }),
  );
  t.equal(text, '1:b\n');
});
