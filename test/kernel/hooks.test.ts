/** config.md "POSIX-platform Hooks": when, where and with what they run, and what a failing one does. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type Config, helper, isGone, type Kernel, kernelTest, type State, until } from './harness.js';

type Hook = { path: string; args?: string[]; env?: string[]; timeout?: number };
const KINDS = [
  'prestart',
  'createRuntime',
  'createContainer',
  'startContainer',
  'poststart',
  'poststop',
] as const;
type Kind = (typeof KINDS)[number];

const script = (text: string): Hook => ({ path: '/bin/sh', args: ['sh', '-c', text] });

/** A directory that is the same place for hooks outside and inside, given to the container as `/shared`. */
function share(k: Kernel, config: Config, rootfs: string): string {
  const directory = `${k.directory}/shared`;
  mkdirSync(directory, { recursive: true });
  mkdirSync(`${rootfs}/shared`);
  config.mounts.push({ destination: '/shared', source: directory, options: ['bind'] });
  return directory;
}

/** Where a hook of that kind finds the shared directory: createContainer runs inside the container, before pivot_root. */
const place = (k: Kernel, kind: Kind): string =>
  kind === 'startContainer' ? '/shared' : `${k.directory}/shared`;

kernelTest('six kinds run in their order, each list in its order', async (t, k) => {
  const bundle = k.bundle((config, rootfs) => {
    share(k, config, rootfs);
    config.process.args = ['sh', '-c', 'echo program >>/shared/log'];
    config.hooks = Object.fromEntries(
      KINDS.map(kind => [
        kind,
        [1, 2].map(number => script(`echo ${kind} ${number} >>${place(k, kind)}/log`)),
      ]),
    );
  });
  const log = () => readFileSync(`${k.directory}/shared/log`, 'utf8').trim().split('\n');
  const twice = (...kinds: Kind[]) => kinds.flatMap(kind => [`${kind} 1`, `${kind} 2`]);
  const id = k.id();
  k.ok(['create', '--bundle', bundle, id]);
  const created = twice('prestart', 'createRuntime', 'createContainer');
  t.strictSame(log(), created);
  k.ok(['start', id]);
  await until(() => k.state(id).status === 'stopped');
  t.strictSame(log().slice(6, 8), twice('startContainer'));
  t.strictSame(
    log().slice(8).sort(),
    ['poststart 1', 'poststart 2', 'program'],
    'the program runs beside poststart',
  );
  k.ok(['delete', id]);
  t.strictSame(log().slice(11), twice('poststop'));
});

kernelTest('run has them all', async (t, k) => {
  k.inside('echo program >>/shared/log', (config, rootfs) => {
    share(k, config, rootfs);
    config.hooks = Object.fromEntries(
      KINDS.map(kind => [kind, [script(`echo ${kind} >>${place(k, kind)}/log`)]]),
    );
  });
  const log = readFileSync(`${k.directory}/shared/log`, 'utf8').trim().split('\n');
  t.strictSame([...log].sort(), [...KINDS, 'program'].sort());
  t.strictSame(log.slice(0, 4), KINDS.slice(0, 4));
  t.equal(log.at(-1), 'poststop');
});

kernelTest('a hook reads the state of the container', async (t, k) => {
  const bundle = k.bundle((config, rootfs) => {
    share(k, config, rootfs);
    config.process.args = ['sleep', '1000'];
    config.annotations = { a: 'b "c"' };
    config.hooks = Object.fromEntries(KINDS.map(kind => [kind, [script(`cat >${place(k, kind)}/${kind}`)]]));
  });
  const id = k.id();
  k.ok(['run', '--detach', '--bundle', bundle, id]);
  const { pid } = k.state(id);
  k.remove(id);
  const status = {
    prestart: 'created',
    createRuntime: 'created',
    createContainer: 'created',
    startContainer: 'created',
    poststart: 'running',
    poststop: 'stopped',
  };
  for (const kind of KINDS) {
    const state = JSON.parse(readFileSync(`${k.directory}/shared/${kind}`, 'utf8')) as State;
    t.match(
      state,
      { ociVersion: '1.3.0', id, status: status[kind], bundle, annotations: { a: 'b "c"' } },
      kind,
    );
    // as the hook's own pid namespace has it
    const expected = { createContainer: 1, startContainer: 1, poststop: 0 }[kind as string] ?? pid;
    if (kind !== 'poststop') t.equal(state.pid, expected, kind);
  }
});

kernelTest('hooks run in the namespaces that are theirs', async (t, k) => {
  const bundle = k.bundle((config, rootfs) => {
    share(k, config, rootfs);
    config.process.args = ['sleep', '1000'];
    config.hooks = Object.fromEntries(
      KINDS.map(kind => [kind, [script(`readlink /proc/self/ns/net >${place(k, kind)}/${kind}`)]]),
    );
  });
  const id = k.id();
  k.ok(['run', '--detach', '--bundle', bundle, id]);
  const inside = k.exec(id, 'readlink /proc/self/ns/net').stdout;
  k.remove(id);
  const read = (kind: Kind) => readFileSync(`${k.directory}/shared/${kind}`, 'utf8');
  for (const kind of KINDS)
    t.equal(read(kind) === inside, kind === 'createContainer' || kind === 'startContainer', kind);
});

kernelTest('hooks see the root that is theirs', async (t, k) => {
  const outcome = k.run('true', (config, rootfs) => {
    writeFileSync(`${rootfs}/etc/inside`, '');
    config.hooks = {
      createRuntime: [script('test ! -e /etc/inside')],
      createContainer: [script('test ! -e /etc/inside')],
      startContainer: [script('test -e /etc/inside')],
      poststart: [script('test ! -e /etc/inside')],
    };
  });
  t.match(outcome, { status: 0, stderr: '' });
});

kernelTest('the network namespace is there for createRuntime, with its loopback', async (t, k) => {
  const bundle = k.bundle(config => {
    config.process.args = ['true'];
    const enter =
      'pid=$(sed \'s/.*"pid":\\([0-9]*\\).*/\\1/\'); nsenter -t $pid -n cat /sys/class/net/lo/ifindex';
    config.hooks = { createRuntime: [{ ...script(enter), env: [`PATH=${process.env.PATH}`] }] };
  });
  t.match(k.runts(['run', '--bundle', bundle, k.id()]), { status: 0, stderr: '' });
});

kernelTest('a hook has its arguments and its environment, and no other', async (t, k) => {
  const bundle = k.bundle(config => {
    config.process.args = ['true'];
    config.hooks = {
      createRuntime: [
        {
          path: '/bin/sh',
          args: [
            'name',
            '-c',
            'echo "$0 $1" >"$OUT"; tr "\\0" "\\n" </proc/$$/environ >>"$OUT"',
            'zero',
            'one',
          ],
          env: [`OUT=${k.directory}/out`, 'A=b'],
        },
      ],
    };
  });
  k.ok(['run', '--bundle', bundle, k.id()], { env: { SECRET: 'x' } });
  t.equal(readFileSync(`${k.directory}/out`, 'utf8'), `zero one\nOUT=${k.directory}/out\nA=b\n`);
});

kernelTest('a hook has no open file but its standard streams', async (t, k) => {
  const bundle = k.bundle(config => {
    config.process.args = ['true'];
    config.hooks = {
      createRuntime: [script(`exec ${helper('probe')} fds >${k.directory}/out`)],
    };
  });
  k.ok(['run', '--bundle', bundle, k.id()]);
  t.strictSame(readFileSync(`${k.directory}/out`, 'utf8').trim().split('\n'), ['0', '1', '2']);
});

const failing: [Kind, string[]][] = [
  ['prestart', ['create']],
  ['createRuntime', ['create']],
  ['createContainer', ['create']],
];
for (const [kind, [command]] of failing) {
  kernelTest(`a ${kind} hook that fails ends ${command}, and the message has all about it`, async (t, k) => {
    const bundle = k.bundle(config => {
      config.hooks = {
        [kind]: [script('echo out; echo it went wrong >&2; exit 3'), script(`touch ${k.directory}/second`)],
        poststop: [script(`touch ${k.directory}/poststop`)],
      };
    });
    const { status, stderr } = k.runts([command!, '--bundle', bundle, k.id()]);
    t.equal(status, 1);
    t.match(stderr, new RegExp(`^${kind} hook /bin/sh .*3.*it went wrong`, 's'));
    t.notOk(existsSync(`${k.directory}/second`), 'no further hook of that kind');
    t.ok(existsSync(`${k.directory}/poststop`), 'and what was owed is paid');
  });
}

kernelTest('a startContainer hook that fails ends start', async (t, k) => {
  const id = k.created(config => {
    config.hooks = { startContainer: [script('echo it went wrong >&2; exit 3')] };
  }, 'exec sleep 1000');
  t.match(k.runts(['start', id]), { status: 1, stderr: /startContainer hook.*3.*it went wrong/s });
  await until(() => k.state(id).status === 'stopped');
  k.ok(['delete', id]);
});

kernelTest('a poststart hook that fails ends start and stops the container', async (t, k) => {
  const id = k.created(config => {
    config.hooks = { poststart: [script('echo it went wrong >&2; exit 3')] };
  });
  const { pid } = k.state(id);
  t.match(k.runts(['start', id]), { status: 1, stderr: /poststart hook.*3.*it went wrong/s });
  await until(() => isGone(pid));
  k.ok(['delete', id]);
});

kernelTest('a poststop hook that fails is no error, and the others run', async (t, k) => {
  const outcome = k.run('exit 5', config => {
    config.hooks = { poststop: [script('exit 3'), { path: '/none' }, script(`touch ${k.directory}/last`)] };
  });
  t.match(outcome, { status: 5 });
  t.ok(existsSync(`${k.directory}/last`));
});

kernelTest('a hook that cannot be executed is named', async (t, k) => {
  const outcome = k.run('true', config => {
    config.hooks = { createRuntime: [{ path: '/no/such/hook' }] };
  });
  t.match(outcome, { status: 1, stderr: /createRuntime hook \/no\/such\/hook.*no such file or directory/ });
});

kernelTest(
  'the message has the whole path of a hook and the last that it said, whatever that is',
  async (t, k) => {
    const hook = `${k.directory}/${'long'.repeat(50)}`;
    const said = (bytes: string) =>
      writeFileSync(hook, `#!/bin/sh\nprintf '${bytes}' >&2\nexit 3\n`, { mode: 0o755 });
    const failed = () => {
      const { stderr } = k.run('true', config => {
        config.hooks = { createRuntime: [{ path: hook }] };
      });
      t.match(
        stderr,
        `createRuntime hook ${hook} ended with status 3 (/hooks/createRuntime/0 in config.json): `,
      );
      return stderr.trim();
    };
    said(`first ${'\\303\\244'.repeat(300)} last`);
    t.match(failed(), /: [^f]*ä{50,} last$/, 'cut within a character');
    said('one \\377 two \\000 three');
    t.match(failed(), /: one \? two {3}three$/, 'not UTF-8, and NUL');
  },
);

kernelTest('a startContainer hook runs under a filter that leaves init no pidfd', async (t, k) => {
  const outcome = k.run('echo ran', config => {
    config.process.noNewPrivileges = false;
    config.linux.seccomp = {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['pidfd_open'], action: 'SCMP_ACT_ERRNO' }],
    };
    config.hooks = { startContainer: [script('sleep 0.1')] };
  });
  t.match(outcome, { status: 0, stdout: 'ran\n', stderr: '' });
});

kernelTest('a hook over its time is killed, with what it has started', async (t, k) => {
  const bundle = k.bundle(config => {
    config.hooks = {
      createRuntime: [{ ...script(`sleep 1001 & echo $! >${k.directory}/pid; sleep 1002`), timeout: 1 }],
    };
  });
  const before = Date.now();
  t.match(k.runts(['create', '--bundle', bundle, k.id()]), {
    status: 1,
    stderr: /createRuntime hook \/bin\/sh.*time/,
  });
  t.ok(Date.now() - before < 30_000);
  const pid = Number(readFileSync(`${k.directory}/pid`, 'utf8'));
  await until(() => isGone(pid));
});

kernelTest('a hook that does not read its input is no problem', async (t, k) => {
  const outcome = k.run('true', config => {
    config.annotations = { long: 'x'.repeat(300_000) };
    config.hooks = { createRuntime: [script('exec <&-; true')] };
  });
  t.match(outcome, { status: 0, stderr: '' });
});

kernelTest('a hook that leaves a process behind does not hold up create', async (t, k) => {
  const id = k.created(config => {
    config.hooks = { createRuntime: [script(`sleep 1003 & echo $! >${k.directory}/pid`)] };
  });
  const pid = Number(readFileSync(`${k.directory}/pid`, 'utf8'));
  t.notOk(isGone(pid));
  process.kill(pid, 'SIGKILL');
  k.remove(id);
});
