/** linux.maskedPaths and linux.readonlyPaths with paths of every sort, annotations, and the root's read-only flag. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { mountAt, parseMounts } from './config-tools.js';
import { type Config, kernelTest } from './harness.js';

/** Files of every kind below /data. */
function makeData(rootfs: string): void {
  for (const name of ['directory/deep', 'empty']) mkdirSync(`${rootfs}/data/${name}`, { recursive: true });
  for (const name of ['file', 'directory/file', 'directory/deep/file'])
    writeFileSync(`${rootfs}/data/${name}`, 'secret\n');
  execFileSync('mkfifo', [`${rootfs}/data/fifo`]);
  symlinkSync('file', `${rootfs}/data/link`);
  symlinkSync('/data/directory', `${rootfs}/data/absolute`);
}

kernelTest('masked paths: files, directories, fifos, links, twice and missing', async (t, k) => {
  const text = k.inside(
    'cd /data; cat file link; ls directory; ls absolute; timeout 2 cat fifo; stat -c %F file fifo; echo x >file; cat file',
    (config, rootfs) => {
      makeData(rootfs);
      config.root.readonly = false;
      config.linux.maskedPaths.push(
        ...[
          'link',
          'fifo',
          'absolute',
          'not/there',
          'file/below',
          'directory',
          'directory/',
          'empty',
          'file',
        ].map(name => `/data/${name}`),
        '/data/../data/file',
      );
    },
  );
  t.equal(text, 'character special file\ncharacter special file\n');
});

kernelTest('a masked directory in a masked directory is no error', async (t, k) => {
  const text = k.inside('ls /data/directory', (config, rootfs) => {
    makeData(rootfs);
    config.linux.maskedPaths = ['/data/directory', '/data/directory/deep', '/data/directory/deep'];
  });
  t.equal(text, '');
});

kernelTest('masks are read-only and of no use for anything', async (t, k) => {
  const text = k.inside('cat /proc/self/mountinfo', (config, rootfs) => {
    makeData(rootfs);
    config.linux.maskedPaths = ['/data/directory', '/data/empty'];
  });
  for (const name of ['directory', 'empty']) {
    const entry = mountAt(text, `/data/${name}`)!;
    t.equal(entry.type, 'tmpfs');
    t.ok(
      ['ro', 'nosuid', 'nodev', 'noexec'].every(option => entry.options.includes(option)),
      entry.options.join(),
    );
  }
});

kernelTest(
  'read-only paths: files, directories with mounts below, links, twice and missing',
  async (t, k) => {
    const outcome = k.run(
      'cd /data; for f in file directory/new directory/deep/new link absolute/new free; do (echo x >$f) 2>/dev/null && echo "wrote $f"; done; cat file directory/deep/file',
      (config, rootfs) => {
        makeData(rootfs);
        config.root.readonly = false;
        config.linux.readonlyPaths.push(
          ...['link', 'absolute', 'file', 'file', 'directory', 'directory/', 'not/there', 'file/below'].map(
            name => `/data/${name}`,
          ),
        );
      },
    );
    t.match(outcome, { status: 0, stdout: 'wrote free\nsecret\nsecret\n' });
  },
);

kernelTest('a read-only path keeps the other options of its mount', async (t, k) => {
  const text = k.inside('cat /proc/self/mountinfo', config => {
    config.mounts[0]!.options = ['nosuid', 'noexec', 'nodev'];
  });
  t.strictSame(mountAt(text, '/proc/sys')?.options, ['nodev', 'noexec', 'nosuid', 'relatime', 'ro']);
});

kernelTest('a path that is read-only and masked is masked', async (t, k) => {
  const text = k.inside('cat /data/file; ls /data/directory', (config, rootfs) => {
    makeData(rootfs);
    config.linux.readonlyPaths = ['/data/file', '/data/directory'];
    config.linux.maskedPaths = ['/data/file', '/data/directory'];
  });
  t.equal(text, '');
});

kernelTest('a hundred masks are a hundred mounts', async (t, k) => {
  const names = Array.from({ length: 100 }, (_, i) => `/data/${i}`);
  const text = k.inside('cat /proc/self/mountinfo', (config, rootfs) => {
    for (const [index, name] of names.entries())
      index % 2 === 0
        ? mkdirSync(`${rootfs}${name}`, { recursive: true })
        : writeFileSync(`${rootfs}${name}`, '');
    config.linux.maskedPaths = names;
  });
  const targets = parseMounts(text).map(({ target }) => target);
  t.ok(names.every(name => targets.includes(name)));
});

kernelTest('empty lists, and none', async (t, k) => {
  for (const value of [[], undefined]) {
    const text = k.inside('cat /proc/self/mountinfo', (config: Config) => {
      Object.assign(config.linux, { maskedPaths: value, readonlyPaths: value });
      if (value === undefined)
        for (const name of ['maskedPaths', 'readonlyPaths']) Reflect.deleteProperty(config.linux, name);
    });
    t.strictSame(
      parseMounts(text)
        .map(({ target }) => target)
        .filter(target => target.startsWith('/proc/')),
      [],
    );
  }
});

kernelTest('annotations are kept as they are, whatever they are called', async (t, k) => {
  const annotations = JSON.parse('{"a.b/c":"1","__proto__":"x","constructor":"y","ü":"\\u0001\\n"}');
  const id = k.running(config => {
    config.annotations = annotations;
  });
  t.equal(JSON.stringify(k.state(id).annotations), JSON.stringify(annotations));
  k.remove(id);
});
