/** Mounts of every sort: what is bound on what, copies of what they cover, overlay, idmapped, very many. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { allow, mountAt, parseMounts, refused } from './config-tools.js';
import { type Config, kernelTest, withOwnMounts } from './harness.js';

kernelTest('a directory, a file, a fifo, a socket and a device are bound as what they are', async (t, k) => {
  const at = (name: string) => `${k.directory}/${name}`;
  mkdirSync(at('directory'));
  writeFileSync(at('file'), 'text\n');
  execFileSync('mkfifo', [at('fifo')]);
  const server = createServer().listen(at('socket'));
  await new Promise(resolve => server.on('listening', resolve));
  const sources = ['directory', 'file', 'fifo', 'socket'].map(name => [name, at(name)]);
  const text = k.inside('stat -c "%n %F" /tmp/*; cat /tmp/file', config => {
    config.root.readonly = false;
    for (const [name, source] of [...sources, ['null', '/dev/null']] as [string, string][])
      config.mounts.push({ destination: `/tmp/${name}`, source, options: ['bind'] });
  });
  t.strictSame(text.trim().split('\n'), [
    '/tmp/directory directory',
    '/tmp/fifo fifo',
    '/tmp/file regular file',
    '/tmp/null character special file',
    '/tmp/socket socket',
    'text',
  ]);
  server.close();
});

kernelTest('a bind source that is a link is followed on the host, or taken as it is', async (t, k) => {
  writeFileSync(`${k.directory}/file`, 'text\n');
  symlinkSync(`${k.directory}/file`, `${k.directory}/link`);
  const bind = (...options: string[]) => ({
    destination: '/tmp/here',
    source: `${k.directory}/link`,
    options: ['bind', ...options],
  });
  t.equal(
    k.inside('cat /tmp/here', config => config.mounts.push(bind())),
    'text\n',
  );
  t.equal(
    k.inside('readlink /tmp/here', config => config.mounts.push(bind('src-nofollow'))),
    `${k.directory}/file\n`,
    'the link itself, which then says where it points',
  );
});

kernelTest('a bind source that is missing is named', async (t, k) => {
  refused(t, k, /the mount source \/not\/there does not exist.*\/mounts\/7/, config =>
    config.mounts.push({ destination: '/tmp', source: '/not/there', options: ['bind'] }),
  );
});

kernelTest('a directory does not go on a file, nor a file on a directory', async (t, k) => {
  refused(t, k, /\/mounts\/7.*not a directory/, config =>
    config.mounts.push({ destination: '/etc/passwd', source: k.directory, options: ['bind'] }),
  );
  refused(t, k, /\/mounts\/7.*not a directory/, config =>
    config.mounts.push({ destination: '/etc/passwd', type: 'tmpfs', source: 'tmpfs' }),
  );
  refused(t, k, /\/mounts\/7.*not a directory|is a directory/, config =>
    config.mounts.push({ destination: '/etc', source: '/etc/passwd', options: ['bind'] }),
  );
});

kernelTest('missing targets are made, with all directories above them', async (t, k) => {
  writeFileSync(`${k.directory}/file`, '');
  const text = k.inside('stat -c "%n %F %a" /new /new/deep /new/deep/file /other/one', config => {
    config.mounts.push(
      { destination: '/new/deep/file', source: `${k.directory}/file`, options: ['bind'] },
      { destination: '/other/one', type: 'tmpfs', source: 'tmpfs', options: ['mode=700'] },
    );
  });
  t.strictSame(text.trim().split('\n'), [
    '/new directory 755',
    '/new/deep directory 755',
    '/new/deep/file regular empty file 644',
    '/other/one directory 700',
  ]);
});

kernelTest('a target that is a link to a directory is that directory of the container', async (t, k) => {
  let rootfs = '';
  const text = k.inside("awk '/inside-link/ { print $5 }' /proc/self/mountinfo", (config, path) => {
    rootfs = path;
    mkdirSync(`${path}/var/lib`, { recursive: true });
    symlinkSync('/var/lib', `${path}/absolute`);
    symlinkSync('../../../../var/lib', `${path}/var/relative`);
    for (const destination of ['/absolute', '/var/relative'])
      config.mounts.push({ destination, type: 'tmpfs', source: 'inside-link' });
  });
  t.equal(text, '/var/lib\n/var/lib\n');
  t.ok(existsSync(rootfs));
});

kernelTest('a target that is a dangling link is made nowhere else', async (t, k) => {
  const outside = `${k.directory}/outside`;
  const { status } = k.run('true', (config, rootfs) => {
    symlinkSync(outside, `${rootfs}/tmp/link`);
    config.mounts.push({ destination: '/tmp/link', type: 'tmpfs', source: 'tmpfs' });
  });
  t.ok(status === 0 || status === 1);
  t.notOk(existsSync(outside));
});

kernelTest('nothing is mounted on "/" or into /proc', async (t, k) => {
  refused(t, k, /root/, config => config.mounts.push({ destination: '/', type: 'tmpfs', source: 'tmpfs' }));
  for (const destination of ['/proc/self/attr', '/proc/sys', '/proc/../proc/1/fd', '/proc//self'])
    refused(t, k, /inside \/proc/, config =>
      config.mounts.push({ destination, type: 'tmpfs', source: 'tmpfs' }),
    );
  writeFileSync(`${k.directory}/uptime`, '1 1\n');
  const lxcfs = { destination: '/proc/uptime', source: `${k.directory}/uptime`, options: ['bind'] };
  t.equal(
    k.inside('cat /proc/uptime', config => config.mounts.push(lxcfs)),
    '1 1\n',
    'except what shows the limits of the container',
  );
});

kernelTest('tmpcopyup copies what the mount covers', async (t, k) => {
  let rootfs = '';
  const text = k.inside(
    'cd /data || exit; find . | sort | while read f; do stat -c "%n %F %a %u:%g %s" $f; done; readlink link; readlink dangling; cat deep/er/file; cmp big /proc/1/root/bin/busybox && echo same; touch new',
    (config, path) => {
      rootfs = path;
      allow(config, 'CAP_DAC_OVERRIDE');
      const at = (name: string) => `${path}/data/${name}`;
      mkdirSync(at('deep/er'), { recursive: true });
      writeFileSync(at('deep/er/file'), 'text\n');
      writeFileSync(at('run'), '#!', { mode: 0o755 });
      chmodSync(at('run'), 0o4755);
      writeFileSync(at('owned'), '');
      chownSync(at('owned'), 5, 6);
      chmodSync(at('owned'), 0o600);
      symlinkSync('deep/er/file', at('link'));
      symlinkSync('/not/there', at('dangling'));
      execFileSync('mkfifo', ['-m', '640', at('fifo')]);
      execFileSync('cp', ['/bin/busybox', at('big')]);
      chmodSync(at('big'), 0o555);
      chmodSync(at('deep'), 0o1777);
      chmodSync(`${path}/data`, 0o2750);
      chownSync(`${path}/data`, 7, 8);
      config.mounts.push({
        destination: '/data',
        type: 'tmpfs',
        source: 'tmpfs',
        options: ['tmpcopyup', 'size=16m'],
      });
    },
  );
  const size = statSync('/bin/busybox').size;
  const lines = text.trim().split('\n');
  t.match(lines[0], /^\. directory 2750 7:8 /);
  t.match(lines[1], `./big regular file 555 0:0 ${size}`);
  t.match(lines[2], /^\.\/dangling symbolic link 777 0:0 10$/);
  t.match(lines[3], /^\.\/deep directory 1777 0:0 /);
  t.match(lines[4], /^\.\/deep\/er directory 755 0:0 /);
  t.equal(lines[5], './deep/er/file regular file 644 0:0 5');
  t.equal(lines[6], './fifo fifo 640 0:0 0');
  t.match(lines[7], /^\.\/link symbolic link 777 0:0 12$/);
  t.equal(lines[8], './owned regular empty file 600 5:6 0');
  t.equal(lines[9], './run regular file 4755 0:0 2');
  t.strictSame(lines.slice(10), ['deep/er/file', '/not/there', 'text', 'same']);
  t.notOk(readdirSync(`${rootfs}/data`).includes('new'), 'the image stays as it is');
});

kernelTest('a tmpfs has the mode of the directory that it covers, unless it is given one', async (t, k) => {
  const text = k.inside('stat -c %a /etc /home /root', (config, rootfs) => {
    chmodSync(`${rootfs}/etc`, 0o1770);
    chmodSync(`${rootfs}/home`, 0o1770);
    for (const [destination, options] of [
      ['/etc', []],
      ['/home', ['mode=711']],
    ] as [string, string[]][])
      config.mounts.push({ destination, type: 'tmpfs', source: 'tmpfs', options });
  });
  t.equal(text, '1770\n711\n755\n');
});

kernelTest('an overlay of more lower directories than one option can name', async (t, k) => {
  const at = (name: string) => `${k.directory}/${name}`;
  const lower = Array.from({ length: 60 }, (_, i) => at(`lower-with-a-name-that-is-not-very-short-${i}`));
  for (const [index, directory] of lower.entries()) {
    mkdirSync(directory);
    writeFileSync(`${directory}/file${index}`, `${index}\n`);
    writeFileSync(`${directory}/all`, `${index}\n`);
  }
  for (const name of ['upper', 'work']) mkdirSync(at(name));
  t.ok(lower.join(':').length > 4096);
  const options = [`lowerdir=${lower.join(':')}`, `upperdir=${at('upper')}`, `workdir=${at('work')}`];
  const text = k.inside('ls /tmp | wc -l; cat /tmp/all /tmp/file59; echo new >/tmp/new', config =>
    config.mounts.push({ destination: '/tmp', type: 'overlay', source: 'overlay', options }),
  );
  t.equal(text, '61\n0\n59\n', 'the first one is on top');
  t.strictSame(readdirSync(at('upper')), ['new']);
});

kernelTest(
  'a long list of lower directories may have escaped colons, and directories for data',
  async (t, k) => {
    const lower = Array.from({ length: 20 }, (_, i) => `${k.directory}/lower:${i}`);
    for (const [index, directory] of lower.entries()) {
      mkdirSync(directory);
      writeFileSync(`${directory}/file${index}`, '');
    }
    const escaped = lower.map(path => path.replaceAll(':', '\\:'));
    const list = `${escaped.slice(0, -1).join(':')}::${escaped.at(-1)}`;
    const options = [`lowerdir=${list}`, 'metacopy=on', 'redirect_dir=follow'];
    const text = k.inside('ls /tmp | wc -l; cat /proc/self/mountinfo', config =>
      config.mounts.push({ destination: '/tmp', type: 'overlay', source: 'overlay', options }),
    );
    t.match(text, /^19\n/, 'what is for data only is not seen by its name');
    t.ok(mountAt(text, '/tmp')?.data.includes(`datadir+=${lower.at(-1)}`));
  },
);

kernelTest('an overlay of two directories, read-only', async (t, k) => {
  const [one, two] = ['one', 'two'].map(name => `${k.directory}/${name}`) as [string, string];
  for (const path of [one, two]) mkdirSync(path);
  writeFileSync(`${two}/file`, '2\n');
  const options = [`lowerdir=${one}:${two}`, 'ro'];
  const text = k.inside('cat /tmp/file; cat /proc/self/mountinfo', config =>
    config.mounts.push({ destination: '/tmp', type: 'overlay', source: 'overlay', options }),
  );
  t.match(text, /^2\n/);
  t.match(mountAt(text, '/tmp'), { type: 'overlay', options: ['relatime', 'ro'] });
});

kernelTest('a thousand mounts are made, in their order', async (t, k) => {
  const count = 1000;
  const begin = Date.now();
  const text = k.inside('cat /proc/self/mountinfo', config => {
    config.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs' });
    for (let i = 0; i < count; i++)
      config.mounts.push({ destination: `/tmp/${i}`, source: k.directory, options: ['bind', 'ro'] });
  });
  const targets = parseMounts(text)
    .map(({ target }) => /^\/tmp\/(\d+)$/.exec(target)?.[1])
    .filter(Boolean)
    .map(Number);
  t.strictSame(
    targets,
    Array.from({ length: count }, (_, i) => i),
  );
  t.ok(Date.now() - begin < 30_000);
});

kernelTest('--no-pivot moves the root instead', async (t, k) => {
  const bundle = k.bundle(config => {
    config.process.args = ['sh', '-c', 'ls /; ls /..; touch /x; cat /proc/self/mountinfo'];
  });
  const { status, stdout, stderr } = k.runts(['run', '--no-pivot', '--bundle', bundle, k.id()]);
  t.equal(status, 0);
  t.match(stderr, /Read-only file system/);
  t.match(stdout, /^bin\ndev\netc\nhome\nproc\nroot\nsys\ntmp\nbin\n/);
  t.match(mountAt(stdout, '/'), { options: /ro/, root: /rootfs$/ });
});

kernelTest('a cgroup mount is writable when the configuration says so', async (t, k) => {
  for (const option of ['rw', 'ro']) {
    const { stdout } = k.run(
      'mkdir /sys/fs/cgroup/sub 2>/dev/null && echo made && rmdir /sys/fs/cgroup/sub; cat /sys/fs/cgroup/cgroup.procs | head -n 1',
      config => {
        const mount = config.mounts.find(({ type }) => type === 'cgroup')!;
        mount.options = [option, 'nosuid', 'noexec', 'nodev'];
      },
    );
    t.equal(stdout, option === 'rw' ? 'made\n1\n' : '1\n', option);
  }
});

kernelTest('cgroup and cgroup2 are the same type', async (t, k) => {
  const text = k.inside('cat /proc/self/mountinfo', config => {
    config.mounts.find(({ type }) => type === 'cgroup')!.type = 'cgroup2';
  });
  t.match(mountAt(text, '/sys/fs/cgroup'), { type: 'cgroup2', root: '/' });
});

kernelTest('proc and sysfs take their options', async (t, k) => {
  const text = k.inside('cat /proc/self/mountinfo; ls /proc | grep -c meminfo', config => {
    config.linux.maskedPaths = [];
    config.linux.readonlyPaths = [];
    config.mounts[0]!.options = ['nosuid', 'noexec', 'nodev', 'hidepid=2', 'ro'];
  });
  const { options, data } = mountAt(text, '/proc')!;
  t.strictSame(options, ['nodev', 'noexec', 'nosuid', 'relatime', 'ro']);
  t.ok(data.some(word => word.startsWith('hidepid=')));
});

kernelTest('the same target twice shows the later mount', async (t, k) => {
  const text = k.inside('cat /proc/self/mountinfo; ls /tmp', config => {
    config.mounts.push(
      { destination: '/tmp', source: k.directory, options: ['bind'] },
      { destination: '/tmp/', type: 'tmpfs', source: 'second' },
    );
  });
  t.match(mountAt(text, '/tmp'), { type: 'tmpfs', source: 'second' });
});

kernelTest(
  'a container without mounts and with an empty list has its devices in the rootfs',
  async (t, k) => {
    for (const mounts of [[], undefined]) {
      const text = k.inside(
        'echo x >/dev/null; ls -l /dev/null | cut -c1; ls /proc | wc -l',
        (config: Config) => {
          Object.assign(config, { mounts });
          if (mounts === undefined) Reflect.deleteProperty(config, 'mounts');
          config.linux.maskedPaths = ['/proc/kcore', '/proc/acpi'];
          config.linux.readonlyPaths = ['/proc/sys'];
        },
      );
      t.equal(text, 'c\n0\n');
    }
  },
);

kernelTest('a rootfs that is a mount point with mounts below has them, too', async (t, k) => {
  const bundle = k.bundle(config => {
    config.process.args = ['ls', '/tmp/nested'];
  });
  const script =
    'mount -t tmpfs t "$1/tmp"; mkdir "$1/tmp/nested"; touch "$1/tmp/nested/file"; shift; exec "$@"';
  const prefix = withOwnMounts(script, `${bundle}/rootfs`);
  t.equal(k.ok(['run', '--bundle', bundle, k.id()], { prefix }), 'file\n');
});

kernelTest('a program may mount when it has the right, and the host does not see it', async (t, k) => {
  const text = k.inside('mount -t tmpfs x /tmp && touch /tmp/x && ls /tmp', config =>
    allow(config, 'CAP_SYS_ADMIN'),
  );
  t.equal(text, 'x\n');
});
