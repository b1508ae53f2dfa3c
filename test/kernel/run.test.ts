/** `run`: in the foreground, as if the program had been called itself; and with --detach. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cgroupOf, childrenOf, isGone, kernelTest, until } from './harness.js';

kernelTest('the exit status is that of the program', async (t, k) => {
  for (const status of [0, 1, 7, 255]) t.match(k.run(`exit ${status}`), { status, stderr: '' });
});

kernelTest('a program that was killed gives 128 and the signal', async (t, k) => {
  const shareHost = (config: { linux: { namespaces: { type: string }[] } }) => {
    // process 1 of a pid namespace cannot be killed from inside
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid');
  };
  for (const signal of [9, 15, 10]) t.match(k.run(`kill -${signal} $$`, shareHost), { status: 128 + signal });
});

kernelTest('a program that is killed by kill gives 128 and the signal', async (t, k) => {
  const id = k.id();
  const bundle = k.bundle(config => {
    config.process.args = ['sh', '-c', 'echo ready; exec sleep 1000'];
  });
  const { done, stdout } = k.start(['run', '--bundle', bundle, id]);
  await until(() => stdout() === 'ready\n');
  k.ok(['kill', id, 'KILL']);
  t.match(await done, { status: 137, stderr: '' });
});

kernelTest('standard streams are those of the caller', async (t, k) => {
  const outcome = k.run('cat; echo error >&2', undefined, { stdin: 'some\ntext' });
  t.match(outcome, { status: 0, stdout: 'some\ntext', stderr: 'error\n' });
});

kernelTest('pipes end when the container ends', async (t, k) => {
  const bundle = k.bundle(config => {
    config.process.args = ['sh', '-c', 'read line; echo "got $line"; cat | wc -c'];
  });
  const command = [...k.host.argv, '--root', k.root, 'run', '--bundle', bundle, k.id()].join(' ');
  const outcome = k.runts([], {
    prefix: ['sh', '-c', `(echo one; dd if=/dev/zero bs=1000 count=3000 2>/dev/null) | ${command} | cat`],
  });
  t.match(outcome, { status: 0, stdout: 'got one\n3000000\n', stderr: '' });
});

kernelTest('large output arrives whole', async (t, k) => {
  const bytes = 20_000_000;
  const { status, stdout } = k.run(
    `dd if=/dev/zero bs=100000 count=${bytes / 100_000} 2>/dev/null | tr '\\0' x`,
  );
  t.equal(status, 0);
  t.equal(stdout.length, bytes);
});

kernelTest('signals to runts reach the program', async (t, k) => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGUSR1', 'SIGHUP'] as const) {
    const name = signal.slice(3);
    const bundle = k.bundle(config => {
      config.process.args = [
        'sh',
        '-c',
        `trap 'echo ${name}; exit 3' ${name}; echo ready; while :; do sleep 0.01; done`,
      ];
    });
    const { child, done, stdout } = k.start(['run', '--bundle', bundle, k.id()]);
    await until(() => stdout() === 'ready\n');
    child.kill(signal);
    t.match(await done, { status: 3, stdout: `ready\n${name}\n`, stderr: '' });
  }
});

kernelTest('signals that the caller ignores do not reach the program', async (t, k) => {
  if (k.host.name === 'node') return t.comment('Node.js resets all signals when it starts');
  const script =
    'trap "echo got HUP" HUP; trap "echo got TERM; exit 5" TERM; echo ready; while :; do sleep 0.01; done';
  const bundle = k.bundle(config => {
    config.process.args = ['sh', '-c', script];
  });
  const prefix = ['sh', '-c', 'trap "" HUP INT; exec "$@"', 'sh'];
  const { child, stdout, done } = k.start(['run', '--bundle', bundle, k.id()], { prefix });
  await until(() => stdout().includes('ready'));
  child.kill('SIGHUP');
  child.kill('SIGINT');
  child.kill('SIGTERM');
  t.match(await done, { status: 5, stdout: 'ready\ngot TERM\n' });
});

kernelTest('the container is deleted in the end', async (t, k) => {
  k.inside('true');
  t.strictSame(readdirSync(k.root), []);
});

kernelTest('--keep leaves it stopped', async (t, k) => {
  const bundle = k.bundle(config => {
    config.process.args = ['sh', '-c', 'exit 4'];
  });
  const id = k.id();
  t.match(k.runts(['run', '--keep', '--bundle', bundle, id]), { status: 4, stderr: '' });
  t.equal(k.state(id).status, 'stopped');
  t.ok(existsSync(k.cgroup(id)), 'with its cgroup');
  k.ok(['delete', id]);
});

kernelTest('--detach comes back when the program runs', async (t, k) => {
  const bundle = k.bundle(config => {
    config.process.args = ['sleep', '1000'];
  });
  const id = k.id();
  const file = `${k.directory}/pid`;
  k.ok(['run', '--detach', '--pid-file', file, '--bundle', bundle, id]);
  const { pid, status } = k.state(id);
  t.equal(status, 'running');
  t.equal(readFileSync(file, 'utf8'), String(pid));
  t.equal(
    readFileSync(`/proc/${pid}/cmdline`, 'utf8'),
    ['sleep', '1000', ''].join('\0'),
    'the program is executed already',
  );
  k.remove(id);
});

kernelTest('a detached program does not die with its caller, and nothing of runts stays', async (t, k) => {
  const id = k.running();
  const { pid } = k.state(id);
  t.strictSame(childrenOf(process.pid), [], 'all of ours have ended');
  t.notOk(isGone(pid));
  t.equal(cgroupOf(pid), `/${id}`);
  k.remove(id);
});

kernelTest('runts that is killed in the foreground leaves a container that can be deleted', async (t, k) => {
  const bundle = k.bundle(config => {
    config.process.args = ['sh', '-c', 'echo ready; exec sleep 1000'];
  });
  const id = k.id();
  const { child, done, stdout } = k.start(['run', '--bundle', bundle, id]);
  await until(() => stdout() === 'ready\n');
  child.kill('SIGKILL');
  t.equal((await done).signal, 'SIGKILL');
  k.remove(id);
});

kernelTest('orphans are reaped while runts waits', async (t, k) => {
  // without a pid namespace they become children of runts, the subreaper
  const { status } = k.run('(sleep 0.02 &) ; sleep 0.1; exit 5', config => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid');
  });
  t.equal(status, 5);
});

kernelTest('--no-subreaper leaves orphans to others', async (t, k) => {
  const bundle = k.bundle(config => {
    config.process.args = ['sh', '-c', 'exit 6'];
  });
  t.equal(k.runts(['run', '--no-subreaper', '--bundle', bundle, k.id()]).status, 6);
});

kernelTest('--debug tells every step, and the container is the same', async (t, k) => {
  const bundle = k.bundle(config => {
    config.process.args = ['echo', 'hello'];
  });
  const log = `${k.directory}/log`;
  const outcome = k.runts([
    '--debug',
    '--log',
    log,
    '--log-format',
    'json',
    'run',
    '--bundle',
    bundle,
    k.id(),
  ]);
  t.match(outcome, { status: 0, stdout: 'hello\n' });
  const records = readFileSync(log, 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as { level: string; msg: string });
  t.ok(records.length > 20);
  t.ok(records.every(({ level }) => level === 'debug'));
});

kernelTest('--trace notes the time of each step', async (t, k) => {
  const bundle = k.bundle(config => {
    config.process.args = ['true'];
  });
  const trace = `${k.directory}/trace`;
  k.ok(['--trace', trace, 'run', '--bundle', bundle, k.id()]);
  const steps = readFileSync(trace, 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as { kind: string; start: number; duration: number; actor: string });
  t.ok(steps.some(({ kind, actor }) => kind === 'clone' && actor === 'host'));
  t.ok(steps.some(({ kind, actor }) => kind === 'pivot' && actor === 'init'));
  t.ok(steps.every(({ duration }) => duration >= 0 && duration < 10_000_000));
});
