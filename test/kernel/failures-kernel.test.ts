/** What the kernel, a hook or another program refuses while the container is being created. */
import type { Hook, Spec } from '../../src/spec.js';
import { type Args, type Change, type Failing, failures } from './failures.js';
import { kernelTest, sanitized, withOwnMounts } from './harness.js';

const sh = (script: string, timeout?: number): Hook => ({
  path: '/bin/sh',
  args: ['sh', '-c', script],
  ...(timeout === undefined ? {} : { timeout }),
});
const hooks = (added: NonNullable<Spec['hooks']>): Change => {
  return config => {
    config.hooks = added;
    config.process.args = ['true'];
  };
};
const run: Args = ({ bundle, id }) => ['run', '--bundle', bundle, id];
const join = (path: string): Change => {
  return config => {
    config.linux.namespaces[1] = { type: 'network', path };
  };
};

const hookRows: Failing[] = [
  {
    name: 'a hook that is missing',
    change: hooks({ createRuntime: [{ path: '/no/such' }] }),
    says: 'createRuntime hook /no/such: no such file or directory (/hooks/createRuntime/0 in config.json)',
  },
  {
    name: 'a hook that fails and says why in two lines',
    change: hooks({ prestart: [sh('echo one; echo two >&2; exit 3')] }),
    says: 'prestart hook /bin/sh ended with status 3 (/hooks/prestart/0 in config.json): one; two',
  },
  {
    name: 'a hook that prints control characters',
    change: hooks({ createRuntime: [sh("printf '\\033[31mred'; exit 1")] }),
    says: 'createRuntime hook /bin/sh ended with status 1 (/hooks/createRuntime/0 in config.json): \\x1b[31mred',
  },
  {
    name: 'a hook that is killed',
    change: hooks({ createRuntime: [sh('true'), sh('kill -9 $$')] }),
    says: 'createRuntime hook /bin/sh was killed by SIGKILL (/hooks/createRuntime/1 in config.json)',
  },
  {
    name: 'a hook that takes too long, together with what it started',
    change: hooks({ createRuntime: [sh('sleep 1000 & sleep 1000', 1)] }),
    says: 'createRuntime hook /bin/sh was killed because its time was over (/hooks/createRuntime/0 in config.json)',
  },
  {
    name: 'a hook of the container that is missing there',
    change: hooks({ createContainer: [{ path: '/no/such' }] }),
    says: 'createContainer hook /no/such: no such file or directory (/hooks/createContainer/0 in config.json)',
  },
  {
    name: 'a startContainer hook that fails',
    change: hooks({ startContainer: [{ path: '/bin/false', args: ['false'] }] }),
    args: run,
    says: 'startContainer hook /bin/false ended with status 1 (/hooks/startContainer/0 in config.json)',
  },
  {
    name: 'a poststart hook that fails',
    change: hooks({ poststart: [{ path: '/bin/false' }] }),
    args: run,
    says: 'poststart hook /bin/false ended with status 1 (/hooks/poststart/0 in config.json)',
  },
];

const namespaces: Failing[] = [
  {
    name: 'a namespace to join that is missing',
    change: join('/no/such'),
    says: 'cannot open the network namespace /no/such and check its type (/linux/namespaces/1 in config.json): open: no such file or directory',
  },
  {
    name: 'a namespace to join that is of another type',
    change: join('/proc/self/ns/pid'),
    says: '/proc/self/ns/pid is a namespace of another type (/linux/namespaces/1 in config.json)',
  },
  {
    name: 'a namespace to join that is none',
    change: join('/etc/passwd'),
    says: '/etc/passwd is not a namespace (/linux/namespaces/1 in config.json)',
  },
];

/** With a part of the host's file system taken away. */
const without = (path: string) => ({
  prefix: withOwnMounts(`umount -lR ${path}; exec "$@"`),
});

const hosts: Failing[] = [
  {
    name: 'a host without cgroup v2, where device rules would not be kept',
    change: config => {
      config.linux.resources.devices = [{ allow: false, access: 'rwm' }];
    },
    options: without('/sys/fs/cgroup'),
    says: 'BUNDLE/config.json: /linux/resources: cgroup v2 is not mounted on this host',
  },
  {
    name: 'a host without /proc',
    options: without('/proc'),
    says: '/proc is not mounted, and runts needs it',
  },
];

const settings: Failing[] = [
  {
    name: 'a sysctl that the kernel does not have',
    change: config => {
      config.linux.sysctl = { 'net.nope': '1' };
    },
    says: 'cannot write "1" to /proc/sys/net/nope (/linux/sysctl/net.nope in config.json): openat2: no such file or directory (this kernel has no such parameter)',
  },
  {
    name: 'a cgroup file that the kernel does not have',
    change: config => {
      config.linux.resources.unified = { 'nonsense.max': '1' };
    },
    says: /^the cgroup has no file nonsense\.max \(\/linux\/resources\/unified\/nonsense\.max in config\.json\): the controller nonsense is not enabled for it, or does not have it in this kernel \([^\n]*\)$/m,
  },
  {
    name: 'a cgroup below a file',
    change: config => {
      config.linux.cgroupsPath = '/cgroup.procs/x';
    },
    says: /^cannot open the cgroup [^\n]*\/cgroup\.procs \(\/linux\/cgroupsPath in config\.json\): open: not a directory$/m,
  },
  {
    name: 'a cgroup whose path is too long',
    change: config => {
      config.linux.cgroupsPath = `/${'long/'.repeat(1000)}`;
    },
    says: /file name too long$/m,
  },
  {
    name: 'a value that a cgroup file does not take',
    change: config => {
      config.linux.resources.unified = { 'cgroup.max.depth': 'many' };
    },
    says: 'cannot write "many" to cgroup.max.depth of the cgroup (/linux/resources/unified/cgroup.max.depth in config.json): write: invalid argument',
  },
  {
    name: 'a hard limit above what the kernel has',
    change: config => {
      config.process.rlimits = [{ type: 'RLIMIT_NOFILE', hard: 4_000_000_000, soft: 1 }];
    },
    says: /^cannot set RLIMIT_NOFILE to 1, at most 4000000000 \(\/process\/rlimits\/0 in config\.json\): prlimit: operation not permitted/,
  },
];

failures([...hookRows, ...namespaces, ...hosts, ...settings]);

kernelTest('without memory the end is one line', async (t, k) => {
  if (k.host.name === 'node' || sanitized) {
    t.pass('only the static executable', {
      skip: 'neither Node.js nor AddressSanitizer starts with so little',
    });
    return;
  }
  const bundle = k.bundle(config => {
    const names = Array.from({ length: 3000 }, (_, i) => `name${i}`);
    config.annotations = Object.fromEntries(names.map(name => [name, 'x'.repeat(1000)]));
  });
  for (const kilobytes of [5000, 7000, 9000, 11_000]) {
    const prefix = ['sh', '-c', `ulimit -v ${kilobytes} && exec "$@"`, 'sh'];
    const outcome = k.runts(['validate', '--bundle', bundle], { prefix });
    t.match(outcome, { status: 1, stdout: '', stderr: 'runts: cannot allocate memory\n' }, `${kilobytes} kB`);
  }
});
