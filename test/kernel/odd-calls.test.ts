/** Callers that are not as careful as engines, and places that are not as roomy. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { expectFailure } from './failures.js';
import { kernelTest, until, withOwnMounts } from './harness.js';

kernelTest('an argument that is not UTF-8 is refused before it names another file', async (t, k) => {
  for (const word of ['a\\377', 'a\\355\\240\\200', 'a\\360\\237']) {
    const script = `exec "$@" --log ${k.directory}/\ufffd --log "${k.directory}/$(printf '${word}')" list`;
    const outcome = k.runts([], { prefix: ['sh', '-c', script, 'sh'] });
    expectFailure(t, outcome, 'runts: argument 6 is not valid UTF-8');
  }
  t.strictSame(
    readdirSync(k.directory).filter(name => /^[a\ufffd]/.test(name)),
    [],
  );
});

kernelTest('a current directory that is not UTF-8 matters to relative paths only', async (t, k) => {
  const inside = 'mkdir "$0/$1" && cd "$0/$1" && shift && exec "$@"';
  const prefix = ['bash', '-c', `bytes=$'b\\377'; set -- "$bytes" "$@"; ${inside}`, k.directory];
  expectFailure(
    t,
    k.runts(['create', k.id()], { prefix }),
    'the path of the current directory is not valid UTF-8',
  );
});

kernelTest('an option with an empty value is as good as not given', async (t, k) => {
  const bundle = k.bundle(config => {
    config.process.args = ['sleep', '1000'];
  });
  const id = k.id();
  const empty = ['--pid-file=', '--console-socket=', '--pidfd-socket=', '--config='];
  k.ok(['--log=', '--log-format=', '--trace=', 'create', '--bundle', bundle, ...empty, id]);
  k.ok(['start', id]);
  const flags = ['--cwd=', '--process=', '--apparmor=', '--process-label='];
  t.equal(k.ok(['exec', ...flags, id, 'echo', 'here']), 'here\n');
  k.remove(id);
});

kernelTest('a log may be a fifo whose reader takes one file', async (t, k) => {
  const fifo = `${k.directory}/fifo`;
  execFileSync('mkfifo', [fifo]);
  const prefix = ['sh', '-c', `cat ${fifo} & "$@"; status=$?; wait; exit $status`, 'sh'];
  const { status, stdout, stderr } = k.runts(['--log', fifo, '--log-format', 'json', 'state', 'none'], {
    prefix,
  });
  t.match({ status, stderr }, { status: 1, stderr: 'container does not exist\n' });
  t.match(JSON.parse(stdout), { level: 'error', msg: 'container does not exist' });
});

kernelTest('a full state root is one sentence and leaves nothing', async (t, k) => {
  const bundle = k.bundle();
  mkdirSync(k.root);
  for (const inodes of [1, 2, 3, 4, 5]) {
    const mount = `mount -t tmpfs -o nr_inodes=${inodes} none ${k.root}`;
    const prefix = withOwnMounts(`${mount} && { "$@"; status=$?; ls -A ${k.root}; exit $status; }`);
    const outcome = k.runts(['create', '--bundle', bundle, k.id()], { prefix });
    expectFailure(t, outcome, /^cannot [^\n]+: no space left on device( \([^\n]+\))?\n$/);
  }
});

kernelTest('a container that is killed while it is started says so', async (t, k) => {
  const says =
    /^(|cannot start a container that has stopped\n|cannot start container \S+: its init was killed meanwhile\n)$/;
  for (let wait = 0; wait < 10; wait++) {
    const id = k.created();
    const start = k.start(['start', id]);
    await new Promise(resolve => setTimeout(resolve, wait));
    k.ok(['kill', id, 'KILL']);
    const { status, stderr } = await start.done;
    t.match(stderr, says);
    t.equal(status, stderr === '' ? 0 : 1);
    await until(() => k.state(id).status === 'stopped');
    k.remove(id);
  }
});
