/** Containers of an unprivileged user: a single id, and subordinate ids through newuidmap(1) and newgidmap(1). */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Test } from 'tap';
import {
  type Config,
  cgroupOf,
  type Kernel,
  kernelTest,
  namespaceOf,
  statusLine,
  withOwnMounts,
} from './harness.js';

/** nobody and nogroup */
const ID = 65_534;
// tap would have Node.js write into the project, which this user may not
const asNobody = [
  'env',
  '-u',
  'NODE_OPTIONS',
  'setpriv',
  '--reuid',
  `${ID}`,
  '--regid',
  `${ID}`,
  '--clear-groups',
  '--inh-caps=-all',
];

/** Why runts cannot be tried as another user: the project or Node.js may be in a directory of root's alone. */
function reasonToSkip(k: Kernel): string | undefined {
  if (spawnSync('setpriv', ['--version']).error) return 'setpriv is not installed';
  const { status } = spawnSync('env', [...asNobody.slice(1), ...k.host.argv, '--version']);
  return status === 0 ? undefined : 'user 65534 cannot reach runts';
}

/** The bundle's and the state's owner is the unprivileged user. */
function own(k: Kernel): void {
  chmodSync(k.directory, 0o755);
  execFileSync('chown', ['-R', `${ID}:${ID}`, k.directory]);
}

const map = (containerID: number, hostID: number, size = 1) => [{ containerID, hostID, size }];

/** What `runts spec --rootless` changes in the default configuration. */
function rootless(config: Config): void {
  config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'network');
  config.linux.namespaces.push({ type: 'user' });
  config.linux.uidMappings = map(0, ID);
  config.linux.gidMappings = map(0, ID);
  Reflect.deleteProperty(config.linux, 'resources');
  config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith('/sys'));
  for (const mount of config.mounts)
    mount.options = (mount.options ?? []).filter(option => option !== 'gid=5');
  config.mounts.push({
    destination: '/sys',
    source: '/sys',
    options: ['rbind', 'nosuid', 'noexec', 'nodev', 'ro'],
  });
}

type Modify = (config: Config, rootfs: string) => void;

/** A test as kernelTest, where runts is called by the unprivileged user. */
function rootlessTest(
  name: string,
  test: (t: Test, k: Kernel, make: (modify?: Modify, script?: string) => string) => Promise<void>,
): void {
  kernelTest(name, async (t, k) => {
    const skip = reasonToSkip(k);
    if (skip !== undefined) {
      t.pass(skip, { skip });
      return;
    }
    await test(t, k, (modify, script = 'exec sleep 1000') => {
      const bundle = k.bundle((config, rootfs) => {
        config.process.args = ['sh', '-c', script];
        rootless(config);
        modify?.(config, rootfs);
      });
      own(k);
      return bundle;
    });
  });
}

const options = { prefix: asNobody };

rootlessTest('a container of a single id works', async (t, k, make) => {
  const script =
    'id -u; id -g; hostname; echo $$; echo x >/dev/null; ls /sys/class/net | grep -c .; ls /dev/pts';
  const text = k.ok(['run', '--bundle', make(undefined, script), k.id()], options);
  t.match(text, /^0\n0\nrunts\n1\n\d+\nptmx\n$/);
});

rootlessTest('the maps have the one id, and setgroups is denied', async (t, k, make) => {
  const id = k.id();
  k.ok(['run', '--detach', '--bundle', make(), id], options);
  const { pid } = k.state(id);
  const words = (file: string) => readFileSync(`/proc/${pid}/${file}`, 'utf8').trim().split(/\s+/).join(' ');
  t.equal(words('uid_map'), `0 ${ID} 1`);
  t.equal(words('gid_map'), `0 ${ID} 1`);
  t.equal(words('setgroups'), 'deny');
  t.equal(statusLine(pid, 'Uid'), `${ID}\t`.repeat(4).trim());
  t.equal(cgroupOf(pid), cgroupOf('self'), 'without delegation it stays in the cgroup of its caller');
  k.ok(['delete', '--force', id], options);
});

rootlessTest('create, start, state, exec, kill and delete work', async (t, k, make) => {
  const id = k.id();
  k.ok(['create', '--bundle', make(), id], options);
  k.ok(['start', id], options);
  const { pid } = JSON.parse(k.ok(['state', id], options)) as { pid: number };
  const found = k.ok(
    ['exec', id, 'sh', '-c', 'id -u; readlink /proc/self/ns/user; readlink /proc/self/ns/mnt; ls /'],
    options,
  );
  const [uid, user, mnt, ...names] = found.trim().split('\n');
  t.strictSame([uid, user, mnt], ['0', namespaceOf(pid, 'user'), namespaceOf(pid, 'mnt')]);
  t.ok(names.includes('bin'));
  k.ok(['kill', id, 'KILL'], options);
  k.ok(['delete', '--force', id], options);
});

rootlessTest('groups stay as they are, and additional ones are refused', async (t, k, make) => {
  t.equal(k.ok(['run', '--bundle', make(undefined, 'id -G'), k.id()], options), '0\n');
  const bundle = make(config => {
    config.process.user = { uid: 0, gid: 0, additionalGids: [5] };
  });
  t.match(k.runts(['run', '--bundle', bundle, k.id()], options), {
    status: 1,
    stderr: /additionalGids.*setgroups is denied/,
  });
});

rootlessTest('where setgroups is denied already, groups stay as they are', async (t, k, make) => {
  // root of a user namespace of one id: nobody in it or below it may use setgroups(2)
  const prefix = [...asNobody, 'unshare', '--user', '--map-root-user', '--mount'];
  if (spawnSync(prefix[0]!, [...prefix.slice(1), 'true']).status !== 0) {
    t.pass('skipped', { skip: 'unshare --map-root-user does not work here' });
    return;
  }
  const own = (config: Config): void => {
    config.linux.uidMappings = map(0, 0);
    config.linux.gidMappings = map(0, 0);
  };
  t.equal(k.ok(['run', '--bundle', make(own, 'id -G'), k.id()], { prefix }), '0\n');
  const bundle = make(config => {
    own(config);
    config.process.user = { uid: 0, gid: 0, additionalGids: [5] };
  });
  t.match(k.runts(['run', '--bundle', bundle, k.id()], { prefix }), {
    status: 1,
    stderr: /additionalGids.*setgroups is denied/,
  });
});

rootlessTest('the user namespace of another container can be joined', async (t, k, make) => {
  const first = k.id();
  k.ok(['run', '--detach', '--bundle', make(), first], options);
  const { pid } = k.state(first);
  const bundle = make(config => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'user');
    config.linux.namespaces.push({ type: 'user', path: `/proc/${pid}/ns/user` });
    Reflect.deleteProperty(config.linux, 'uidMappings');
    Reflect.deleteProperty(config.linux, 'gidMappings');
    config.process.oomScoreAdj = 900;
  });
  const id = k.id();
  k.ok(['run', '--detach', '--bundle', bundle, id], options);
  t.equal(namespaceOf(k.state(id).pid, 'user'), namespaceOf(pid, 'user'));
  t.equal(k.ok(['exec', id, 'sh', '-c', 'id -G; cat /proc/1/oom_score_adj'], options), '0\n900\n');
  for (const one of [id, first]) k.ok(['delete', '--force', one], options);
});

rootlessTest('what cannot be mounted is refused, and nothing is left', async (t, k, make) => {
  const bundle = make(config => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'mount');
    config.linux.maskedPaths = config.linux.readonlyPaths = [];
  });
  t.match(k.runts(['run', '--bundle', bundle, k.id()], options), {
    status: 1,
    stderr: /root cannot be mounted .*add \{"type": "mount"\}/,
  });
});

rootlessTest('another id than 0 can be the one that is mapped', async (t, k, make) => {
  const bundle = make(config => {
    config.process.user = { uid: 1000, gid: 1000 };
    config.linux.uidMappings = map(1000, ID);
    config.linux.gidMappings = map(1000, ID);
  }, 'id -u; id -g; cat /proc/self/uid_map');
  const text = k.ok(['run', '--bundle', bundle, k.id()], options);
  t.match(text, new RegExp(`^1000\\n1000\\n +1000 +${ID} +1\\n$`));
});

rootlessTest('without a user namespace the message says what is missing', async (t, k, make) => {
  const bundle = make(config => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'user');
    Reflect.deleteProperty(config.linux, 'uidMappings');
    Reflect.deleteProperty(config.linux, 'gidMappings');
  });
  const { status, stderr } = k.runts(['run', '--bundle', bundle, k.id()], options);
  t.match({ status, stderr }, { status: 1, stderr: /needs a user namespace.*spec --rootless/ });
});

rootlessTest('what spec --rootless writes runs as it is', async (t, k, make) => {
  const bundle = make();
  rmSync(`${bundle}/config.json`);
  k.ok(['spec', '--rootless'], { ...options, cwd: bundle });
  const config = JSON.parse(readFileSync(`${bundle}/config.json`, 'utf8')) as Config;
  t.strictSame(config.linux.uidMappings, map(0, ID));
  config.process.args = ['sh', '-c', 'id -u; hostname'];
  config.process.terminal = false;
  writeFileSync(`${bundle}/config.json`, JSON.stringify(config));
  t.equal(k.ok(['run', '--bundle', bundle, k.id()], options), '0\nrunts\n');
});

rootlessTest('a network namespace of its own has a loopback that is up', async (t, k, make) => {
  const bundle = make(config => {
    config.linux.namespaces.push({ type: 'network' });
  }, 'ifconfig lo | grep -c "UP LOOPBACK"');
  t.equal(k.ok(['run', '--bundle', bundle, k.id()], options), '1\n');
});

rootlessTest('resources without delegation are refused', async (t, k, make) => {
  const bundle = make(config => {
    config.linux.resources = { pids: { limit: 10 } };
  });
  t.match(k.runts(['run', '--bundle', bundle, k.id()], options), {
    status: 1,
    stderr: /resources.*may not make cgroups/,
  });
});

rootlessTest('lowering the OOM score adjustment is explained', async (t, k, make) => {
  const bundle = make(config => {
    config.process.oomScoreAdj = -900;
  });
  t.match(k.runts(['run', '--bundle', bundle, k.id()], options), {
    status: 1,
    stderr: /oomScoreAdj.*permission denied.*CAP_SYS_RESOURCE/,
  });
});

/** Subordinate ids for the test's user, in files that only a mount namespace of the test sees. */
function subordinate(k: Kernel): string[] {
  const entry = `${ID}:200000:65536\n`;
  writeFileSync(`${k.directory}/subid`, entry);
  const script =
    'for file in subuid subgid; do test -e /etc/$file || : >/etc/$file; mount --bind "$1" /etc/$file; done; shift; exec "$@"';
  return withOwnMounts(script, `${k.directory}/subid`, ...asNobody);
}

const missing = ['newuidmap', 'newgidmap'].find(name => spawnSync(name).error);
const noHelpers = missing && `${missing} is not installed (Debian: uidmap)`;

const many = (config: Config): void => {
  const maps = [...map(0, ID), ...map(1, 200_000, 1000)];
  config.linux.uidMappings = maps;
  config.linux.gidMappings = maps;
};

rootlessTest('subordinate ids are mapped by newuidmap and newgidmap', async (t, k, make) => {
  if (noHelpers) {
    t.pass(noHelpers, { skip: noHelpers });
    return;
  }
  const bundle = make(config => {
    many(config);
    config.process.user = { uid: 5, gid: 6, additionalGids: [7] };
  });
  const prefix = subordinate(k);
  const id = k.id();
  k.ok(['run', '--detach', '--bundle', bundle, id], { prefix });
  const { pid } = k.state(id);
  t.equal(statusLine(pid, 'Uid'), '200004\t'.repeat(4).trim());
  t.equal(statusLine(pid, 'Gid'), '200005\t'.repeat(4).trim());
  t.equal(statusLine(pid, 'Groups')?.trim(), '200006');
  t.equal(readFileSync(`/proc/${pid}/setgroups`, 'utf8'), 'allow\n');
  t.equal(k.ok(['exec', '--user', '9:9', id, 'id'], options).trim(), 'uid=9 gid=9 groups=7');
  k.ok(['delete', '--force', id], options);
});

rootlessTest('subordinate ids that are not given to the user are refused', async (t, k, make) => {
  if (noHelpers) {
    t.pass(noHelpers, { skip: noHelpers });
    return;
  }
  const bundle = make(config => {
    config.linux.uidMappings = [...map(0, ID), ...map(1, 900_000, 1000)];
    config.linux.gidMappings = config.linux.uidMappings;
  });
  const { status, stderr } = k.runts(['run', '--bundle', bundle, k.id()], { prefix: subordinate(k) });
  t.match({ status, stderr }, { status: 1, stderr: /linux\/gidMappings/ });
});

rootlessTest('without newuidmap the message says what to install', async (t, k, make) => {
  const prefix = [...asNobody, 'env', 'PATH=/nowhere'];
  t.match(k.runts(['run', '--bundle', make(many), k.id()], { prefix }), {
    status: 1,
    stderr: /newuidmap and newgidmap.*uidmap/,
  });
});
