/** Every option of config.md "Mounts" and config-linux.md, looked at in the container's own mount table. */
import { mkdirSync } from 'node:fs';
import { mountAt, refused } from './config-tools.js';
import { type Config, type Kernel, kernelTest, withOwnMounts } from './harness.js';

const table = 'cat /proc/self/mountinfo';

/** Runs the rest of a command line where `source` is a tmpfs with options, and `source/below` another one. */
function prepared(k: Kernel, options: string, below?: string): { source: string; prefix: string[] } {
  const source = `${k.directory}/source`;
  mkdirSync(source, { recursive: true });
  const nested =
    below === undefined
      ? ''
      : `mkdir "$1/below"; mount -t tmpfs -o ${below} below "$1/below"; mount -o remount,${options} "$1";`;
  const first = below === undefined ? options : 'rw';
  const script = `set -e; mount -t tmpfs -o ${first} above "$1"; ${nested} shift; exec "$@"`;
  return { source, prefix: withOwnMounts(script, source) };
}

/** Options of a new tmpfs, and what the kernel then says of the mount. */
const OF_MOUNT: [options: string[], expected: string][] = [
  [[], 'rw,relatime'],
  [['ro'], 'ro,relatime'],
  [['rw'], 'rw,relatime'],
  [['nosuid'], 'rw,nosuid,relatime'],
  [['suid'], 'rw,relatime'],
  [['nodev'], 'rw,nodev,relatime'],
  [['dev'], 'rw,relatime'],
  [['noexec'], 'rw,noexec,relatime'],
  [['exec'], 'rw,relatime'],
  [['noatime'], 'rw,noatime'],
  [['atime'], 'rw,relatime'],
  [['relatime'], 'rw,relatime'],
  [['norelatime'], 'rw'],
  [['strictatime'], 'rw'],
  [['nostrictatime'], 'rw,relatime'],
  [['nodiratime'], 'rw,nodiratime,relatime'],
  [['diratime'], 'rw,relatime'],
  [['nosymfollow'], 'rw,relatime,nosymfollow'],
  [['symfollow'], 'rw,relatime'],
  [['defaults'], 'rw,relatime'],
  [['silent'], 'rw,relatime'],
  [['loud'], 'rw,relatime'],
  [[''], 'rw,relatime'],
  [['iversion'], 'rw,relatime'],
  [['noiversion'], 'rw,relatime'],
  [['nosuid', 'nodev', 'noexec', 'noatime', 'nodiratime', 'ro'], 'ro,nosuid,nodev,noexec,noatime,nodiratime'],
  // the last one wins
  [['ro', 'rw'], 'rw,relatime'],
  [['rw', 'ro'], 'ro,relatime'],
  [['nosuid', 'suid', 'dev', 'nodev'], 'rw,nodev,relatime'],
  [['noatime', 'strictatime'], 'rw'],
  [['strictatime', 'noatime'], 'rw,noatime'],
  // recursive ones of a mount that has nothing below it
  [['rro'], 'ro,relatime'],
  [['rnosuid', 'rnodev', 'rnoexec'], 'rw,nosuid,nodev,noexec,relatime'],
];

kernelTest('the options of a new mount are those of the list', async (t, k) => {
  const text = k.inside(table, config => {
    for (const [index, [options]] of OF_MOUNT.entries())
      config.mounts.push({ destination: `/tmp/${index}`, type: 'tmpfs', source: 'tmpfs', options });
    config.mounts.push();
    config.root.readonly = false;
  });
  for (const [index, [options, expected]] of OF_MOUNT.entries())
    t.strictSame(mountAt(text, `/tmp/${index}`)?.options, expected.split(',').sort(), options.join(' '));
});

/** Options of the file system, and what of them the kernel shows. */
const OF_FILE_SYSTEM: [options: string[], shown: string, not?: string][] = [
  [['sync'], 'sync'],
  [['sync', 'async'], 'rw', 'sync'],
  [['dirsync'], 'dirsync'],
  [['mand'], 'mand'],
  [['mand', 'nomand'], 'rw', 'mand'],
  [['lazytime'], 'lazytime'],
  [['lazytime', 'nolazytime'], 'rw', 'lazytime'],
  [['size=1m'], 'size=1024k'],
  [['nr_inodes=10'], 'nr_inodes=10'],
  [['mode=1750'], 'mode=1750'],
  [['uid=5', 'gid=6'], 'uid=5'],
];

kernelTest('what the runtime does not know goes to the file system', async (t, k) => {
  const text = k.inside(table, config => {
    config.root.readonly = false;
    for (const [index, [options]] of OF_FILE_SYSTEM.entries())
      config.mounts.push({ destination: `/tmp/${index}`, type: 'tmpfs', source: 'tmpfs', options });
  });
  for (const [index, [options, shown, not]] of OF_FILE_SYSTEM.entries()) {
    const { data } = mountAt(text, `/tmp/${index}`)!;
    t.ok(data.includes(shown), `${options}: ${shown} in ${data}`);
    if (not) t.notOk(data.includes(not), `${options}: no ${not}`);
  }
});

kernelTest('an option that the file system does not know is refused in its words', async (t, k) => {
  refused(t, k, /\/mounts\/7.*tmpfs: Unknown parameter 'nonsense'.*invalid argument/, config =>
    config.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'x', options: ['nonsense=1'] }),
  );
  refused(t, k, /\/mounts\/7.*no such file system/, config =>
    config.mounts.push({ destination: '/tmp', type: 'nonsense', source: 'x' }),
  );
});

/** Options of a bind of a mount with `before`, and what becomes of them. */
const OF_BIND: [before: string, options: string[], expected: string][] = [
  ['nosuid,nodev,noexec,noatime', [], 'rw,nosuid,nodev,noexec,noatime'],
  ['nosuid,nodev,noexec,noatime', ['suid', 'dev', 'exec', 'atime'], 'rw,relatime'],
  ['rw', ['ro', 'nosuid', 'nodev', 'noexec', 'nosymfollow'], 'ro,nosuid,nodev,noexec,relatime,nosymfollow'],
  ['nosuid', ['ro'], 'ro,nosuid,relatime'],
  ['noatime', ['ro'], 'ro,noatime'],
  ['noatime', ['strictatime'], 'rw'],
  ['noatime', ['norelatime'], 'rw'],
  ['noatime', ['relatime'], 'rw,relatime'],
  ['strictatime', ['nostrictatime'], 'rw,relatime'],
  ['nodiratime', ['diratime', 'noatime'], 'rw,noatime'],
  ['rw', ['nodiratime', 'silent', 'defaults', ''], 'rw,nodiratime,relatime'],
];

kernelTest('a bind mount keeps the options of its source, except those it is given', async (t, k) => {
  for (const [before, options, expected] of OF_BIND) {
    const { source, prefix } = prepared(k, before);
    const modify = (config: Config) => {
      config.mounts.push({ destination: '/tmp', source, options: ['bind', ...options] });
    };
    const found = mountAt(k.inside(table, modify, { prefix }), '/tmp')!;
    t.strictSame(found.options, expected.split(',').sort(), `${before}: ${options}`);
    t.equal(found.source, 'above');
  }
});

/** Recursive options over a mount below, which has `before`. */
const RECURSIVE: [before: string, options: string[], above: string, below: string][] = [
  ['rw', ['ro'], 'ro,relatime', 'rw,relatime'],
  ['rw', ['rro'], 'ro,relatime', 'ro,relatime'],
  ['ro', ['rrw'], 'rw,relatime', 'rw,relatime'],
  [
    'rw',
    ['rnosuid', 'rnodev', 'rnoexec'],
    'rw,nosuid,nodev,noexec,relatime',
    'rw,nosuid,nodev,noexec,relatime',
  ],
  ['nosuid,nodev,noexec', ['rsuid', 'rdev', 'rexec'], 'rw,relatime', 'rw,relatime'],
  ['rw', ['rnoatime', 'rnodiratime'], 'rw,noatime,nodiratime', 'rw,noatime,nodiratime'],
  ['noatime,nodiratime', ['ratime', 'rdiratime'], 'rw,relatime', 'rw,relatime'],
  ['noatime', ['rrelatime'], 'rw,relatime', 'rw,relatime'],
  ['noatime', ['rnorelatime'], 'rw', 'rw'],
  ['noatime', ['rstrictatime'], 'rw', 'rw'],
  ['strictatime', ['rnostrictatime'], 'rw,relatime', 'rw,relatime'],
  ['rw', ['rnosymfollow'], 'rw,relatime,nosymfollow', 'rw,relatime,nosymfollow'],
  ['rw', ['rnosymfollow', 'rsymfollow'], 'rw,relatime', 'rw,relatime'],
  ['rw', ['rro', 'rrw'], 'rw,relatime', 'rw,relatime'],
  ['rw', ['ro', 'rnosuid'], 'ro,nosuid,relatime', 'rw,nosuid,relatime'],
];

kernelTest('recursive options reach the mounts below', async (t, k) => {
  for (const [before, options, above, below] of RECURSIVE) {
    const { source, prefix } = prepared(k, 'rw', before);
    const modify = (config: Config) => {
      config.mounts.push({ destination: '/tmp', source, options: ['rbind', ...options] });
    };
    const text = k.inside(table, modify, { prefix });
    t.strictSame(mountAt(text, '/tmp')?.options, above.split(',').sort(), `${options}: the mount itself`);
    t.strictSame(mountAt(text, '/tmp/below')?.options, below.split(',').sort(), `${options}: the one below`);
  }
});

kernelTest('bind leaves the mounts below behind, rbind brings them', async (t, k) => {
  const { source, prefix } = prepared(k, 'rw', 'rw');
  for (const option of ['bind', 'rbind']) {
    const modify = (config: Config) => {
      config.mounts.push({ destination: '/tmp', source, options: [option] });
    };
    const text = k.inside(table, modify, { prefix });
    t.equal(mountAt(text, '/tmp/below') !== undefined, option === 'rbind', option);
  }
});

kernelTest('it is the options that make a bind mount, not the type', async (t, k) => {
  const { source, prefix } = prepared(k, 'rw');
  for (const type of ['bind', 'none', 'tmpfs', undefined]) {
    const modify = (config: Config) => {
      config.mounts.push({ destination: '/tmp', ...(type && { type }), source, options: ['bind'] });
    };
    t.equal(mountAt(k.inside(table, modify, { prefix }), '/tmp')?.source, 'above', `type ${type}`);
  }
  refused(t, k, /\/mounts\/7\/type.*"bind" or "rbind" among its options/, config =>
    config.mounts.push({ destination: '/tmp', type: 'bind', source: k.directory }),
  );
});

kernelTest('options of a file system mean nothing for a bind mount', async (t, k) => {
  const options = ['bind', 'sync', 'async', 'lazytime', 'mand', 'dirsync', 'iversion', 'size=1m', 'mode=755'];
  const text = k.inside(table, config => {
    config.mounts.push({ destination: '/tmp', source: k.directory, options });
  });
  t.strictSame(mountAt(text, '/tmp')?.options, ['relatime', 'rw']);
  refused(t, k, /mounts\/7\/options\/1 is "nonsense"; accepted: an option for bind mounts/, config =>
    config.mounts.push({ destination: '/tmp', source: k.directory, options: ['bind', 'nonsense'] }),
  );
});

kernelTest('remount changes the attributes of a mount', async (t, k) => {
  const text = k.inside(table, config => {
    config.mounts.push(
      { destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['nosuid'] },
      { destination: '/tmp', options: ['remount', 'ro', 'noexec', 'suid'] },
      { destination: '/dev/shm', options: ['remount', 'rro'] },
    );
  });
  t.strictSame(mountAt(text, '/tmp')?.options, ['noexec', 'relatime', 'ro']);
  t.ok(mountAt(text, '/dev/shm')?.options.includes('ro'), 'a recursive option is one, too');
});

kernelTest('recursive options of a remount reach the mounts below', async (t, k) => {
  const text = k.inside(table, config => {
    config.mounts.push(
      { destination: '/tmp', type: 'tmpfs', source: 'tmpfs' },
      { destination: '/tmp/below', type: 'tmpfs', source: 'tmpfs' },
      { destination: '/tmp', options: ['remount', 'rnosuid', 'rnoexec'] },
    );
  });
  for (const target of ['/tmp', '/tmp/below'])
    t.strictSame(mountAt(text, target)?.options, ['noexec', 'nosuid', 'relatime', 'rw'], target);
});

kernelTest('remount does not drop options of the file system in silence', async (t, k) => {
  refused(t, k, /\/mounts\/7\/options.*size=1m/, config =>
    config.mounts.push({ destination: '/dev/shm', options: ['remount', 'size=1m'] }),
  );
});

kernelTest('nosymfollow forbids to follow links, and only there', async (t, k) => {
  const script =
    'ln -s /etc/passwd /tmp/link; readlink /tmp/link; head -n 1 /tmp/link; head -n 1 /dev/shm/link';
  const outcome = k.run(`ln -s /etc/passwd /dev/shm/link; ${script}`, config =>
    config.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['nosymfollow'] }),
  );
  t.match(outcome, {
    status: 0,
    stdout: '/etc/passwd\nroot:x:0:0:root:/root:/bin/sh\n',
    stderr: /\/tmp\/link: .*(Too many levels|Symbolic link)/i,
  });
});

kernelTest('noexec, nodev and nosuid are obeyed', async (t, k) => {
  const mount = (destination: string, ...options: string[]) => ({
    destination,
    type: 'tmpfs',
    source: 'tmpfs',
    options,
  });
  const outcome = k.run(
    'for d in /tmp/a /tmp/b; do cp /bin/busybox $d/cat; $d/cat /etc/group | head -n 1; done; mknod /tmp/a/null c 1 3; mknod /tmp/b/null c 1 3; echo x >/tmp/b/null && echo written; echo x >/tmp/a/null',
    config => {
      config.root.readonly = false;
      for (const set of ['bounding', 'effective', 'permitted'] as const)
        config.process.capabilities[set]!.push('CAP_MKNOD');
      config.mounts.push(mount('/tmp/a', 'noexec', 'nodev'), mount('/tmp/b'));
    },
  );
  t.equal(outcome.stdout, 'root:x:0:\nwritten\n');
  t.match(outcome.stderr, /\/tmp\/a\/cat: Permission denied/);
  t.match(outcome.stderr, /\/tmp\/a\/null: Permission denied/);
});

const PROPAGATION: [option: string, shown: RegExp][] = [
  ['shared', /^shared:\d+$/],
  ['slave', /^$/], // nothing is its master: the source is private by then
  ['private', /^$/],
  ['unbindable', /^unbindable$/],
];

kernelTest('propagation options are those of the mount, recursive ones of all below', async (t, k) => {
  const { source, prefix } = prepared(k, 'rw', 'rw');
  for (const recursive of ['', 'r'])
    for (const [option, shown] of PROPAGATION) {
      const name = recursive + option;
      const text = k.inside(
        table,
        config => {
          config.mounts.push({ destination: '/tmp', source, options: ['rbind', name] });
        },
        { prefix },
      );
      t.match(mountAt(text, '/tmp')?.propagation, shown, name);
      const below = recursive === 'r' ? shown : /^$/;
      t.match(mountAt(text, '/tmp/below')?.propagation, below, `${name}: below`);
    }
});

kernelTest('a new file system may be shared, too', async (t, k) => {
  const text = k.inside(table, config =>
    config.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['shared', 'ro'] }),
  );
  t.match(mountAt(text, '/tmp'), { propagation: /^shared:/ });
  t.ok(mountAt(text, '/tmp')?.options.includes('ro'));
});
