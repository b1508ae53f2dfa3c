/** process, linux.personality and linux.memoryPolicy: each read back by the program itself or from its files in /proc. */
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { allow, install, refused } from './config-tools.js';
import { type Config, kernelTest, sanitized, statusLine } from './harness.js';

type Scheduler = NonNullable<Config['process']['scheduler']>;

/** Scheduling of a process: policy (sched(7)), real-time priority, nice value; from /proc/PID/stat */
function scheduling(pid: number): [policy: number, priority: number, nice: number] {
  const words = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return [Number(words[38]), Number(words[37]), Number(words[16])];
}

/** What a policy without nice values leaves as it was. */
const ownNice = getPriority();

const SCHEDULERS: [scheduler: Scheduler, expected: [number, number, number]][] = [
  [{ policy: 'SCHED_OTHER', nice: 5 }, [0, 0, 5]],
  [{ policy: 'SCHED_OTHER', nice: -5 }, [0, 0, -5]],
  [{ policy: 'SCHED_BATCH', nice: 19 }, [3, 0, 19]],
  [{ policy: 'SCHED_IDLE' }, [5, 0, ownNice]],
  [{ policy: 'SCHED_FIFO', priority: 10 }, [1, 10, ownNice]],
  [{ policy: 'SCHED_RR', priority: 99, flags: ['SCHED_FLAG_RESET_ON_FORK'] }, [2, 99, ownNice]],
  [
    { policy: 'SCHED_DEADLINE', runtime: 1_000_000, deadline: 20_000_000, period: 20_000_000 },
    [6, 0, ownNice],
  ],
];

for (const [scheduler, expected] of SCHEDULERS) {
  kernelTest(`scheduler: ${JSON.stringify(scheduler)}`, async (t, k) => {
    const id = k.running(config => {
      config.process.scheduler = scheduler;
    });
    t.strictSame(scheduling(k.state(id).pid), expected);
    k.remove(id);
  });
}

kernelTest('exec has its own scheduler', async (t, k) => {
  const id = k.running(config => {
    config.process.scheduler = { policy: 'SCHED_OTHER', nice: 7 };
  });
  t.match(k.exec(id, 'cut -d " " -f 19 /proc/self/stat').stdout, /^(7|0)\n$/);
  t.equal(scheduling(k.state(id).pid)[2], 7);
  k.remove(id);
});

kernelTest('a scheduler that the kernel does not take is refused', async (t, k) => {
  refused(t, k, /scheduler/, config => {
    config.process.scheduler = { policy: 'SCHED_FIFO', priority: 0 };
  });
});

const IO: [ioPriority: NonNullable<Config['process']['ioPriority']>, expected: RegExp][] = [
  [{ class: 'IOPRIO_CLASS_BE', priority: 3 }, /^best-effort: prio 3\n$/],
  [{ class: 'IOPRIO_CLASS_RT', priority: 0 }, /^realtime: prio 0\n$/],
  [{ class: 'IOPRIO_CLASS_IDLE' }, /^idle/],
];

kernelTest('ioPriority', async (t, k) => {
  for (const [ioPriority, expected] of IO)
    t.match(
      k.inside('busybox ionice -p $$', config => {
        config.process.ioPriority = ioPriority;
      }),
      expected,
    );
});

kernelTest('personality LINUX32 makes the machine a 32-bit one', async (t, k) => {
  if (process.arch !== 'x64') {
    t.pass('known for x86_64 only', { skip: 'known for x86_64 only' });
    return;
  }
  t.equal(k.inside('uname -m'), 'x86_64\n');
  const modify = (domain: 'LINUX' | 'LINUX32') => (config: Config) => {
    config.linux.personality = { domain };
  };
  t.equal(k.inside('uname -m', modify('LINUX32')), 'i686\n');
  t.equal(k.inside('uname -m', modify('LINUX')), 'x86_64\n');
  const id = k.running(modify('LINUX32'));
  t.equal(readFileSync(`/proc/${k.state(id).pid}/personality`, 'utf8'), '00000008\n');
  t.equal(k.exec(id, 'uname -m').stdout, 'i686\n', 'exec, too');
  k.remove(id);
});

const POLICIES: [policy: NonNullable<Config['linux']['memoryPolicy']>, expected: RegExp][] = [
  [{ mode: 'MPOL_DEFAULT' }, /^default$/],
  [{ mode: 'MPOL_BIND', nodes: '0' }, /^bind:0$/],
  [{ mode: 'MPOL_BIND', nodes: '0', flags: ['MPOL_F_STATIC_NODES'] }, /^bind=static:0$/],
  [{ mode: 'MPOL_BIND', nodes: '0', flags: ['MPOL_F_RELATIVE_NODES'] }, /^bind=relative:0$/],
  [{ mode: 'MPOL_PREFERRED', nodes: '0' }, /^prefer:0$/],
  [{ mode: 'MPOL_PREFERRED_MANY', nodes: '0' }, /^prefer \(many\):0$|^prefer.*:0$/],
  [{ mode: 'MPOL_INTERLEAVE', nodes: '0' }, /^interleave:0$/],
  [{ mode: 'MPOL_WEIGHTED_INTERLEAVE', nodes: '0' }, /^weighted interleave:0$/],
  [{ mode: 'MPOL_LOCAL' }, /^local$/],
];

kernelTest('memoryPolicy', async (t, k) => {
  for (const [policy, expected] of POLICIES) {
    const text = k.inside('grep -m 1 stack /proc/self/numa_maps; head -n 1 /proc/self/numa_maps', config => {
      config.linux.memoryPolicy = policy;
    });
    const words = / (.*?) (?:file|stack|anon|heap|mapped)/.exec(text.split('\n').at(-2)!)?.[1];
    t.match(words, expected, policy.mode);
  }
  refused(t, k, /memoryPolicy/, config => {
    config.linux.memoryPolicy = { mode: 'MPOL_BIND', nodes: '1000' };
  });
});

const cpus = (text: string) => /Cpus_allowed_list:\s*(\S+)/.exec(text)?.[1];
const all = cpus(readFileSync('/proc/1/status', 'utf8'))!;

kernelTest("the caller's CPU affinity is not the container's", async (t, k) => {
  const prefix = ['taskset', '-c', '0'];
  t.equal(cpus(k.inside('cat /proc/self/status', undefined, { prefix })), all);
  const id = k.running();
  t.equal(cpus(k.exec(id, 'cat /proc/self/status', [], { prefix }).stdout), all, 'nor that of exec');
  k.remove(id);
});

kernelTest('execCPUAffinity is for exec', async (t, k) => {
  const id = k.running(config => {
    config.process.execCPUAffinity = { initial: '0', final: '0' };
  });
  t.equal(statusLine(k.state(id).pid, 'Cpus_allowed_list'), all, 'not for the first process');
  t.equal(cpus(k.exec(id, 'cat /proc/self/status').stdout), '0');
  k.remove(id);
});

kernelTest('execCPUAffinity: initial alone stays, final wins', async (t, k) => {
  if (all === '0') {
    t.pass('there is one CPU only', { skip: 'there is one CPU only' });
    return;
  }
  for (const [affinity, expected] of [
    [{ initial: '1' }, '1'],
    [{ initial: '0', final: '1' }, '1'],
    [{ final: '0-1' }, '0-1'],
  ] as const) {
    const id = k.running(config => {
      config.process.execCPUAffinity = affinity;
    });
    t.equal(cpus(k.exec(id, 'cat /proc/self/status').stdout), expected, JSON.stringify(affinity));
    k.remove(id);
  }
});

/** Some virtual machines do not even let root raise limits. */
const maySetLimits = (BigInt(`0x${statusLine('self', 'CapEff')}`) >> 24n) & 1n; // CAP_SYS_RESOURCE

kernelTest('rlimits are those of the program', async (t, k) => {
  let types: [string, number, number, string][] = [
    ['RLIMIT_NOFILE', 100, 200, 'Max open files'],
    ['RLIMIT_CORE', 0, 4096, 'Max core file size'],
    ['RLIMIT_CPU', 1000, 2000, 'Max cpu time'],
    ['RLIMIT_FSIZE', 1 << 30, 1 << 31, 'Max file size'],
    ['RLIMIT_NPROC', 500, 600, 'Max processes'],
    ['RLIMIT_STACK', 1 << 23, 1 << 24, 'Max stack size'],
    ['RLIMIT_MEMLOCK', 65_536, 65_536, 'Max locked memory'],
    ['RLIMIT_SIGPENDING', 100, 100, 'Max pending signals'],
    ['RLIMIT_MSGQUEUE', 1000, 1000, 'Max msgqueue size'],
    ['RLIMIT_NICE', 5, 10, 'Max nice priority'],
    ['RLIMIT_RTPRIO', 1, 2, 'Max realtime priority'],
    ['RLIMIT_RTTIME', 1000, 2000, 'Max realtime timeout'],
    ['RLIMIT_LOCKS', 7, 8, 'Max file locks'],
    ['RLIMIT_DATA', 1 << 30, 1 << 30, 'Max data size'],
    ['RLIMIT_AS', 1 << 30, 1 << 30, 'Max address space'],
    ['RLIMIT_RSS', 1 << 30, 1 << 30, 'Max resident set'],
  ];
  const own = readFileSync('/proc/self/limits', 'utf8');
  const isLower = ([, , hard, line]: (typeof types)[number]): boolean => {
    const [, max] = new RegExp(`^${line} +\\S+ +(\\S+)`, 'm').exec(own)!;
    return max === 'unlimited' || Number(max) >= hard >>> 0;
  };
  types = types.filter(type => maySetLimits || isLower(type));
  // AddressSanitizer reserves terabytes
  if (sanitized) types = types.filter(([type]) => type !== 'RLIMIT_AS' && type !== 'RLIMIT_DATA');
  t.ok(types.length > 8);
  const modify = (config: Config) => {
    config.process.rlimits = types.map(([type, soft, hard]) => ({
      type,
      soft: soft >>> 0,
      hard: hard >>> 0,
    }));
  };
  const id = k.running(modify);
  const limits = readFileSync(`/proc/${k.state(id).pid}/limits`, 'utf8');
  const exec = k.exec(id, 'cat /proc/self/limits').stdout;
  for (const [type, soft, hard, line] of types) {
    const expected = new RegExp(`^${line} +${soft >>> 0} +${hard >>> 0} `, 'm');
    t.match(limits, expected, type);
    t.match(exec, expected, `${type} of exec`);
  }
  k.remove(id);
});

kernelTest('an rlimit may be without limit', async (t, k) => {
  const text = k.inside('grep "core file" /proc/self/limits', undefined, {});
  t.match(text, /core file/);
  const bundle = k.bundle(undefined, {
    text: '{"ociVersion":"1.3.0","process":{"cwd":"/","user":{"uid":0,"gid":0},"args":["/bin/cat","/proc/self/limits"],"rlimits":[{"type":"RLIMIT_CORE","soft":18446744073709551615,"hard":18446744073709551615}]},"root":{"path":"rootfs"},"mounts":[{"destination":"/proc","type":"proc","source":"proc"}],"linux":{"namespaces":[{"type":"mount"},{"type":"pid"}]}}',
  });
  t.match(k.ok(['run', '--bundle', bundle, k.id()]), /^Max core file size +unlimited +unlimited/m);
});

/** Capability sets as /proc/PID/status has them. */
const sets = (text: string) =>
  Object.fromEntries(
    [...text.matchAll(/^Cap(\w+):\s*(\S+)$/gm)].map(([, name, mask]) => [name, parseInt(mask!, 16)]),
  );

const [CHOWN, NET_BIND_SERVICE, NET_RAW] = [1 << 0, 1 << 10, 1 << 13];

kernelTest('each capability set is as given', async (t, k) => {
  const text = k.inside('cat /proc/self/status', config => {
    config.process.capabilities = {
      bounding: ['CAP_CHOWN', 'CAP_NET_RAW', 'CAP_NET_BIND_SERVICE'],
      permitted: ['CAP_CHOWN', 'CAP_NET_RAW'],
      effective: ['CAP_CHOWN'],
      inheritable: ['CAP_NET_RAW'],
      ambient: [],
    };
    config.process.args = ['cat', '/proc/self/status'];
    config.process.user = { uid: 1000, gid: 1000 };
  });
  t.strictSame(sets(text), {
    Inh: NET_RAW,
    Prm: 0,
    Eff: 0,
    Bnd: CHOWN | NET_RAW | NET_BIND_SERVICE,
    Amb: 0,
  });
});

kernelTest('inheritable capabilities beyond the bounding set are left out', async (t, k) => {
  const text = k.inside(['cat', '/proc/self/status'], config => {
    const one = ['CAP_CHOWN'];
    config.process.capabilities = { bounding: one, permitted: one, inheritable: [...one, 'CAP_NET_RAW'] };
  });
  t.equal(sets(text).Inh, CHOWN);
});

kernelTest('ambient capabilities let another user than root have them', async (t, k) => {
  const names = ['CAP_NET_RAW', 'CAP_CHOWN'];
  const modify = (config: Config) => {
    config.process.user = { uid: 1000, gid: 1000 };
    config.process.capabilities = {
      bounding: names,
      permitted: names,
      effective: names,
      inheritable: names,
      ambient: names,
    };
  };
  const mask = CHOWN | NET_RAW;
  const expected = { Inh: mask, Prm: mask, Eff: mask, Bnd: mask, Amb: mask };
  t.strictSame(sets(k.inside('cat /proc/self/status', modify)), expected);
  const id = k.running(modify);
  t.strictSame(sets(k.exec(id, 'cat /proc/self/status').stdout), expected, 'exec');
  k.remove(id);
});

kernelTest('without capabilities there are none', async (t, k) => {
  const text = k.inside('cat /proc/self/status', config => {
    config.process.capabilities = {};
  });
  t.strictSame(sets(text), { Inh: 0, Prm: 0, Eff: 0, Bnd: 0, Amb: 0 });
});

kernelTest('all capabilities of this kernel can be given', async (t, k) => {
  const last = Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8'));
  const { CAPABILITIES } = await import('../../src/plan/capabilities.js');
  const own = BigInt(`0x${statusLine('self', 'CapBnd')}`);
  const names = CAPABILITIES.slice(0, last + 1);
  const text = k.inside('cat /proc/self/status', config => {
    config.process.capabilities = { bounding: [...names], permitted: [...names], effective: [...names] };
  });
  t.match(sets(text), { Prm: Number(own), Bnd: Number(own) }, 'as many as we have ourselves');
});

kernelTest('user, groups and umask', async (t, k) => {
  const script = 'id -u; id -g; id -G; umask; touch /tmp/file; stat -c "%a %u:%g" /tmp/file';
  const text = k.inside(script, config => {
    config.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['mode=1777'] });
    config.process.user = { uid: 1000, gid: 2000, additionalGids: [5, 7, 4_000_000_000], umask: 0o27 };
  });
  t.equal(text, '1000\n2000\n2000 5 7 4000000000\n0027\n640 1000:2000\n');
});

kernelTest('without a umask it is 0022, and 0 is 0', async (t, k) => {
  t.equal(k.inside('umask', undefined, { prefix: ['sh', '-c', 'umask 077; exec "$@"', 'sh'] }), '0022\n');
  const zero = (config: Config) => {
    config.process.user.umask = 0;
  };
  t.equal(k.inside('umask', zero), '0000\n');
});

kernelTest('exec has the umask and the groups of the container, unless told otherwise', async (t, k) => {
  const id = k.running(config => {
    config.process.user = { uid: 1000, gid: 1000, additionalGids: [5], umask: 0o77 };
  });
  t.equal(k.exec(id, 'umask; id -G').stdout, '0077\n1000 5\n');
  t.equal(k.exec(id, 'id -G', ['--additional-gids', '9']).stdout, '1000 5 9\n');
  k.remove(id);
});

kernelTest('noNewPrivileges is as given', async (t, k) => {
  for (const noNewPrivileges of [true, false]) {
    const id = k.running(config => {
      config.process.noNewPrivileges = noNewPrivileges;
    });
    t.equal(statusLine(k.state(id).pid, 'NoNewPrivs'), noNewPrivileges ? '1' : '0');
    t.equal(k.exec(id, 'grep NoNew /proc/self/status').stdout, `NoNewPrivs:\t${Number(noNewPrivileges)}\n`);
    k.remove(id);
  }
});

kernelTest('noNewPrivileges takes set-user-ID its effect', async (t, k) => {
  const id = (noNewPrivileges: boolean) =>
    k.inside(`/bin/syscall ${process.arch === 'x64' ? 107 : 175}`, (config, rootfs) => {
      config.process.noNewPrivileges = noNewPrivileges;
      config.process.user = { uid: 1000, gid: 1000 };
      allow(config, 'CAP_SETUID');
      install(rootfs, 'syscall'); // geteuid; busybox gives set-user-ID up by itself
      chmodSync(`${rootfs}/bin/syscall`, 0o4755);
    });
  t.equal(id(true), '1000\n');
  t.equal(id(false), '0\n');
});

kernelTest('oomScoreAdj is that of the program', async (t, k) => {
  for (const oomScoreAdj of maySetLimits ? [500, 1000, 0, -1000] : [500, 1000, 0]) {
    const id = k.running(config => {
      config.process.oomScoreAdj = oomScoreAdj;
    });
    t.equal(readFileSync(`/proc/${k.state(id).pid}/oom_score_adj`, 'utf8'), `${oomScoreAdj}\n`);
    t.equal(k.exec(id, 'cat /proc/self/oom_score_adj').stdout, `${oomScoreAdj}\n`, 'exec');
    k.remove(id);
  }
});

kernelTest("without oomScoreAdj it is the caller's", async (t, k) => {
  const prefix = ['sh', '-c', 'echo 77 >/proc/self/oom_score_adj; exec "$@"', 'sh'];
  t.equal(k.inside('cat /proc/self/oom_score_adj', undefined, { prefix }), '77\n');
});

kernelTest('environment, arguments and directory arrive as they are', async (t, k) => {
  const text = k.inside(
    'pwd; printf "%s|" "$@"; tr "\\0" "\\n" </proc/1/environ | sort | grep -v ^PATH',
    config => {
      config.process.args.push('sh', '', 'two words', '$x', 'ünï\n');
      config.process.env.push('EMPTY=', 'TERM=first', 'TERM=last', 'WORDS=a b=c', 'ÜNÏ=ö');
      config.process.cwd = '/home/user';
    },
  );
  t.equal(text, '/home/user\n|two words|$x|ünï\n|EMPTY=\nHOME=/root\nTERM=last\nWORDS=a b=c\nÜNÏ=ö\n');
});

kernelTest('AppArmor and SELinux are refused where the host has none', async (t, k) => {
  const list = '/sys/kernel/security/lsm';
  const lsm = existsSync(list) ? readFileSync(list, 'utf8') : '';
  const cases = [
    ['apparmor', 'apparmorProfile'],
    ['selinux', 'selinuxLabel'],
  ] as const;
  for (const [name, property] of cases) {
    if (lsm.includes(name)) continue;
    refused(t, k, new RegExp(`${property}.*${name} is not enabled`, 'i'), config => {
      config.process[property] = 'some-label';
    });
  }
});

kernelTest('as many groups as there can be need no stack', async (t, k) => {
  const text = k.inside('id -G | wc -w', config => {
    config.process.user = { uid: 0, gid: 0, additionalGids: Array.from({ length: 65536 }, (_, i) => i) };
    config.process.rlimits = [{ type: 'RLIMIT_STACK', soft: 131072, hard: 131072 }];
  });
  t.equal(text, '65536\n');
});
