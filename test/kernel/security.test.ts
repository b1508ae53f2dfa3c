/** The classes of bug that other runtimes have had; each test names one of its reports. */
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { type Config, helper, hosts, install, type Kernel, kernelTest, until } from './harness.js';

/** A directory of the host that no container may touch. */
function outside(k: Kernel): string {
  const directory = `${k.directory}/outside`;
  mkdirSync(directory);
  writeFileSync(`${directory}/file`, 'untouched');
  return directory;
}

const digest = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

kernelTest(
  'what runs with the privileges of a container is a sealed memory file (CVE-2019-5736)',
  async (t, k) => {
    const id = k.created();
    const exe = `/proc/${k.state(id).pid}/exe`;
    t.match(readlinkSync(exe), /^\/memfd:/);
    for (const mode of ['>', '>>'])
      t.match(
        k.runts([], { prefix: ['sh', '-c', `: ${mode}${exe} #`] }).stderr,
        /Text file busy|not permitted/i,
      );
    k.remove(id);
  },
);

kernelTest('a program that is /proc/self/exe finds nothing of the host (CVE-2019-5736)', async (t, k) => {
  const files = hosts.map(({ argv }) => argv.at(-1)!);
  const before = files.map(digest);
  const attack = (_: Config, rootfs: string) => {
    writeFileSync(`${rootfs}/bin/attack`, '#!/proc/self/exe\n', { mode: 0o755 });
  };
  t.not(k.run(['attack'], attack).status, 0);
  const id = k.running(attack);
  t.not(k.exec(id, ['attack']).status, 0);
  k.remove(id);
  t.strictSame(files.map(digest), before);
});

kernelTest('an image with a symlink for /proc or /sys is refused (CVE-2019-19921)', async (t, k) => {
  for (const name of ['proc', 'sys']) {
    const outcome = k.run('true', (_, rootfs) => {
      rmSync(`${rootfs}/${name}`, { recursive: true });
      symlinkSync('tmp', `${rootfs}/${name}`);
    });
    t.match(outcome, { status: 1, stdout: '', stderr: new RegExp(`/${name}`) }, name);
  }
});

kernelTest('an image with a file for /proc is refused', async (t, k) => {
  const outcome = k.run('true', (_, rootfs) => {
    rmSync(`${rootfs}/proc`, { recursive: true });
    writeFileSync(`${rootfs}/proc`, '');
  });
  t.match(outcome, { status: 1, stderr: /\/proc/ });
});

kernelTest(
  'nothing but proc is mounted on /proc, and only a few files in it (CVE-2015-3630)',
  async (t, k) => {
    const mounts = [
      { destination: '/proc', type: 'tmpfs', source: 'tmpfs' },
      { destination: '/proc', type: 'none', source: '/tmp', options: ['bind'] },
      { destination: '/proc/self/attr', type: 'tmpfs', source: 'tmpfs' },
      { destination: '/tmp/../proc/self', type: 'tmpfs', source: 'tmpfs' },
      { destination: '/proc/sys/kernel', type: 'none', source: '/tmp', options: ['bind'] },
    ];
    for (const mount of mounts) {
      const outcome = k.run('true', config => {
        config.mounts = config.mounts.filter(({ destination }) => mount.destination !== destination);
        config.mounts.push(mount);
      });
      t.match(outcome, { status: 1, stderr: /\/proc/ }, `${mount.destination} ${mount.type}`);
    }
    const outcome = k.run('cat /proc/uptime', config => {
      writeFileSync(`${k.directory}/uptime`, '1 2\n');
      config.mounts.push({ destination: '/proc/uptime', source: `${k.directory}/uptime`, options: ['bind'] });
    });
    t.match(outcome, { status: 0, stdout: '1 2\n' });
  },
);

kernelTest('no symlink of the image leads a mount into /proc (CVE-2025-52881)', async (t, k) => {
  const volume = outside(k);
  mkdirSync(`${volume}/sys/net/ipv4`, { recursive: true });
  writeFileSync(`${volume}/sys/net/ipv4/ip_forward`, 'untouched');
  const mounts = [
    { destination: '/data', source: volume, options: ['bind'] },
    { destination: '/data', type: 'tmpfs', source: 'tmpfs' },
    { destination: '/data/sys/net', source: volume, options: ['rbind'] },
    { destination: '/data/uptime', source: `${volume}/file`, options: ['bind'] },
  ];
  for (const mount of mounts) {
    const outcome = k.run('true', (config, rootfs) => {
      symlinkSync('../proc', `${rootfs}/data`);
      config.linux.sysctl = { 'net.ipv4.ip_forward': '1' };
      config.mounts.push(mount);
    });
    t.match(outcome, { status: 1, stdout: '', stderr: /leads from there into \/proc\n$/ }, mount.destination);
  }
  t.equal(readFileSync(`${volume}/sys/net/ipv4/ip_forward`, 'utf8'), 'untouched');
});

kernelTest(
  '/dev/console is bound to nothing in /proc, and to nothing outside (CVE-2025-52565)',
  async (t, k) => {
    const host = outside(k);
    const onConsole = (link: string) =>
      k.run('echo it ran', (config, rootfs) => {
        config.process.terminal = true;
        config.mounts = config.mounts.filter(
          ({ destination }) => !/^\/dev(\/(shm|mqueue))?$/.test(destination),
        );
        mkdirSync(`${rootfs}/dev/pts`);
        symlinkSync(link, `${rootfs}/dev/console`);
      });
    t.match(onConsole('/proc/sys/kernel/core_pattern'), { status: 1, stdout: '', stderr: /into \/proc\n$/ });
    onConsole(`../../../../../../../../..${host}/file`);
    t.equal(readFileSync(`${host}/file`, 'utf8'), 'untouched');
    t.ok(statSync(`${host}/file`).isFile());
  },
);

kernelTest("a container's own idea of a terminal is not believed (CVE-2025-52565)", async (t, k) => {
  const id = k.running(config => {
    config.root.readonly = false;
    config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith('/dev'));
  }, 'mkdir -p /dev/pts; for f in /dev/ptmx /dev/pts/ptmx /dev/pts/0; do rm -f $f; echo fake >$f; done; exec sleep 1000');
  await until(() => readFileSync(`/proc/${k.state(id).pid}/comm`, 'utf8') === 'sleep\n');
  t.match(k.exec(id, 'echo it ran', ['--tty']), { status: 255, stdout: '', stderr: /^[^\n]+\n$/ });
  k.remove(id);
});

kernelTest("an image's own /dev/null is not what masks are made of (CVE-2025-31133)", async (t, k) => {
  const host = outside(k);
  const outcome = k.run('cat /etc/secret; echo written >/etc/secret', (config, rootfs) => {
    config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith('/dev'));
    symlinkSync(`${host}/file`, `${rootfs}/dev/null`);
    mkdirSync(`${rootfs}/${host}`, { recursive: true });
    writeFileSync(`${rootfs}/${host}/file`, 'of the image');
    writeFileSync(`${rootfs}/etc/secret`, 'secret');
    config.linux.maskedPaths.push('/etc/secret');
  });
  t.notMatch(outcome.stdout, /secret|untouched|image/);
  t.equal(readFileSync(`${host}/file`, 'utf8'), 'untouched');
});

kernelTest("the host's device nodes keep their mode and owner", async (t, k) => {
  const attack =
    'for f in /proc/keys /dev/null; do chmod 666 $f; chown 0:0 $f; touch $f; echo x >$f && cat $f; done';
  const own = k.run(attack.replace(' /dev/null', ''));
  t.match(own, { status: 0, stdout: '' });
  t.equal(own.stderr.match(/Read-only file system/g)?.length, 3, own.stderr);
  // bound because nodes cannot be made, and root of the container is the host's: not even then
  const map = [{ containerID: 0, hostID: 0, size: 65536 }];
  const mapped = k.run(attack, config => {
    config.linux.namespaces.push({ type: 'user' });
    Object.assign(config.linux, { uidMappings: map, gidMappings: map });
  });
  t.match(mapped, { status: 0, stdout: '' });
  t.equal(mapped.stderr.match(/Read-only file system/g)?.length, 6, mapped.stderr);
});

kernelTest('an image whose /dev is a symlink gets no devices elsewhere (CVE-2026-41579)', async (t, k) => {
  const host = outside(k);
  for (const link of [host, `../../../../../../../../../..${host}`]) {
    k.run('true', (config, rootfs) => {
      config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith('/dev'));
      rmSync(`${rootfs}/dev`, { recursive: true });
      symlinkSync(link, `${rootfs}/dev`);
    });
    k.run('true', (_, rootfs) => {
      rmSync(`${rootfs}/dev`, { recursive: true });
      symlinkSync(link, `${rootfs}/dev`);
    });
  }
  t.strictSame(readdirSync(host), ['file']);
});

kernelTest('device nodes of an image are not followed', async (t, k) => {
  const host = outside(k);
  k.run('true', (config, rootfs) => {
    config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith('/dev'));
    for (const name of ['null', 'zero', 'tty', 'ptmx', 'fd', 'stdin'])
      symlinkSync(`${host}/file`, `${rootfs}/dev/${name}`);
  });
  t.equal(readFileSync(`${host}/file`, 'utf8'), 'untouched');
  t.ok(statSync(`${host}/file`).isFile());
});

kernelTest(
  'a mount target or a cwd that is a symlink makes nothing outside (CVE-2018-15664, CVE-2024-45310)',
  async (t, k) => {
    const host = outside(k);
    const modify = (config: Config, rootfs: string): void => {
      config.root.readonly = false;
      symlinkSync(host, `${rootfs}/tmp/link`);
    };
    k.run('true', (config, rootfs) => {
      modify(config, rootfs);
      config.mounts.push({ destination: '/tmp/link/made', type: 'tmpfs', source: 'tmpfs' });
    });
    k.run('true', (config, rootfs) => {
      modify(config, rootfs);
      config.mounts.push({ destination: '/tmp/link/made', source: '/etc/passwd', options: ['bind'] });
    });
    k.run('touch file2', (config, rootfs) => {
      modify(config, rootfs);
      config.process.cwd = '/tmp/link/made';
    });
    t.strictSame(readdirSync(host), ['file']);
  },
);

kernelTest(
  'a mount target that somebody swaps for a symlink makes nothing outside (CVE-2021-30465)',
  async (t, k) => {
    const host = outside(k);
    const volume = `${k.directory}/volume`;
    mkdirSync(`${volume}/target`, { recursive: true });
    symlinkSync(host, `${volume}/link`);
    const names = [`${volume}/target`, `${volume}/link`];
    const hostile = spawn(helper('swap'), names, { stdio: 'ignore', env: { RUNTS_TEST: k.token } });
    const ended = new Promise(resolve => hostile.on('exit', resolve));
    for (let round = 0; round < 25; round++) {
      const { status, stdout, stderr } = k.run('grep -c /vol/target/ /proc/self/mountinfo', config => {
        config.mounts.push(
          { destination: '/vol', source: volume, options: ['rbind', 'rw'] },
          { destination: '/vol/target/made', type: 'tmpfs', source: 'tmpfs' },
          { destination: '/vol/target/file2', source: '/etc/passwd', options: ['bind'] },
        );
        config.linux.maskedPaths.push('/vol/target/made');
        config.process.cwd = '/vol/target/deep';
      });
      if (status !== 0) t.match({ stdout, stderr }, { stdout: /^(0\n)?$/, stderr: /^([^\n]+\n)?$/ });
    }
    t.equal(hostile.exitCode, null, 'it has gone on to the end');
    hostile.kill('SIGKILL');
    await ended;
    t.strictSame(readdirSync(host), ['file']);
    t.equal(readFileSync(`${host}/file`, 'utf8'), 'untouched');
  },
);

kernelTest('masked and read-only paths that are symlinks touch nothing outside', async (t, k) => {
  const host = outside(k);
  k.run('true', (config, rootfs) => {
    symlinkSync(host, `${rootfs}/etc/masked`);
    symlinkSync(`${host}/file`, `${rootfs}/etc/readonly`);
    config.linux.maskedPaths.push('/etc/masked', '/etc/masked/file');
    config.linux.readonlyPaths.push('/etc/readonly');
  });
  writeFileSync(`${host}/file`, 'still writable');
  t.strictSame(readdirSync(host), ['file']);
});

kernelTest('no cwd leads through an open file of ours to the host (CVE-2024-21626)', async (t, k) => {
  const id = k.running();
  for (let fd = 3; fd < 16; fd++) {
    const cwd = `/proc/self/fd/${fd}`;
    const outcome = k.run('cat /etc/hostname; pwd; ls ..', config => {
      config.process.cwd = cwd;
    });
    t.match(outcome, { status: 1, stdout: '', stderr: /\/proc\/self\/fd/ }, cwd);
    if (fd < 9) t.match(k.exec(id, 'pwd', ['--cwd', cwd]), { status: 255, stdout: '' }, `exec --cwd ${cwd}`);
  }
  k.remove(id);
});

kernelTest('a symlink in the image to /proc/self/fd is no way either (CVE-2024-21626)', async (t, k) => {
  for (const fd of [3, 5, 7, 9]) {
    const outcome = k.run('pwd', (config, rootfs) => {
      symlinkSync(`/proc/self/fd/${fd}`, `${rootfs}/tmp/link`);
      config.process.cwd = '/tmp/link';
    });
    t.match(outcome, { status: 1, stdout: '' }, String(fd));
  }
});

kernelTest('a process that joins cannot be looked into from the container (CVE-2016-9962)', async (t, k) => {
  const bundle = k.bundle((config, rootfs) => {
    install(rootfs, 'probe');
    config.process.args = ['probe', 'watch'];
  });
  const id = k.id();
  const { later } = k.runts(['run', '--detach', '--bundle', bundle, id]);
  await until(() => later() !== '');
  for (let i = 0; i < 20; i++) t.equal(k.exec(id, ['true']).status, 0);
  t.equal(later(), 'watching\n');
  k.remove(id);
});

kernelTest('init of a created container cannot be looked into by an exec', async (t, k) => {
  const id = k.created();
  for (const link of ['fd/0', 'cwd', 'exe', 'root'])
    t.not(k.exec(id, `readlink /proc/1/${link}`).status, 0, link);
  k.ok(['start', id]);
  t.equal(k.exec(id, 'readlink /proc/1/cwd').status, 0, 'the program is like any other');
  k.remove(id);
});

kernelTest('exec --cap gives no inheritable capability (CVE-2022-29162)', async (t, k) => {
  const id = k.running();
  const { stdout } = k.exec(id, 'grep CapInh /proc/self/status', [
    '--cap',
    'CAP_NET_ADMIN',
    '--user',
    '1000',
  ]);
  t.equal(stdout, 'CapInh:\t0000000000000000\n');
  k.remove(id);
});

kernelTest(
  'the default configuration has no inheritable or ambient capability (CVE-2022-24769)',
  async (t, k) => {
    k.ok(['spec'], { cwd: k.directory });
    const { process } = JSON.parse(readFileSync(`${k.directory}/config.json`, 'utf8')) as Config;
    t.notOk(process.capabilities.inheritable?.length);
    t.notOk(process.capabilities.ambient?.length);
  },
);

kernelTest('names that become file names hold no path', async (t, k) => {
  const attempts: [string, (config: Config) => void][] = [
    [
      'sysctl',
      config => void Object.assign(config.linux, { sysctl: { 'net/../../kernel.domainname': 'x' } }),
    ],
    [
      'sysctl that is not of a namespace',
      config => void Object.assign(config.linux, { sysctl: { 'kernel.core_pattern': 'x' } }),
    ],
    [
      'unified',
      config => void Object.assign(config.linux.resources, { unified: { '../cgroup.procs': '0' } }),
    ],
    ['unified', config => void Object.assign(config.linux.resources, { unified: { 'a/b': '0' } })],
    [
      'hugepage',
      config =>
        void Object.assign(config.linux.resources, { hugepageLimits: [{ pageSize: '../../x', limit: 1 }] }),
    ],
    ['rdma', config => void Object.assign(config.linux.resources, { rdma: { '../x\n': { hcaHandles: 1 } } })],
  ];
  for (const [name, modify] of attempts)
    t.match(k.run('true', modify), { status: 1, stderr: /config\.json/ }, name);
});

kernelTest('cgroupsPath does not climb', async (t, k) => {
  const outcome = k.run('true', config => {
    config.linux.cgroupsPath = `/../../../${k.token}`;
  });
  t.match(outcome, { status: 1, stderr: /\/linux\/cgroupsPath/ });
});

kernelTest("bind mounts have no options of the superblock, which is the host's", async (t, k) => {
  const source = outside(k);
  const outcome = k.run('true', config => {
    config.mounts.push({ destination: '/tmp', source, options: ['bind', 'size=1k', 'mode=000'] });
  });
  t.equal(statSync(source).mode & 0o777, 0o755);
  t.match(outcome.status, 0);
});

kernelTest('a container that makes cgroups of its own, in whatever way, can be deleted', async (t, k) => {
  const script = `cd /sys/fs/cgroup && mkdir "$(printf 'a\\377')" "$(printf '\\033[2J')" || exit 1
    i=0; while [ $i -lt 600 ]; do mkdir deep && cd deep || exit 1; i=$((i+1)); done
    echo 0 >cgroup.procs && exec sleep 1000`;
  const id = k.running(config => {
    for (const mount of config.mounts)
      if (mount.type === 'cgroup') mount.options = mount.options!.filter(option => option !== 'ro');
  }, script);
  const { pid } = k.state(id);
  await until(() => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n');
  t.match(k.runts(['delete', '--force', id]), { status: 0, stderr: '' });
});

kernelTest(
  'without a cgroup namespace the cgroups of the host are read-only (CVE-2023-25809)',
  async (t, k) => {
    const map = [{ containerID: 0, hostID: 0, size: 65536 }];
    for (const user of [false, true]) {
      const script = `cd /sys/fs/cgroup && ls cgroup.procs && mkdir ${k.token}; echo 0 >cgroup.procs; echo end`;
      const outcome = k.run(script, config => {
        config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'cgroup');
        if (!user) return;
        config.linux.namespaces.push({ type: 'user' });
        Object.assign(config.linux, { uidMappings: map, gidMappings: map });
      });
      t.match(outcome, {
        status: 0,
        stdout: 'cgroup.procs\nend\n',
        stderr: /(Read-only file system[\s\S]*){2}/,
      });
    }
  },
);

kernelTest("an image's /etc/passwd that is no file, or never ends, is left alone", async (t, k) => {
  const traps: ((file: string) => void)[] = [
    file => void execFileSync('mkfifo', [file]),
    file => symlinkSync('/dev/zero', file),
    file => mkdirSync(file),
    file => {
      writeFileSync(file, 'root:x:0:0::/elsewhere:\n');
      truncateSync(file, 1 << 30);
    },
  ];
  for (const set of traps) {
    const text = k.inside(
      'echo $HOME',
      (config, rootfs) => {
        rmSync(`${rootfs}/etc/passwd`);
        set(`${rootfs}/etc/passwd`);
        config.process.env = ['PATH=/bin'];
      },
      { timeout: 20_000 },
    );
    t.equal(text, '/\n', String(set));
  }
});

kernelTest('ids of containers hold no path', async (t, k) => {
  const bundle = k.bundle();
  for (const id of [
    '..',
    '.',
    '../x',
    'a/b',
    '/a',
    '',
    '-x'.replace('-', '.'),
    'a b',
    'a\nb',
    'ü',
    'x'.repeat(1025),
  ])
    t.match(k.runts(['create', '--bundle', bundle, '--', id]), { status: 1, stdout: '' }, JSON.stringify(id));
});
