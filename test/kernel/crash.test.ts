/** Whoever kills runts, at whatever moment: `delete --force` leaves nothing, and the id can be used again. */
import t, { type Test } from 'tap';
import type { Config } from './base-config.js';
import { killAtEveryCall, noStrace } from './crash.js';
import { install, type Kernel, kernelTest, until } from './harness.js';

const missing = noStrace();
if (missing !== undefined) {
  t.plan(0, missing);
  process.exit();
}

/** Something of everything that is made on the way. */
function rich(config: Config): void {
  const hook = { path: '/bin/true' };
  config.hooks = {
    createRuntime: [hook],
    createContainer: [hook],
    startContainer: [hook],
    poststart: [hook],
    poststop: [hook],
  };
  config.mounts.push({
    destination: '/mapped',
    type: 'bind',
    source: '/tmp',
    options: ['bind', 'ro', 'idmap'],
    uidMappings: [{ containerID: 0, hostID: 1000, size: 1 }],
    gidMappings: [{ containerID: 0, hostID: 1000, size: 1 }],
  });
  config.root.readonly = false;
  config.process.oomScoreAdj = 100;
  config.linux.sysctl = { 'net.ipv4.ip_forward': '1' };
}

/** Nothing of a container is left when `delete --force` is done. Told only when something is: there are hundreds of calls. */
function expectClean(t: Test, k: Kernel, id: string, call: string): void {
  const { status, stdout, stderr } = k.runts(['delete', '--force', id]);
  const found = { status, stdout, stderr, left: k.leftovers() };
  const clean = { status: 0, stdout: '', stderr: '', left: [] };
  if (JSON.stringify(found) !== JSON.stringify(clean)) t.strictSame(found, clean, `killed at ${call}`);
}

function bundleOf(k: Kernel, modify: (config: Config) => void): string {
  return k.bundle(config => {
    config.process.args = ['sleep', '1000'];
    modify(config);
  });
}

for (const verb of [['create'], ['run', '--detach']]) {
  kernelTest(`${verb.join(' ')}, killed at every call`, async (t, k) => {
    const id = k.id();
    const bundle = bundleOf(k, config => {
      rich(config);
      config.linux.cgroupsPath = `/${k.token}/deep/${id}`;
    });
    await killAtEveryCall(
      t,
      k,
      () => [...verb, '--bundle', bundle, id],
      call => expectClean(t, k, id, call),
    );
  });
}

kernelTest('start, killed at every call', async (t, k) => {
  const bundle = bundleOf(k, rich);
  const id = k.id();
  await killAtEveryCall(
    t,
    k,
    () => {
      k.ok(['create', '--bundle', bundle, id]);
      return ['start', id];
    },
    call => {
      const { status } = k.state(id);
      if (!['created', 'running', 'stopped'].includes(status)) t.fail(`${call}: ${status}`);
      expectClean(t, k, id, call);
    },
  );
});

kernelTest('delete, killed at every call', async (t, k) => {
  const bundle = bundleOf(k, rich);
  const id = k.id();
  await killAtEveryCall(
    t,
    k,
    () => {
      k.ok(['run', '--detach', '--bundle', bundle, id]);
      return ['delete', '--force', id];
    },
    call => expectClean(t, k, id, call),
  );
});

kernelTest('exec --detach, killed at every call', async (t, k) => {
  const id = k.running();
  const { pid } = k.state(id);
  await killAtEveryCall(
    t,
    k,
    () => ['exec', '--detach', id, 'true'],
    call => {
      const { status, pid: now } = k.state(id);
      if (status !== 'running' || now !== pid) t.fail(`${call}: the container is ${status}`);
    },
  );
  t.strictSame(
    k.leftovers().filter(line => line.startsWith('process') && !line.startsWith(`process ${pid}:`)),
    [],
    'no process of exec is left',
  );
  k.remove(id);
});

kernelTest('create without a cgroup, killed at every call', async (t, k) => {
  const id = k.id();
  const bundle = bundleOf(k, () => {});
  const flags = ['--cgroup-manager', 'disabled'];
  await killAtEveryCall(
    t,
    k,
    () => [...flags, 'create', '--bundle', bundle, id],
    async call => {
      k.ok(['delete', '--force', id]);
      // nobody can kill init then: it ends by itself when it sees that runts is gone
      await until(() => k.leftovers().length === 0).catch(() => t.strictSame(k.leftovers(), [], call));
    },
  );
});

/** Calls that init makes, and runts does not. */
const callsOfInit =
  'setsid keyctl sethostname fsopen fsmount open_tree move_mount mknodat symlinkat mount_setattr pivot_root umount2 setgroups setresgid setresuid capset';

kernelTest('create and run say in one line that init was killed', async (t, k) => {
  const bundle = bundleOf(k, () => {});
  for (const verb of ['create', 'run']) {
    for (const name of callsOfInit.split(' ')) {
      const inject = ['-e', `trace=${name}`, '-e', `inject=${name}:signal=SIGKILL:when=1`];
      const prefix = ['strace', '-qq', '-f', '-o', '/dev/null', ...inject];
      const { status, stderr } = k.runts([verb, '--bundle', bundle, k.id()], { prefix });
      const says = /^the container's init was killed by SIGKILL before it was ready \([^\n]*\)\n$/;
      t.match({ status, stderr }, { status: 1, stderr: says }, `${verb}, killed at ${name}`);
      t.strictSame(k.leftovers(), [], 'nothing is left');
    }
  }
});

/** strace holds up whoever calls clone3, not the process that it made. */
const slowClone = ['strace', '-qq', '-f', '-o', '/dev/null', '-e', 'trace=clone3', '-e'].concat(
  'inject=clone3:delay_exit=200000',
);

kernelTest('exec reports the process that goes on, however late its parent says so', async (t, k) => {
  const id = k.running();
  const outcome = k.exec(id, 'echo done; exit 7', [], { prefix: slowClone });
  t.match(outcome, { status: 7, stdout: 'done\n', stderr: '' });
  k.remove(id);
});

kernelTest('the kernel may put off the device filter for a signal, but not for ever', async (t, k) => {
  const failing = (when: string) => ({
    prefix: [
      'strace',
      '-qq',
      '-o',
      '/dev/null',
      '-e',
      'trace=bpf',
      '-e',
      `inject=bpf:error=EAGAIN:when=${when}`,
    ],
  });
  t.match(k.run('true', undefined, failing('1')), { status: 0, stderr: '' });
  const never = k.run('true', undefined, failing('1+'));
  t.match(never, { status: 1, stderr: /device filter.*resource temporarily unavailable\n$/ });
});

kernelTest(
  'init that has but the rights of the container cannot be looked into from another',
  async (t, k) => {
    const ofHost = (config: Config) => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid');
    };
    const bundle = k.bundle((config, rootfs) => {
      ofHost(config);
      install(rootfs, 'probe');
      config.process.args = ['probe', 'watch'];
    });
    const id = k.id();
    const { later } = k.runts(['run', '--detach', '--bundle', bundle, id]);
    await until(() => later() !== '');
    const prefix = ['strace', '-qq', '-f', '-o', '/dev/null', '-e', 'trace=capset', '-e'];
    prefix.push('inject=capset:delay_exit=200000');
    t.match(k.run('true', ofHost, { prefix }), { status: 0, stderr: '' });
    t.equal(later(), 'watching\n');
    k.remove(id);
  },
);
