/** config.md "Process" where it takes privileges or a kernel that not every machine has. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { kernelTest } from '../../kernel/harness.js';

kernelTest('hard limits can be raised', async (t, kernel) => {
  const out = kernel.inside(
    'ulimit -Sn; ulimit -Hn; cat /proc/self/limits',
    config => {
      config.process.rlimits = [
        { type: 'RLIMIT_NOFILE', soft: 1000000, hard: 1048576 },
        { type: 'RLIMIT_CORE', soft: 5, hard: 7 },
        {
          type: 'RLIMIT_MEMLOCK',
          soft: 18446744073709551615n as unknown as number,
          hard: 18446744073709551615n as unknown as number,
        },
      ];
    },
    { prefix: ['prlimit', '--nofile=512:1024', '--memlock=65536:65536'] },
  );
  t.match(out, /^1000000\n1048576\n/);
  t.match(out, /^Max core file size +5 +7/m);
  t.match(out, /^Max locked memory +unlimited +unlimited/m);
});

for (const score of [-1000, -500, 0, 1000]) {
  kernelTest(`oomScoreAdj ${score}`, async (t, kernel) => {
    const out = kernel.inside('cat /proc/self/oom_score_adj', config => {
      config.process.oomScoreAdj = score;
    });
    t.equal(out, `${score}\n`);
  });
}

const profile = 'runts-test';
const load = (): void => {
  execFileSync('apparmor_parser', ['-r'], {
    input: `profile ${profile} flags=(attach_disconnected,mediate_deleted) {\n  file,\n  signal,\n  capability,\n  deny /etc/passwd r,\n}\n`,
  });
};

kernelTest('an AppArmor profile confines the program', async (t, kernel) => {
  load();
  const { status, stdout, stderr } = kernel.run('cat /proc/self/attr/current; cat /etc/passwd', config => {
    config.process.apparmorProfile = profile;
  });
  t.equal(stdout, `${profile} (enforce)\n`);
  t.match(stderr, /passwd.*Permission denied/i);
  t.equal(status, 1);
});

kernelTest('an AppArmor profile of exec', async (t, kernel) => {
  load();
  const id = kernel.running();
  const { stdout } = kernel.exec(id, 'cat /proc/self/attr/current', ['--apparmor', profile]);
  t.equal(stdout, `${profile} (enforce)\n`);
  kernel.remove(id);
});

kernelTest('unconfined by AppArmor', async (t, kernel) => {
  const out = kernel.inside('cat /proc/self/attr/current', config => {
    config.process.apparmorProfile = 'unconfined';
  });
  t.equal(out, 'unconfined\n');
});

kernelTest('exec has the AppArmor profile of the configuration, or its own', async (t, kernel) => {
  load();
  const id = kernel.running(config => {
    config.process.apparmorProfile = profile;
  });
  t.equal(kernel.exec(id, 'cat /proc/self/attr/current').stdout, `${profile} (enforce)\n`);
  t.equal(
    kernel.exec(id, 'cat /proc/self/attr/current', ['--apparmor', 'unconfined']).stdout,
    'unconfined\n',
  );
  const missing = kernel.exec(id, 'true', ['--apparmor', 'runts-nothing']);
  t.equal(missing.status, 255);
  t.match(missing.stderr, /runts-nothing/);
  kernel.remove(id);
});

kernelTest('an AppArmor profile that is not loaded is refused', async (t, kernel) => {
  const { status, stderr } = kernel.run('true', config => {
    config.process.apparmorProfile = 'runts-nothing';
  });
  t.equal(status, 1);
  t.match(stderr, /runts-nothing/);
  t.match(stderr, /\/process\/apparmorProfile/);
});

kernelTest('clocks of a time namespace', async (t, kernel) => {
  const uptime = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
  const out = kernel.inside('cat /proc/self/timens_offsets; cat /proc/uptime', config => {
    config.linux.namespaces.push({ type: 'time' });
    config.linux.timeOffsets = { boottime: { secs: 100000, nanosecs: 5 }, monotonic: { secs: 200000 } };
  });
  t.match(out, /monotonic +200000 +0/);
  t.match(out, /boottime +100000 +5/);
  t.ok(Number(out.trim().split('\n').at(-1)!.split(' ')[0]) >= uptime + 100000, 'uptime');
});

kernelTest('all capabilities', async (t, kernel) => {
  const last = Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8'));
  const names = /Cap(Eff|Bnd):\t(\w+)/g;
  const all = execFileSync('capsh', ['--print'], { encoding: 'utf8' });
  const set = /Bounding set =(\S+)/
    .exec(all)![1]!
    .split(',')
    .map(name => name.toUpperCase());
  const out = kernel.inside('cat /proc/self/status', config => {
    config.process.capabilities = { bounding: set, effective: set, permitted: set };
  });
  const expected = ((1n << BigInt(last + 1)) - 1n).toString(16).padStart(16, '0');
  t.strictSame(
    [...out.matchAll(names)].map(match => match[2]),
    [expected, expected],
  );
});

kernelTest('a realtime scheduler', async (t, kernel) => {
  const id = kernel.running(config => {
    config.process.scheduler = { policy: 'SCHED_FIFO', priority: 10 };
  });
  const stat = readFileSync(`/proc/${kernel.state(id).pid}/stat`, 'utf8')
    .split(') ')[1]!
    .split(' ');
  t.strictSame([stat[37], stat[38]], ['10', '1'], 'priority and policy');
  kernel.remove(id);
});
