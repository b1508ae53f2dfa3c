/** Containers of an unprivileged user: with a single id and with subordinate ids, with and without a delegated cgroup. */
import { execFileSync } from 'node:child_process';
import type { IdMapping } from '../../../src/spec.js';
import { type Config, type Kernel, kernelTest, type Outcome } from '../../kernel/harness.js';
import { inSession } from './engines.js';

const user = 1000;
const plain = ['setpriv', '--reuid', '1000', '--regid', '1000', '--init-groups', '--inh-caps=-all', '--'];

const single: IdMapping[] = [{ containerID: 0, hostID: user, size: 1 }];
const many: IdMapping[] = [...single, { containerID: 1, hostID: 100000, size: 65535 }];

type Modify = (config: Config) => void;

const mapped =
  (maps: IdMapping[], more?: Modify): Modify =>
  config => {
    config.linux.namespaces.push({ type: 'user' });
    config.linux.uidMappings = maps;
    config.linux.gidMappings = maps;
    if (maps === single)
      for (const mount of config.mounts)
        mount.options = mount.options?.filter(name => name !== 'gid=5') ?? [];
    more?.(config);
  };

/** A bundle that belongs to the user, as everything of this test. */
function bundle(kernel: Kernel, program: string, modify: Modify): string {
  const path = kernel.bundle(config => {
    config.process.args = ['sh', '-c', program];
    modify(config);
  });
  execFileSync('chown', ['-R', `${user}:${user}`, kernel.directory]);
  return path;
}

const run = (kernel: Kernel, prefix: string[], program: string, modify: Modify): Outcome =>
  kernel.runts(['run', '--bundle', bundle(kernel, program, modify), kernel.id()], { prefix });

const look =
  'id -u; id -g; cat /proc/self/uid_map; cat /proc/self/setgroups; touch /tmp/x && stat -c %u:%g /tmp/x';
const tmp: Modify = config => {
  config.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['mode=1777'] });
};

for (const [name, prefix] of [
  ['in a delegated cgroup', inSession],
  ['with no cgroup of their own', plain],
] as const) {
  kernelTest(`a single id, ${name}`, async (t, kernel) => {
    const { status, stdout, stderr } = run(kernel, [...prefix], look, mapped(single, tmp));
    t.strictSame([status, stderr], [0, '']);
    t.match(stdout, /^0\n0\n +0 +1000 +1\ndeny\n0:0\n$/);
  });

  kernelTest(`subordinate ids, ${name}`, async (t, kernel) => {
    const { status, stdout, stderr } = run(
      kernel,
      [...prefix],
      look,
      mapped(many, config => {
        tmp(config);
        config.process.user = { uid: 33, gid: 44, additionalGids: [55] };
      }),
    );
    t.strictSame([status, stderr], [0, '']);
    t.match(stdout, /^33\n44\n +0 +1000 +1\n +1 +100000 +65535\nallow\n33:44\n$/);
  });
}

kernelTest('limits in a delegated cgroup', async (t, kernel) => {
  const { status, stdout, stderr } = run(
    kernel,
    inSession,
    'cd /sys/fs/cgroup; cat pids.max memory.max cpu.max cpu.weight',
    mapped(single, config => {
      config.linux.resources = {
        pids: { limit: 9 },
        memory: { limit: 67108864 },
        cpu: { quota: 50000, shares: 512 },
      };
    }),
  );
  t.strictSame([status, stderr], [0, '']);
  t.match(stdout, /^9\n67108864\n50000 100000\n\d+\n$/);
});

kernelTest('limits without a delegated cgroup are refused', async (t, kernel) => {
  const { status, stderr } = run(
    kernel,
    plain,
    'true',
    mapped(single, config => {
      config.linux.resources = { pids: { limit: 9 } };
    }),
  );
  t.equal(status, 1);
  t.match(stderr, /cgroup/);
});

kernelTest('an id that is not one of the subordinate ones is refused', async (t, kernel) => {
  const { status, stderr } = run(
    kernel,
    plain,
    'true',
    mapped([...single, { containerID: 1, hostID: 5, size: 10 }]),
  );
  t.equal(status, 1);
  t.match(stderr, /new[ug]idmap/);
});

kernelTest('create, start, exec, kill, delete', async (t, kernel) => {
  const path = bundle(kernel, 'trap "exit 5" TERM; while :; do sleep 0.1; done', mapped(many));
  const id = kernel.id();
  const prefix = plain;
  kernel.ok(['create', '--bundle', path, id], { prefix });
  kernel.ok(['start', id], { prefix });
  const { status, stdout, stderr } = kernel.runts(['exec', '--user', '7:8', id, 'id', '-u'], { prefix });
  t.strictSame([status, stdout, stderr], [0, '7\n', '']);
  kernel.ok(['kill', id, 'KILL'], { prefix });
  kernel.ok(['delete', '--force', id], { prefix });
});
