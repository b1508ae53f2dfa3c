/** linux.cgroupsPath, linux.resources.unified and who owns the cgroup, as far as a machine without controllers shows it. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { bystander, refused } from './config-tools.js';
import { type Config, cgroupMount, cgroupOf, kernelTest } from './harness.js';

const mount = cgroupMount() ?? '';
const controllers = mount === '' ? '' : readFileSync(`${mount}/cgroup.controllers`, 'utf8');

const at = (path: string) => (config: Config) => {
  config.linux.cgroupsPath = path;
};

/** The cgroup above ours, where relative paths start. */
const parent = () => (cgroupOf('self') ?? '/').replace(/\/[^/]*$/, '');

kernelTest(
  'a cgroupsPath is absolute below the mount, or relative to the cgroup above that of the caller',
  async (t, k) => {
    const paths: [path: string, expected: string][] = [
      [`/${k.token}-a`, `/${k.token}-a`],
      [`/${k.token}-b/deep/er`, `/${k.token}-b/deep/er`],
      [`${k.token}-c/deep`, `${parent()}/${k.token}-c/deep`],
      [`/${k.token}-d//deep/`, `/${k.token}-d/deep`],
    ];
    for (const [path, expected] of paths) {
      const id = k.running(at(path));
      t.equal(cgroupOf(k.state(id).pid), expected, path);
      t.match(k.exec(id, 'cat /proc/self/cgroup').stdout, /^0::\/$/m, 'exec is in it');
      k.remove(id);
      t.notOk(existsSync(`${mount}${expected}`));
    }
  },
);

kernelTest('without cgroupsPath it is named after the container', async (t, k) => {
  for (const path of ['', undefined]) {
    const id = k.running(config => void (path !== undefined && at(path)(config)));
    t.equal(cgroupOf(k.state(id).pid), `${parent()}/${id}`);
    k.remove(id);
  }
});

kernelTest('a cgroup that is there and empty is used, and stays', async (t, k) => {
  const path = `/${k.token}-own`;
  mkdirSync(`${mount}${path}`);
  const id = k.running(at(path));
  t.equal(cgroupOf(k.state(id).pid), path);
  k.remove(id);
  t.ok(existsSync(`${mount}${path}`), 'it was not ours');
  rmdirSync(`${mount}${path}`);
});

kernelTest('a cgroup with processes is refused', async (t, k) => {
  const path = `/${k.token}-full`;
  mkdirSync(`${mount}${path}`);
  const other = await bystander(k, '--uts');
  writeFileSync(`${mount}${path}/cgroup.procs`, `${other.pid}`);
  refused(t, k, /cgroupsPath.*has processes already/, at(path));
  await other.stop();
  rmdirSync(`${mount}${path}`);
});

kernelTest('a cgroup with processes further down is refused', async (t, k) => {
  const path = `/${k.token}-full`;
  mkdirSync(`${mount}${path}/below`, { recursive: true });
  const other = await bystander(k, '--uts');
  writeFileSync(`${mount}${path}/below/cgroup.procs`, `${other.pid}`);
  refused(t, k, /cgroupsPath.*has processes already/, at(path));
  await other.stop();
  rmdirSync(`${mount}${path}/below`);
  rmdirSync(`${mount}${path}`);
});

kernelTest('a frozen cgroup is refused', async (t, k) => {
  const path = `/${k.token}-frozen`;
  mkdirSync(`${mount}${path}`);
  writeFileSync(`${mount}${path}/cgroup.freeze`, '1');
  refused(t, k, /cgroupsPath.*frozen/, at(path), { timeout: 10_000 });
  rmdirSync(`${mount}${path}`);
});

kernelTest('below a frozen cgroup, too', async (t, k) => {
  const path = `/${k.token}-frozen`;
  mkdirSync(`${mount}${path}`);
  writeFileSync(`${mount}${path}/cgroup.freeze`, '1');
  refused(t, k, /cgroupsPath.*frozen/, at(`${path}/below`), { timeout: 10_000 });
  t.strictSame(
    readdirSync(`${mount}${path}`, { withFileTypes: true }).filter(entry => entry.isDirectory()),
    [],
    'nothing is left in it',
  );
  rmdirSync(`${mount}${path}`);
});

kernelTest('unified keys are written as they are', async (t, k) => {
  const unified: Record<string, string> = { 'cgroup.max.descendants': '7', 'cgroup.max.depth': '3' };
  if (controllers.includes('hugetlb')) unified['hugetlb.2MB.max'] = '4194304';
  const id = k.running(config => {
    config.linux.resources.unified = unified;
  });
  for (const [file, value] of Object.entries(unified))
    t.equal(readFileSync(`${k.cgroup(id)}/${file}`, 'utf8'), `${value}\n`, file);
  k.remove(id);
});

kernelTest('unified keys that are not there, or are no file names, are refused', async (t, k) => {
  const keys: [key: string, value: string, message: RegExp][] = [
    ['cgroup.no_such', '1', /unified.*cgroup\.no_such in config\.json\): this kernel does not have it/],
    ['cgroup.freeze', '1', /unified\/cgroup\.freeze/],
    ['cgroup.procs', '0', /unified\/cgroup\.procs/],
    ['cgroup.max.depth', 'nonsense', /unified.*cgroup\.max\.depth.*invalid argument/],
    ['../cgroup.procs', '1', /unified/],
    ['a/b', '1', /unified/],
    ['', '1', /unified/],
    ['memory.nothing', '1', /unified.*memory\.nothing/],
  ];
  for (const [key, value, message] of keys)
    refused(t, k, message, config => {
      config.linux.resources.unified = { [key]: value };
    });
});

kernelTest('checkBeforeUpdate has nothing to check in a cgroup without processes', async (t, k) => {
  const text = k.inside('echo it runs', config => {
    config.linux.resources = { memory: { checkBeforeUpdate: true } };
  });
  t.equal(text, 'it runs\n');
});

kernelTest('hugepage limits', async (t, k) => {
  const sizes = existsSync('/sys/kernel/mm/hugepages') ? readdirSync('/sys/kernel/mm/hugepages') : [];
  if (!controllers.includes('hugetlb') || !sizes.includes('hugepages-2048kB')) {
    t.pass('cgroup v2 has no hugetlb controller here', { skip: 'cgroup v2 has no hugetlb controller here' });
    return;
  }
  const id = k.running(config => {
    config.linux.resources.hugepageLimits = [{ pageSize: '2MB', limit: 4_194_304 }];
  });
  t.equal(readFileSync(`${k.cgroup(id)}/hugetlb.2MB.max`, 'utf8'), '4194304\n');
  t.equal(readFileSync(`${k.cgroup(id)}/hugetlb.2MB.rsvd.max`, 'utf8'), '4194304\n');
  k.remove(id);
});

kernelTest('a limit of a controller that is not there is refused', async (t, k) => {
  if (controllers.includes('pids')) {
    t.pass('pids is there', { skip: 'this machine has the pids controller' });
    return;
  }
  refused(t, k, /pids\.max.*\/linux\/resources\/pids.*controller pids/, config => {
    config.linux.resources.pids = { limit: 10 };
  });
});

/** Owner of the cgroup, and of its files that a delegate may write. */
const owners = (directory: string) =>
  ['', '/cgroup.procs', '/cgroup.subtree_control', '/cgroup.threads', '/cgroup.max.depth'].map(
    file => statSync(`${directory}${file}`).uid,
  );

/** A cgroup mount that is writable, and a user that is not root. */
function writable(config: Config, option = 'rw'): void {
  config.mounts.find(({ type }) => type === 'cgroup')!.options = ['nosuid', 'noexec', 'nodev', option];
  config.process.user = { uid: 1000, gid: 1000 };
}

kernelTest(
  'the container owns its cgroup when it sees it writable in a cgroup namespace of its own',
  async (t, k) => {
    const cases: [change: (config: Config) => void, expected: number[]][] = [
      [config => writable(config), [1000, 1000, 1000, 1000, 0]],
      [config => writable(config, 'ro'), [0, 0, 0, 0, 0]],
      [
        config => {
          writable(config);
          config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'cgroup');
        },
        [0, 0, 0, 0, 0],
      ],
    ];
    for (const [change, expected] of cases) {
      const id = k.running(change);
      t.strictSame(owners(k.cgroup(id)), expected);
      k.remove(id);
    }
  },
);

kernelTest('a user that owns the cgroup can make more below it, which delete removes', async (t, k) => {
  const script =
    'mkdir -p /sys/fs/cgroup/sub/deep && echo 0 >/sys/fs/cgroup/sub/deep/cgroup.procs && cat /proc/self/cgroup && exec sleep 1000';
  const id = k.running(config => writable(config), script);
  const made = k.exec(id, 'ls -d /sys/fs/cgroup/sub').stdout;
  t.equal(made, '/sys/fs/cgroup/sub\n');
  k.remove(id);
  t.notOk(existsSync(k.cgroup(id)));
});

kernelTest("in a user namespace it is the mapped root's", async (t, k) => {
  const map = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  const id = k.running(config => {
    writable(config);
    config.process.user = { uid: 0, gid: 0 };
    config.linux.namespaces.push({ type: 'user' });
    config.linux.uidMappings = map;
    config.linux.gidMappings = map;
  });
  t.strictSame(owners(k.cgroup(id)).slice(0, 2), [100_000, 100_000]);
  t.equal(k.exec(id, 'mkdir /sys/fs/cgroup/sub && rmdir /sys/fs/cgroup/sub && echo done').stdout, 'done\n');
  k.remove(id);
});
