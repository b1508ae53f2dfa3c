/** config.md "Process": what the program finds when it begins. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { type Config, install, type Kernel, kernelTest, statusLine } from './harness.js';

type Modify = (config: Config, rootfs: string) => void;

/** Lines of /proc/self/status of the program itself, without a shell in between. */
function status(k: Kernel, modify?: Modify): (key: string) => string | undefined {
  const text = k.inside(['cat', '/proc/self/status'], modify);
  return key => new RegExp(`^${key}:[ \\t]*(.*?)[ \\t]*$`, 'm').exec(text)?.[1];
}

const bits = {
  CAP_CHOWN: 1n << 0n,
  CAP_KILL: 1n << 5n,
  CAP_NET_BIND_SERVICE: 1n << 10n,
  CAP_AUDIT_WRITE: 1n << 29n,
};
const hex = (mask: bigint): string => mask.toString(16).padStart(16, '0');
const usual = hex(bits.CAP_KILL | bits.CAP_NET_BIND_SERVICE | bits.CAP_AUDIT_WRITE);
const none = hex(0n);

kernelTest('the default capabilities: three in three sets', async (t, k) => {
  const line = status(k);
  const sets = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map(line);
  t.strictSame(sets, [none, usual, usual, usual, none]);
});

kernelTest("the caller's ambient capabilities are not the container's", async (t, k) => {
  const text = k.inside(
    ['cat', '/proc/self/status'],
    ({ process }) => {
      process.capabilities = { ...process.capabilities, inheritable: ['CAP_KILL'], ambient: [] };
    },
    { prefix: ['setpriv', '--inh-caps', '+kill', '--ambient-caps', '+kill'] },
  );
  t.match(text, new RegExp(`^CapInh:\\s${hex(bits.CAP_KILL)}$`, 'm'));
  t.match(text, new RegExp(`^CapAmb:\\s${none}$`, 'm'));
});

kernelTest('each of the five capability sets is as given', async (t, k) => {
  const line = status(k, ({ process }) => {
    process.user = { uid: 1000, gid: 1000 }; // execve would give root all of the bounding set
    process.capabilities = {
      bounding: ['CAP_CHOWN', 'CAP_KILL', 'CAP_NET_BIND_SERVICE', 'CAP_AUDIT_WRITE'],
      permitted: ['CAP_CHOWN', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'],
      inheritable: ['CAP_CHOWN', 'CAP_KILL'],
      effective: ['CAP_KILL'],
      ambient: ['CAP_KILL'],
    };
  });
  t.equal(
    line('CapBnd'),
    hex(bits.CAP_CHOWN | bits.CAP_KILL | bits.CAP_NET_BIND_SERVICE | bits.CAP_AUDIT_WRITE),
  );
  t.equal(line('CapInh'), hex(bits.CAP_CHOWN | bits.CAP_KILL));
  // capabilities(7): without privileged files only the ambient set lives through execve
  for (const set of ['CapPrm', 'CapEff', 'CapAmb']) t.equal(line(set), hex(bits.CAP_KILL), set);
});

kernelTest('another user has no capabilities without ambient ones', async (t, k) => {
  const line = status(k, ({ process }) => {
    process.user = { uid: 1000, gid: 1000 };
  });
  t.strictSame(['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map(line), [none, none, none, usual, none]);
});

kernelTest('no capabilities in the configuration are no capabilities', async (t, k) => {
  const line = status(k, ({ process }) => Reflect.deleteProperty(process, 'capabilities'));
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) t.equal(line(set), none, set);
});

kernelTest('a capability that this kernel does not know is left out', async (t, k) => {
  const line = status(k, ({ process }) => {
    process.capabilities.bounding!.push('CAP_FLYING');
  });
  t.equal(line('CapBnd'), usual);
});

kernelTest('no_new_privs is as given', async (t, k) => {
  t.equal(status(k)('NoNewPrivs'), '1');
  for (const value of [false, undefined])
    t.equal(
      status(k, config => void Object.assign(config.process, { noNewPrivileges: value }))('NoNewPrivs'),
      '0',
    );
});

kernelTest('resource limits are set', async (t, k) => {
  const limits = k.inside(['cat', '/proc/self/limits'], ({ process }) => {
    process.rlimits = [
      { type: 'RLIMIT_NOFILE', soft: 100, hard: 200 },
      { type: 'RLIMIT_CORE', soft: 0, hard: 0 },
      { type: 'RLIMIT_STACK', soft: 4_000_000, hard: 18446744073709551615n },
      { type: 'RLIMIT_CPU', soft: 1000, hard: 1001 },
    ];
  });
  t.match(limits, /^Max open files +100 +200 /m);
  t.match(limits, /^Max core file size +0 +0 /m);
  t.match(limits, /^Max stack size +4000000 +unlimited /m);
  t.match(limits, /^Max cpu time +1000 +1001 /m);
});

kernelTest('user and groups are set, and no others are kept', async (t, k) => {
  const line = status(k, ({ process }) => {
    process.user = { uid: 1000, gid: 1001, additionalGids: [2000, 5, 4294967294] };
  });
  t.equal(line('Uid'), '1000\t1000\t1000\t1000');
  t.equal(line('Gid'), '1001\t1001\t1001\t1001');
  t.equal(line('Groups'), '5 2000 4294967294');
  t.equal(status(k)('Groups'), '', "none of the caller's");
});

kernelTest('standard streams become the user’s, except for /dev/null', async (t, k) => {
  // a node of our own: a mistake must not give away the machine's
  const node = `${k.directory}/null`;
  execFileSync('mknod', [node, 'c', '1', '3']);
  const file = `${k.directory}/output`;
  k.inside(
    'true',
    ({ process }) => {
      process.user = { uid: 1000, gid: 1000 };
    },
    { prefix: ['sh', '-c', `exec "$@" <${node} >${file}`, 'sh'] },
  );
  t.equal(statSync(file).uid, 1000);
  t.equal(statSync(node).uid, 0);
});

kernelTest('umask is 022 or as given', async (t, k) => {
  t.equal(status(k)('Umask'), '0022');
  const line = status(k, ({ process }) => {
    process.user.umask = 0o077;
  });
  t.equal(line('Umask'), '0077');
  t.equal(
    status(k, ({ process }) => {
      process.user.umask = 0;
    })('Umask'),
    '0000',
  );
});

kernelTest('the current directory is cwd', async (t, k) => {
  t.equal(
    k.inside('pwd', ({ process }) => {
      process.cwd = '/home/user';
    }),
    '/home/user\n',
  );
});

kernelTest('a cwd that is missing is made', async (t, k) => {
  const text = k.inside('pwd; stat -c %a . ..', config => {
    config.root.readonly = false;
    config.process.cwd = '/made/for/it';
  });
  t.equal(text, '/made/for/it\n755\n755\n');
});

kernelTest('a cwd that is missing on a read-only root is made as well', async (t, k) => {
  t.equal(
    k.inside('pwd', ({ process }) => {
      process.cwd = '/made/here';
    }),
    '/made/here\n',
  );
});

kernelTest('a cwd that only the user may enter', async (t, k) => {
  const text = k.inside('pwd', (config, rootfs) => {
    mkdirSync(`${rootfs}/home/user/private`, { mode: 0o700 });
    config.process.user = { uid: 0, gid: 0 };
    config.process.cwd = '/home/user/private';
  });
  t.equal(text, '/home/user/private\n');
});

kernelTest('the arguments arrive as they are', async (t, k) => {
  const args = ['', ' ', 'a b', '"', "'", '$x', '\\', 'ü€😀', '-e', '--'];
  const text = k.inside(['probe', 'args', ...args], (_, rootfs) => install(rootfs, 'probe'));
  t.strictSame(text.split('\n'), ['probe', 'args', ...args, '']);
});

kernelTest('the environment has its order, and of duplicates the last', async (t, k) => {
  const text = k.inside(['cat', '/proc/self/environ'], ({ process }) => {
    process.env = ['Z=1', 'PATH=/bin', 'A=first', 'HOME=/h', 'EMPTY=', 'E=a=b', 'A=last', 'X=ü'];
  });
  t.strictSame(text.split('\0'), ['Z=1', 'PATH=/bin', 'A=last', 'HOME=/h', 'EMPTY=', 'E=a=b', 'X=ü', '']);
});

kernelTest("nothing of the caller's environment gets in", async (t, k) => {
  const options = { env: { SECRET: 'x', LD_PRELOAD: '', NODE_OPTIONS: '' } };
  const modify: Modify = ({ process }) => {
    process.env = ['PATH=/bin', 'HOME=/'];
  };
  t.equal(k.inside(['cat', '/proc/self/environ'], modify, options), 'PATH=/bin\0HOME=/\0');
});

const homes: [name: string, uid: number, passwd: string | null, home: string][] = [
  ['of root', 0, null, '/root'],
  ['of another user', 1000, null, '/home/user'],
  ['of a user that has none', 1234, null, '/'],
  ['without /etc/passwd', 0, '', '/'],
  ['of the first entry', 7, 'a:x:7:7::/one:\nb:x:7:7::/two:\n', '/one'],
  ['behind lines that are none', 7, '# comment\n\nshort:x\na:x:7:7::/one:\n', '/one'],
];
for (const [name, uid, passwd, home] of homes) {
  kernelTest(`HOME ${name} is from the container's /etc/passwd`, async (t, k) => {
    const text = k.inside('echo $HOME', ({ process }, rootfs) => {
      process.user = { uid, gid: 0 };
      if (passwd !== null) writeFileSync(`${rootfs}/etc/passwd`, passwd);
    });
    t.equal(text, `${home}\n`);
  });
}

kernelTest('an /etc/passwd that leads out of the container is not read outside', async (t, k) => {
  writeFileSync(`${k.directory}/passwd`, 'root:x:0:0::/outside:\n');
  const text = k.inside('echo $HOME', (_, rootfs) => {
    writeFileSync(`${rootfs}/etc/passwd`, '');
    writeFileSync(`${rootfs}/etc/passwd`, 'root:x:0:0::/inside:\n');
    symlinkSync(`${k.directory}/passwd`, `${rootfs}/etc/other`);
  });
  t.equal(text, '/inside\n');
});

kernelTest('the program is looked up in the PATH of the configuration', async (t, k) => {
  const modify: Modify = ({ process }, rootfs) => {
    process.env = ['PATH=/nowhere:/tmp:/bin'];
    writeFileSync(`${rootfs}/tmp/tool`, '#!/bin/sh\necho found\n', { mode: 0o755 });
    writeFileSync(`${rootfs}/bin/tool`, '#!/bin/sh\necho wrong\n', { mode: 0o755 });
    chmodSync(`${rootfs}/tmp/tool`, 0o755);
  };
  t.equal(k.inside(['tool'], modify), 'found\n');
});

kernelTest('a file that is not executable is no program, and the next directory is tried', async (t, k) => {
  const modify: Modify = ({ process }, rootfs) => {
    process.env = ['PATH=/tmp:/bin'];
    writeFileSync(`${rootfs}/tmp/tool`, '#!/bin/sh\necho wrong\n', { mode: 0o644 });
    writeFileSync(`${rootfs}/bin/tool`, '#!/bin/sh\necho found\n', { mode: 0o755 });
  };
  t.equal(k.inside(['tool'], modify), 'found\n');
});

kernelTest('a program with a slash is relative to cwd', async (t, k) => {
  const modify: Modify = ({ process }, rootfs) => {
    process.cwd = '/home';
    writeFileSync(`${rootfs}/home/user/tool`, '#!/bin/sh\necho found\n', { mode: 0o755 });
  };
  t.equal(k.inside(['./user/tool'], modify), 'found\n');
});

kernelTest('create fails when there is no such program', async (t, k) => {
  const bundle = k.bundle(({ process }) => {
    process.args = ['no-such-program'];
  });
  t.match(k.runts(['create', '--bundle', bundle, k.id()]), { status: 1, stderr: /no-such-program.*\n$/ });
});

kernelTest('the session keyring is a new one', async (t, k) => {
  const probe: Modify = (_, rootfs) => install(rootfs, 'probe');
  const [first, second] = [k.inside(['probe', 'keyring'], probe), k.inside(['probe', 'keyring'], probe)];
  t.match(first, /^\d+ keyring;0;0;[0-9a-f]{8};_ses\.\S+\n$/);
  t.not(first.split(' ')[0], second.split(' ')[0]);
});

kernelTest("--no-new-keyring keeps the caller's session keyring", async (t, k) => {
  const run = (...flags: string[]) => {
    const bundle = k.bundle((config, rootfs) => {
      install(rootfs, 'probe');
      config.process.args = ['probe', 'keyring'];
    });
    return k.runts(['run', ...flags, '--bundle', bundle, k.id()]).stdout;
  };
  t.notMatch(run('--no-new-keyring'), k.token);
  t.match(run(), k.token);
});

kernelTest('oom_score_adj is as given', async (t, k) => {
  const text = k.inside(['cat', '/proc/self/oom_score_adj'], ({ process }) => {
    process.oomScoreAdj = 321;
  });
  t.equal(text, '321\n');
  const own = readFileSync('/proc/self/oom_score_adj', 'utf8');
  t.equal(k.inside(['cat', '/proc/self/oom_score_adj']), own, 'else as that of the caller');
});

kernelTest('a seccomp filter is active, with and without no_new_privs', async (t, k) => {
  for (const noNewPrivileges of [true, false]) {
    const modify: Modify = (config, rootfs) => {
      install(rootfs, 'probe');
      config.process.noNewPrivileges = noNewPrivileges;
      config.linux.seccomp = {
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [{ names: ['getcpu'], action: 'SCMP_ACT_ERRNO', errnoRet: 95 }],
      };
    };
    t.equal(status(k, modify)('Seccomp'), '2');
    t.equal(k.inside(['probe', 'call', 'getcpu'], modify), 'Operation not supported\n');
  }
  t.equal(status(k)('Seccomp'), '0', 'none without a profile');
});

kernelTest('no signal is blocked or ignored', async (t, k) => {
  const line = status(k);
  t.strictSame([line('SigBlk'), line('SigIgn')], [none, none]);
});

kernelTest('the program is the leader of a session of its own', async (t, k) => {
  const line = status(k);
  t.strictSame([line('NSsid'), line('NSpgid')], ['1', '1']);
});

kernelTest('the program may be read by its owner: it is dumpable like any other', async (t, k) => {
  const id = k.running(({ process }) => {
    process.user = { uid: 1000, gid: 1000 };
  });
  const { pid } = k.state(id);
  t.match(statusLine(pid, 'Uid'), /^1000/);
  t.equal(k.exec(id, 'cat /proc/1/environ >/dev/null').status, 0);
  k.remove(id);
});

kernelTest('scheduler, io priority and personality are applied', async (t, k) => {
  const text = k.inside('cat /proc/self/sched | grep policy; uname -m', config => {
    config.process.scheduler = { policy: 'SCHED_BATCH', nice: 5 };
    config.linux.personality = { domain: 'LINUX32' };
  });
  t.match(text, /policy +: +3\n/);
  t.not(text.split('\n')[1], process.arch === 'x64' ? 'x86_64' : 'aarch64');
});
