/** The root filesystem of the default configuration: mounts, devices, masks, and no way back to the host. */
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { type MountEntry, parseMounts } from './config-tools.js';
import { type Kernel, kernelTest } from './harness.js';

const mounts = (k: Kernel): MountEntry[] => parseMounts(k.inside('cat /proc/self/mountinfo'));

kernelTest('every mount has its options', async (t, k) => {
  const found = new Map(mounts(k).map(mount => [mount.target, mount]));
  const expected: [string, string, string, string, string?][] = [
    ['/proc', 'proc', 'proc', 'rw,relatime'],
    // strictatime: neither relatime nor noatime
    ['/dev', 'tmpfs', 'tmpfs', 'rw,nosuid', 'mode=755,size=65536k'],
    ['/dev/pts', 'devpts', 'devpts', 'rw,nosuid,noexec,relatime', 'gid=5,mode=620,ptmxmode=666'],
    ['/dev/shm', 'tmpfs', 'shm', 'rw,nosuid,nodev,noexec,relatime', 'size=65536k'],
    ['/dev/mqueue', 'mqueue', 'mqueue', 'rw,nosuid,nodev,noexec,relatime'],
    ['/sys', 'sysfs', 'sysfs', 'ro,nosuid,nodev,noexec,relatime'],
    ['/sys/fs/cgroup', 'cgroup2', 'cgroup', 'ro,nosuid,nodev,noexec,relatime'],
  ];
  for (const [target, type, source, options, data = ''] of expected) {
    const mount = found.get(target)!;
    t.match(mount, { root: '/', type, source, options: options.split(',').sort(), propagation: '' }, target);
    for (const word of data.split(',').filter(Boolean)) t.ok(mount.data.includes(word), `${target} ${word}`);
  }
});

kernelTest('nothing of the host is mounted', async (t, k) => {
  const all = mounts(k);
  t.equal(all[0]!.target, '/');
  const allowed = /^\/$|^\/(proc|sys|dev)(\/|$)/;
  t.strictSame(
    all.map(({ target }) => target).filter(target => !allowed.test(target)),
    [],
  );
  t.equal(all.filter(({ target }) => target === '/').length, 1, 'the old root is gone');
  t.ok(
    all.every(({ propagation }) => propagation === ''),
    'nothing is shared with the host',
  );
});

kernelTest('mounts appear neither on the host nor in its mount table', async (t, k) => {
  const id = k.created();
  t.notMatch(readFileSync('/proc/self/mountinfo', 'utf8'), k.token);
  t.strictSame(readdirSync(`${k.state(id).rootfs}/proc`), []);
  k.remove(id);
});

kernelTest('the root is the rootfs, and there is nothing above it', async (t, k) => {
  const probe = 'ls -d /../../../etc/only-here; ls /; readlink /proc/1/root; ls /proc/1/root/..';
  const [found, ...lists] = k
    .inside(probe, (_, rootfs) => writeFileSync(`${rootfs}/etc/only-here`, ''))
    .trim()
    .split('\n');
  t.equal(found, '/../../../etc/only-here');
  const names = ['bin', 'dev', 'etc', 'home', 'proc', 'root', 'sys', 'tmp'];
  t.strictSame(lists, [...names, '/', ...names]);
});

kernelTest('the root is read-only when the configuration says so', async (t, k) => {
  t.match(k.run('touch /file'), { status: 1, stderr: /Read-only file system/ });
  t.match(k.run('mount -o remount,rw /'), {
    status: 1,
    stderr: /permission denied|Operation not permitted/i,
  });
  let rootfs = '';
  k.inside('touch /file', (config, path) => {
    config.root.readonly = false;
    rootfs = path;
  });
  t.ok(existsSync(`${rootfs}/file`), 'else it is the directory of the bundle');
});

kernelTest('the devices are there, with their numbers and modes', async (t, k) => {
  const list = k.inside(
    'stat -c "%n %F %a %t:%T %u:%g" /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty',
  );
  t.strictSame(
    list.trim().split('\n'),
    [
      ['null', '1:3'],
      ['zero', '1:5'],
      ['full', '1:7'],
      ['random', '1:8'],
      ['urandom', '1:9'],
      ['tty', '5:0'],
    ].map(([name, number]) => `/dev/${name} character special file 666 ${number} 0:0`),
  );
});

kernelTest('the devices work', async (t, k) => {
  const script =
    'echo x >/dev/null; head -c 2 /dev/zero | od -An -tx1; head -c 8 /dev/urandom | wc -c; echo x >/dev/full; echo $?';
  const { stdout, stderr } = k.run(script);
  t.equal(stdout, ' 00 00\n8\n1\n');
  t.match(stderr, /No space left on device/);
});

kernelTest('other devices cannot be used', async (t, k) => {
  const script = 'mknod /dev/kmsg c 1 11 && head -c 1 /dev/kmsg';
  const outcome = k.run(script, config => {
    for (const set of ['bounding', 'effective', 'permitted'] as const)
      config.process.capabilities[set]!.push('CAP_MKNOD');
  });
  t.match(outcome, { status: 1, stderr: /not permitted/ });
});

kernelTest('the links in /dev are there', async (t, k) => {
  const script = 'for name in fd stdin stdout stderr ptmx; do readlink /dev/$name; done';
  t.equal(k.inside(script), '/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2\npts/ptmx\n');
});

kernelTest('without a terminal there is no /dev/console', async (t, k) => {
  t.equal(k.run('ls /dev/console').status, 1);
});

kernelTest('/dev/shm and /dev/mqueue are for all', async (t, k) => {
  t.equal(k.inside('stat -c %a /dev/shm /dev/mqueue'), '1777\n1777\n');
});

kernelTest('masked files read as empty, masked directories list as empty', async (t, k) => {
  const script = `for path in "$@"; do
    if [ -d $path ]; then echo "$path: $(ls -A $path)"; elif [ -e $path ]; then echo "$path: $(cat $path)"; fi
  done`;
  let masked: string[] = [];
  const text = k.inside('true', config => {
    masked = config.linux.maskedPaths;
    config.process.args = ['sh', '-c', script, 'sh', ...masked];
  });
  const expected = masked.filter(path => existsSync(path)).map(path => `${path}: `);
  t.ok(expected.length > 0);
  t.strictSame(
    text
      .trimEnd()
      .split('\n')
      .map(line => line.padEnd(line.indexOf(':') + 2)),
    expected,
  );
});

kernelTest('masks of an own choice cover what is in the image', async (t, k) => {
  const { status, stderr } = k.run(
    'cat /etc/secret; ls -A /etc/secrets; touch /etc/secrets/x',
    (config, rootfs) => {
      writeFileSync(`${rootfs}/etc/secret`, 'secret');
      mkdirSync(`${rootfs}/etc/secrets`);
      writeFileSync(`${rootfs}/etc/secrets/file`, 'secret');
      config.linux.maskedPaths.push('/etc/secret', '/etc/secrets', '/etc/not-there');
    },
  );
  t.equal(status, 1);
  t.equal(stderr, 'touch: /etc/secrets/x: Read-only file system\n');
});

kernelTest('read-only paths refuse writing', async (t, k) => {
  const { stderr, stdout } = k.run('echo 1 >/proc/sys/kernel/domainname; ls /proc/sys/kernel | wc -l');
  t.match(stderr, /Read-only file system/);
  t.ok(Number(stdout) > 10, 'and can be read');
});

kernelTest('a bind mount is inside, with its options', async (t, k) => {
  const source = `${k.directory}/source`;
  mkdirSync(source);
  writeFileSync(`${source}/file`, 'of the host\n');
  const script = 'cat /data/file; touch /data/new; grep " /data " /proc/self/mountinfo';
  const { stdout, stderr } = k.run(script, config => {
    config.mounts.push({
      destination: '/data',
      type: 'none',
      source,
      options: ['bind', 'ro', 'nosuid', 'nodev'],
    });
  });
  const [first, line] = stdout.split('\n');
  t.equal(first, 'of the host');
  t.match(parseMounts(line!)[0], { target: '/data', options: ['nodev', 'nosuid', 'relatime', 'ro'] });
  t.match(stderr, /Read-only file system/);
  t.strictSame(readdirSync(source), ['file']);
});

kernelTest('a bind mount of a file makes its target', async (t, k) => {
  const source = `${k.directory}/hosts`;
  writeFileSync(source, 'hosts\n');
  const text = k.inside('cat /etc/deep/er/hosts', config => {
    config.mounts.push({ destination: '/etc/deep/er/hosts', source, options: ['bind'] });
  });
  t.equal(text, 'hosts\n');
});

kernelTest('a relative bind source is in the bundle', async (t, k) => {
  const text = k.inside('cat /tmp/passwd', config => {
    config.mounts.push({ destination: '/tmp/passwd', source: 'rootfs/etc/passwd', options: ['bind'] });
  });
  t.match(text, /^root:/);
});

kernelTest('mounts are made in their order', async (t, k) => {
  const tmpfs = (destination: string) => ({ destination, type: 'tmpfs', source: 'tmpfs' });
  const text = k.inside("awk '$5 ~ /^.tmp/ { print $5 }' /proc/self/mountinfo", config => {
    config.mounts.push(tmpfs('/tmp'), tmpfs('/tmp/a'), tmpfs('/tmp/a/b'));
  });
  t.equal(text, '/tmp\n/tmp/a\n/tmp/a/b\n');
});

kernelTest('a target that is a symlink stays inside the rootfs', async (t, k) => {
  const outside = `${k.directory}/outside`;
  mkdirSync(outside);
  for (const link of [outside, `../../../../../../../../..${outside}`]) {
    let rootfs = '';
    k.inside(`touch ${outside}/sub/file`, (config, path) => {
      rootfs = path;
      mkdirSync(`${path}${outside}`, { recursive: true });
      symlinkSync(link, `${path}/tmp/link`);
      config.mounts.push({ destination: '/tmp/link/sub', type: 'tmpfs', source: 'tmpfs' });
    });
    t.ok(existsSync(`${rootfs}${outside}/sub`), `${link}: as if the rootfs were the root`);
  }
  t.strictSame(readdirSync(outside), [], 'nothing was made outside');
});

kernelTest('rootfs may be given by an absolute path', async (t, k) => {
  t.equal(
    k.inside('echo here', (config, rootfs) => {
      config.root.path = rootfs;
    }),
    'here\n',
  );
});
