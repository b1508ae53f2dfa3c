/** config-linux.md "Control groups": where the cgroup is, who owns it, and which one is refused. */
import { chmodSync, mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { type Kernel, kernelTest } from '../../kernel/harness.js';

const mount = '/sys/fs/cgroup';
const read = (path: string): string => readFileSync(path, 'utf8').trim();

/** A cgroup of our own making, gone at the end. */
function withCgroup(kernel: Kernel, use: (path: string) => void): void {
  const path = `/${kernel.token}-made`;
  mkdirSync(`${mount}${path}`);
  try {
    use(path);
  } finally {
    rmdirSync(`${mount}${path}`);
  }
}

kernelTest('an absolute path is below the root', async (t, kernel) => {
  const path = `/${kernel.token}-a/b/c`;
  const id = kernel.created(config => {
    config.linux.cgroupsPath = path;
    config.linux.resources = { pids: { limit: 5 } };
  });
  t.equal(read(`${mount}${path}/pids.max`), '5');
  t.match(
    read(`${mount}/${kernel.token}-a/cgroup.subtree_control`),
    /\bpids\b/,
    'controllers come down the path',
  );
  t.match(read(`${mount}/${kernel.token}-a/b/cgroup.subtree_control`), /\bmemory\b/);
  kernel.remove(id);
});

kernelTest('a relative path is below the parent of our own cgroup', async (t, kernel) => {
  const id = kernel.created(config => {
    config.linux.cgroupsPath = `${kernel.token}-r/x`;
  });
  t.equal(read(`${mount}/${kernel.token}-r/x/cgroup.procs`), String(kernel.state(id).pid));
  kernel.remove(id);
});

kernelTest('an empty cgroup that is there already is used and removed', async (t, kernel) => {
  const path = `/${kernel.token}-there`;
  mkdirSync(`${mount}${path}`);
  const id = kernel.created(config => {
    config.linux.cgroupsPath = path;
  });
  t.equal(read(`${mount}${path}/cgroup.procs`), String(kernel.state(id).pid));
  kernel.remove(id);
  try {
    rmdirSync(`${mount}${path}`);
  } catch {
    // it may be the container's to remove or not: runc removes it
  }
});

kernelTest('a frozen cgroup is refused', async (t, kernel) => {
  withCgroup(kernel, path => {
    writeFileSync(`${mount}${path}/cgroup.freeze`, '1');
    const { status, stderr } = kernel.run('true', config => {
      config.linux.cgroupsPath = path;
    });
    t.equal(status, 1);
    t.match(stderr, /is frozen/);
  });
});

kernelTest('a cgroup with processes is refused', async (t, kernel) => {
  const path = `/${kernel.token}-full`;
  const id = kernel.running(config => {
    config.linux.cgroupsPath = path;
  });
  const { status, stderr } = kernel.run('true', config => {
    config.linux.cgroupsPath = path;
  });
  t.equal(status, 1);
  t.match(stderr, /has processes already/);
  t.equal(kernel.state(id).status, 'running', 'and the other container goes on');
  kernel.remove(id);
});

kernelTest(
  'with a writable cgroup mount and a cgroup namespace the root of the container owns its cgroup',
  async (t, kernel) => {
    const id = kernel.running(config => {
      config.linux.namespaces.push({ type: 'user' });
      if (!config.linux.namespaces.some(({ type }) => type === 'cgroup'))
        config.linux.namespaces.push({ type: 'cgroup' });
      config.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
      config.linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
      chmodSync(kernel.directory, 0o711); // the way to the rootfs, for the container's root
      for (const one of config.mounts) {
        if (one.destination === '/sys/fs/cgroup') one.options = ['nosuid', 'noexec', 'nodev', 'rw'];
      }
      config.linux.resources = { memory: { limit: 67108864 } };
    });
    const directory = kernel.cgroup(id);
    t.equal(statSync(directory).uid, 100000, 'the directory');
    for (const file of read('/sys/kernel/cgroup/delegate').split('\n')) {
      try {
        t.equal(statSync(`${directory}/${file}`).uid, 100000, file);
      } catch {
        t.pass(`${file} is not there`);
      }
    }
    t.equal(statSync(`${directory}/memory.max`).uid, 0, 'not the limits');
    const made = kernel.exec(
      id,
      'mkdir /sys/fs/cgroup/sub && echo $$ >/sys/fs/cgroup/sub/cgroup.procs && cat /proc/self/cgroup && echo 1 >/sys/fs/cgroup/memory.max',
    );
    t.match(made.stdout, '0::/sub', 'it makes cgroups inside');
    t.match(
      made.stderr,
      /memory\.max: (?:Permission denied|Operation not permitted)/i,
      'and cannot change its limits',
    );
    kernel.remove(id);
  },
);

kernelTest('without being asked for, the cgroup stays with root', async (t, kernel) => {
  const id = kernel.created(config => {
    config.linux.namespaces.push({ type: 'user' });
    config.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
    config.linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
    chmodSync(kernel.directory, 0o711); // the way to the rootfs, for the container's root
  });
  t.equal(statSync(kernel.cgroup(id)).uid, 0);
  kernel.remove(id);
});
