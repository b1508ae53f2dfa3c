/** Hooks in places that hooks.test.ts does not look at: `run`, user namespaces, containers without namespaces. */
import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { type Config, kernelTest, namespaceOf } from './harness.js';

const script = (text: string) => ({ path: '/bin/sh', args: ['sh', '-c', text] });

kernelTest(
  'in run a poststart hook that fails stops the container, and poststop comes all the same',
  async (t, k) => {
    const { status, stderr } = k.run('exec sleep 1000', config => {
      config.hooks = {
        poststart: [script('echo it went wrong >&2; exit 3')],
        poststop: [script(`touch ${k.directory}/poststop`)],
      };
    });
    t.equal(status, 1);
    t.match(stderr, /^poststart hook \/bin\/sh .*3.*it went wrong/s);
    t.ok(existsSync(`${k.directory}/poststop`));
  },
);

kernelTest('in run a startContainer hook that fails ends it before the program', async (t, k) => {
  const { status, stdout, stderr } = k.run('echo it ran', config => {
    config.hooks = { startContainer: [script('exit 4')] };
  });
  t.strictSame({ status, stdout }, { status: 1, stdout: '' });
  t.match(stderr, /startContainer hook.*4/);
});

kernelTest('what hooks print is not the output of the container', async (t, k) => {
  const text = k.inside('echo program', config => {
    const noisy = [script('echo noise; echo noise >&2')];
    config.hooks = {
      prestart: noisy,
      createRuntime: noisy,
      createContainer: noisy,
      startContainer: noisy,
      poststart: noisy,
      poststop: noisy,
    };
  });
  t.equal(text, 'program\n');
});

kernelTest('hooks of a container with a user namespace run on the side that is theirs', async (t, k) => {
  chmodSync(k.directory, 0o755);
  mkdirSync(`${k.directory}/shared`);
  chmodSync(`${k.directory}/shared`, 0o777);
  const note = (kind: string, directory: string) =>
    script(`{ id -u; readlink /proc/self/ns/user; } >${directory}/${kind}`);
  const map = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  const id = k.created((config: Config) => {
    config.linux.namespaces.push({ type: 'user' });
    config.linux.uidMappings = map;
    config.linux.gidMappings = map;
    config.mounts.push({ destination: '/tmp', source: `${k.directory}/shared`, options: ['bind'] });
    config.hooks = {
      createRuntime: [note('createRuntime', `${k.directory}/shared`)],
      createContainer: [note('createContainer', `${k.directory}/shared`)],
      startContainer: [note('startContainer', '/tmp')],
    };
  });
  k.ok(['start', id]);
  const read = (kind: string) => readFileSync(`${k.directory}/shared/${kind}`, 'utf8').trim().split('\n');
  const inside = namespaceOf(k.state(id).pid, 'user');
  t.strictSame(read('createRuntime'), ['0', namespaceOf('self', 'user')]);
  t.strictSame(read('createContainer'), ['0', inside]);
  t.strictSame(read('startContainer'), ['0', inside]);
  k.remove(id);
});

kernelTest('hooks of a container without namespaces run, too', async (t, k) => {
  const text = k.inside('cat /tmp/log', config => {
    config.linux = { ...config.linux, namespaces: [], maskedPaths: [], readonlyPaths: [] };
    config.mounts = [];
    config.root.readonly = false;
    Reflect.deleteProperty(config, 'hostname');
    config.hooks = {
      createRuntime: [script('cat >/dev/null')],
      startContainer: [script('echo startContainer >>/tmp/log')],
    };
  });
  t.equal(text, 'startContainer\n');
});

kernelTest('a startContainer hook ends where a seccomp filter in force forbids pidfds', async (t, k) => {
  for (const timeout of [undefined, 1]) {
    const hook = (text: string) => (config: Config) => {
      config.process.noNewPrivileges = false; // else the filter comes later
      config.linux.seccomp = {
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [{ names: ['pidfd_open'], action: 'SCMP_ACT_ERRNO' }],
      };
      config.hooks = { startContainer: [{ ...script(text), ...(timeout && { timeout }) }] };
    };
    t.equal(k.inside('echo program', hook('cat >/dev/null'), { timeout: 10_000 }), 'program\n');
    const slow = k.run('true', hook(timeout ? 'sleep 1000' : 'exit 5'), { timeout: 10_000 });
    t.match(slow, { status: 1, stderr: timeout ? /startContainer hook.*time/ : /startContainer hook.*5/ });
  }
});

kernelTest('hooks and programs are waited for when the caller ignores SIGCHLD', async (t, k) => {
  const deaf = { prefix: ['env', '--ignore-signal=CHLD'] };
  t.match(k.run('exit 7', undefined, deaf), { status: 7, stderr: '' });
  const outcome = k.run(
    'echo it ran',
    config => {
      config.hooks = { createRuntime: [script('exit 3')] };
    },
    deaf,
  );
  t.match(outcome, { status: 1, stdout: '', stderr: /createRuntime hook.*3/ });
});
