/** `exec`: another process in a container. */
import { readFileSync, writeFileSync } from 'node:fs';
import {
  type Config,
  cgroupOf,
  isGone,
  type Kernel,
  kernelTest,
  namespaceOf,
  statusLine,
  until,
} from './harness.js';

kernelTest('exec joins all namespaces, the root and the cgroup', async (t, k) => {
  const id = k.running();
  const { pid } = k.state(id);
  const file = `${k.directory}/pid`;
  k.ok(['exec', '--detach', '--pid-file', file, id, 'sleep', '1000']);
  const other = Number(readFileSync(file, 'utf8'));
  for (const name of ['pid', 'net', 'ipc', 'uts', 'mnt', 'cgroup', 'user', 'time'])
    t.equal(namespaceOf(other, name), namespaceOf(pid, name), name);
  t.equal(cgroupOf(other), cgroupOf(pid));
  t.match(k.exec(id, 'ls /').stdout, /^bin\ndev\netc\n/);
  k.remove(id);
  t.ok(isGone(other));
});

kernelTest('the exit status is that of the process', async (t, k) => {
  const id = k.running();
  for (const status of [0, 1, 42, 255]) t.equal(k.exec(id, `exit ${status}`).status, status);
  t.equal(k.exec(id, 'kill -9 $$').status, 137);
  k.remove(id);
});

kernelTest('standard streams are those of the caller', async (t, k) => {
  const id = k.running();
  const outcome = k.exec(id, 'cat; echo error >&2', [], { stdin: 'text' });
  t.match(outcome, { status: 0, stdout: 'text', stderr: 'error\n' });
  k.remove(id);
});

kernelTest('the process is like the first one of the container', async (t, k) => {
  const id = k.running(({ process }) => {
    process.env = ['PATH=/bin', 'A=1'];
    process.cwd = '/home';
    process.user = { uid: 1000, gid: 1001, additionalGids: [5], umask: 0o027 };
    process.rlimits = [{ type: 'RLIMIT_NOFILE', soft: 55, hard: 66 }];
  });
  const { pid } = k.state(id);
  const { stdout } = k.exec(id, ['cat', '/proc/self/status']);
  for (const key of [
    'Uid',
    'Gid',
    'Groups',
    'Umask',
    'CapInh',
    'CapPrm',
    'CapEff',
    'CapBnd',
    'CapAmb',
    'NoNewPrivs',
  ])
    t.equal(new RegExp(`^${key}:\\s*(.*)$`, 'm').exec(stdout)?.[1], statusLine(pid, key), key);
  t.equal(k.exec(id, 'pwd; ulimit -n; echo $A $HOME').stdout, '/home\n55\n1 /home/user\n');
  k.remove(id);
});

/** Outcomes of a shell script with flags, in a container of its own. */
const flags: [flag: string[], script: string, stdout: string][] = [
  [['--cwd', '/home/user'], 'pwd', '/home/user\n'],
  [['--env', 'A=1', '-e', 'B=two words', '-e', 'A=2'], 'echo "$A $B"', '2 two words\n'],
  [['--env', 'TERM=dumb'], 'echo $TERM', 'dumb\n'],
  [['--env', 'A=1,2'], 'echo $A', '1,2\n'],
  [['--user', '1000'], 'id -u; id -g; echo $HOME', '1000\n0\n/home/user\n'],
  [['--user', '1000:1001'], 'id -u; id -g', '1000\n1001\n'],
  [['-u', '0:7'], 'id -u; id -g', '0\n7\n'],
  [['--additional-gids', '5', '-g', '2000'], 'grep Groups /proc/self/status', 'Groups:\t5 2000 \n'],
  [['--no-new-privs'], 'grep NoNewPrivs /proc/self/status', 'NoNewPrivs:\t1\n'],
  [[], 'grep NoNewPrivs /proc/self/status', 'NoNewPrivs:\t0\n'],
  [['--cap', 'CAP_CHOWN'], 'grep CapEff /proc/self/status', 'CapEff:\t0000000020000421\n'],
  [
    ['--cap', 'CAP_CHOWN', '-c', 'CAP_SYS_PTRACE'],
    'grep CapBnd /proc/self/status',
    'CapBnd:\t0000000020080421\n',
  ],
  [['--cap', 'CAP_CHOWN'], 'grep CapInh /proc/self/status', 'CapInh:\t0000000000000000\n'],
  [['--cap', 'CAP_CHOWN'], 'grep CapAmb /proc/self/status', 'CapAmb:\t0000000000000000\n'],
  [['--env=X=--env'], 'echo $X', '--env\n'],
];
kernelTest('each flag changes one thing', async (t, k) => {
  const id = k.running(({ process }) => {
    process.noNewPrivileges = false;
  });
  for (const [given, script, stdout] of flags)
    t.match(k.exec(id, script, given), { status: 0, stdout, stderr: '' }, `${given.join(' ')} ${script}`);
  k.remove(id);
});

kernelTest("options behind the container's id belong to the command", async (t, k) => {
  const id = k.running();
  t.equal(k.exec(id, ['echo', '--cwd', '/', '-u', '5']).stdout, '--cwd / -u 5\n');
  k.remove(id);
});

const users = [
  '4294967296',
  '4294967295',
  '-1',
  '0x0',
  '1:',
  ':1',
  ' 1',
  '1 ',
  '1:2:3',
  'root',
  '',
  '1.0',
  '1e3',
  '+1',
];
kernelTest('--user takes numbers and nothing else', async (t, k) => {
  const id = k.running();
  for (const user of users)
    t.match(
      k.exec(id, 'id', [`--user=${user}`]),
      { status: 255, stdout: '', stderr: /\w/ },
      JSON.stringify(user),
    );
  k.remove(id);
});

const mistakes: [string[], string[], RegExp][] = [
  [['--cwd', 'relative'], ['true'], /not an absolute path/],
  [['--env', 'NOVALUE'], ['true'], /NAME=VALUE/],
  [['--cap', 'CAP_FLYING'], ['true'], /CAP_FLYING/],
  [['--additional-gids', 'x'], ['true'], /group id "x"/],
  [[], ['no-such-program'], /no-such-program/],
  [[], ['/etc/passwd'], /permission denied/],
  [[], ['/etc'], /\/etc/],
  [['--cwd', '/etc/passwd'], ['true'], /not a directory/],
  [['--process', '/no/such/file'], [], /\/no\/such\/file/],
  [[], [], /needs a command/],
];
kernelTest('a failure is status 255 and one sentence', async (t, k) => {
  const id = k.running();
  for (const [given, command, stderr] of mistakes) {
    const outcome = k.exec(id, command, given);
    t.match(outcome, { status: 255, stdout: '', stderr }, [...given, ...command].join(' '));
    t.match(outcome.stderr, /^[^\n]+\n$/);
  }
  t.match(k.exec('none', 'true'), { status: 255, stderr: /does not exist/ });
  k.remove(id);
});

/** A process.json that says what it must and no more. */
function processFile(k: Kernel, more: Partial<Config['process']>): string {
  const file = `${k.directory}/${k.id()}.json`;
  writeFileSync(file, JSON.stringify({ cwd: '/', args: ['true'], user: { uid: 0, gid: 0 }, ...more }));
  return file;
}

kernelTest('--process has the whole process', async (t, k) => {
  const id = k.running();
  const file = processFile(k, {
    args: ['sh', '-c', 'pwd; id -u; id -g; echo "$A-$TERM"; umask; ulimit -n; grep CapEff /proc/self/status'],
    cwd: '/home/user',
    user: { uid: 0, gid: 9, umask: 0o007 },
    env: ['PATH=/bin', 'A=5'],
    capabilities: { bounding: ['CAP_KILL'], effective: ['CAP_KILL'], permitted: ['CAP_KILL'] },
    rlimits: [{ type: 'RLIMIT_NOFILE', soft: 77, hard: 88 }],
  });
  const stdout = '/home/user\n0\n9\n5-\n0007\n77\nCapEff:\t0000000000000020\n';
  t.match(k.runts(['exec', '--process', file, id]), { status: 0, stdout, stderr: '' });
  t.match(k.runts(['exec', '-p', processFile(k, { args: ['sh', '-c', 'exit 3'] }), id]), { status: 3 });
  k.remove(id);
});

kernelTest('what --process leaves out is as with runc', async (t, k) => {
  const id = k.running(({ process }) => {
    process.noNewPrivileges = true;
    process.rlimits = [{ type: 'RLIMIT_NOFILE', soft: 55, hard: 66 }];
    process.oomScoreAdj = 321;
  });
  const file = processFile(k, {
    args: ['sh', '-c', 'grep -E "CapEff|NoNew" /proc/self/status; cat /proc/self/oom_score_adj; ulimit -n'],
    env: ['PATH=/bin'],
  });
  const { stdout } = k.runts(['exec', '--process', file, id]);
  const limit = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  t.equal(stdout, `CapEff:\t0000000020000420\nNoNewPrivs:\t0\n321\n${limit}\n`);
  k.remove(id);
});

kernelTest('--process with mistakes says where', async (t, k) => {
  const id = k.running();
  const file = processFile(k, { cwd: 5 as unknown as string });
  t.match(k.runts(['exec', '--process', file, id]), { status: 255, stderr: /cwd/ });
  k.remove(id);
});

kernelTest('--detach comes back at once and leaves the process', async (t, k) => {
  const id = k.running();
  const file = `${k.directory}/pid`;
  k.ok(['exec', '--detach', '--pid-file', file, id, 'sleep', '1001']);
  const text = readFileSync(file, 'utf8');
  t.match(text, /^\d+$/);
  t.equal(readFileSync(`/proc/${text}/cmdline`, 'utf8').split('\0')[0], 'sleep');
  t.match(JSON.parse(k.ok(['ps', '-f', 'json', id])), [k.state(id).pid, Number(text)]);
  k.remove(id);
});

kernelTest('signals to runts reach the process', async (t, k) => {
  const id = k.running();
  const script = 'trap "echo term; exit 6" TERM; echo ready; while :; do sleep 0.01; done';
  const { child, done, stdout } = k.start(['exec', id, 'sh', '-c', script]);
  await until(() => stdout() === 'ready\n');
  child.kill('SIGTERM');
  t.match(await done, { status: 6, stdout: 'ready\nterm\n' });
  k.remove(id);
});

kernelTest('exec works in a created container', async (t, k) => {
  const id = k.created();
  t.match(k.exec(id, 'hostname'), { status: 0, stdout: 'runts\n', stderr: '' });
  t.equal(k.state(id).status, 'created');
  k.ok(['start', id]);
  k.remove(id);
});

kernelTest('exec is refused in a stopped container', async (t, k) => {
  const id = k.running(undefined, 'exit 0');
  await until(() => k.state(id).status === 'stopped');
  t.match(k.exec(id, 'true'), { status: 255, stderr: /stopped/ });
  k.ok(['delete', id]);
});

kernelTest('exec is refused in a paused container, unless --ignore-paused', async (t, k) => {
  const id = k.running();
  k.ok(['pause', id]);
  t.match(k.exec(id, 'true'), { status: 255, stderr: /paused/ });
  const { done } = k.start(['exec', '--ignore-paused', id, 'sh', '-c', 'exit 7']);
  await until(
    () =>
      readFileSync(`${k.cgroup(id)}/cgroup.procs`, 'utf8')
        .trim()
        .split('\n').length === 2,
  );
  k.ok(['resume', id]);
  t.equal((await done).status, 7);
  k.remove(id);
});

kernelTest('--cgroup puts the process below the cgroup of the container', async (t, k) => {
  const id = k.running(config => {
    const mount = config.mounts.find(({ type }) => type === 'cgroup')!;
    mount.options = ['rw'];
  }, 'mkdir /sys/fs/cgroup/sub /sys/fs/cgroup/sub/deep && echo ready && exec sleep 1000');
  const inside = () => k.exec(id, 'ls -d /sys/fs/cgroup/sub/deep').status === 0;
  await until(inside);
  const cgroup = (...given: string[]) => k.exec(id, "sed -n 's/^0:://p' /proc/self/cgroup", given).stdout;
  t.equal(cgroup(), '/\n');
  t.equal(cgroup('--cgroup', 'sub'), '/sub\n');
  t.equal(cgroup('--cgroup', '/sub/deep/'), '/sub/deep\n');
  for (const path of ['..', '../x', 'sub/../..', 'none'])
    t.match(k.exec(id, 'true', ['--cgroup', path]), { status: 255, stderr: /cgroup/ }, path);
  k.remove(id);
});

kernelTest('oom_score_adj, keyring and seccomp are as for the first process', async (t, k) => {
  const id = k.running(config => {
    config.process.oomScoreAdj = 123;
    config.linux.seccomp = { defaultAction: 'SCMP_ACT_ALLOW' };
  });
  const { stdout } = k.exec(id, 'cat /proc/self/oom_score_adj; grep Seccomp: /proc/self/status');
  t.equal(stdout, '123\nSeccomp:\t2\n');
  k.remove(id);
});

kernelTest('orphans of an exec are left to the init of the container', async (t, k) => {
  const id = k.running();
  k.exec(id, 'sleep 1001 & exit 0');
  const pids = JSON.parse(k.ok(['ps', '-f', 'json', id])) as number[];
  const orphan = pids.find(pid => pid !== k.state(id).pid)!;
  t.equal(statusLine(orphan, 'PPid'), String(k.state(id).pid));
  k.remove(id);
});

kernelTest('a log has the failure, too', async (t, k) => {
  const log = `${k.directory}/log`;
  k.runts(['--log', log, '--log-format', 'json', 'exec', 'none', 'true']);
  t.match(JSON.parse(readFileSync(log, 'utf8')), { level: 'error', msg: 'container does not exist' });
});
