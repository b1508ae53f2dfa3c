/** Which open files reach the container: standard streams, and what the caller preserves on purpose. */
import { closeSync, openSync, readdirSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { install, type Kernel, kernelTest, type RunOptions } from './harness.js';

/** Numbers of the descriptors that the program has. */
function descriptors(k: Kernel, flags: string[], options: RunOptions = {}): string {
  const bundle = k.bundle((config, rootfs) => {
    install(rootfs, 'probe');
    config.process.args = ['probe', 'fds'];
  });
  const { status, stdout, stderr } = k.runts(['run', ...flags, '--bundle', bundle, k.id()], options);
  return status === 0 ? stdout.trim().split('\n').join(' ') : stderr;
}

/** Opens a file under several numbers, for runts only. */
function withFile<T>(k: Kernel, numbers: number[], use: (options: RunOptions) => T): T {
  writeFileSync(`${k.directory}/file`, 'a file\n');
  const opened = numbers.map(number => [number, openSync(`${k.directory}/file`, 'r')] as const);
  try {
    return use({ descriptors: Object.fromEntries(opened) });
  } finally {
    for (const [, descriptor] of opened) closeSync(descriptor);
  }
}

kernelTest('a program has its three standard streams and nothing else', async (t, k) => {
  t.equal(descriptors(k, []), '0 1 2');
});

kernelTest('open files of the caller do not reach the container', async (t, k) => {
  t.equal(
    withFile(k, [3, 4, 9, 40, 100], options => descriptors(k, [], options)),
    '0 1 2',
  );
});

kernelTest('--preserve-fds passes on that many from 3', async (t, k) => {
  const seen = (count: number) =>
    withFile(k, [3, 4, 5, 6], options => descriptors(k, [`--preserve-fds=${count}`], options));
  t.equal(seen(1), '0 1 2 3');
  t.equal(seen(3), '0 1 2 3 4 5');
});

kernelTest('--preserve-fds may count gaps', async (t, k) => {
  t.equal(
    withFile(k, [4, 7], options => descriptors(k, ['--preserve-fds', '5'], options)),
    '0 1 2 4 7',
  );
});

kernelTest('a preserved descriptor is the open file of the caller', async (t, k) => {
  const text = withFile(k, [5], options => {
    const bundle = k.bundle(config => {
      config.process.args = ['sh', '-c', 'cat <&5'];
    });
    return k.ok(['run', '--preserve-fds', '3', '--bundle', bundle, k.id()], options);
  });
  t.equal(text, 'a file\n');
});

kernelTest('create and start preserve them, too', async (t, k) => {
  const bundle = k.bundle(config => {
    config.process.args = ['sh', '-c', 'exec sleep 1000 <&3'];
  });
  const id = k.id();
  withFile(k, [3], options => k.ok(['create', '--preserve-fds', '1', '--bundle', bundle, id], options));
  k.ok(['start', id]);
  t.equal(k.state(id).status, 'running');
  k.remove(id);
});

kernelTest('LISTEN_FDS for us is preserved and told', async (t, k) => {
  const bundle = k.bundle((config, rootfs) => {
    install(rootfs, 'probe');
    config.process.args = ['sh', '-c', 'echo $LISTEN_FDS $LISTEN_PID; exec probe fds'];
  });
  const command = [...k.host.argv, '--root', k.root, 'run', '--bundle', bundle, k.id()].join(' ');
  const run = (pid: string) =>
    withFile(k, [3, 4, 5], options =>
      k.runts([], { ...options, prefix: ['sh', '-c', `LISTEN_FDS=2 LISTEN_PID=${pid} exec ${command}`] }),
    ).stdout.replaceAll('\n', ' ');
  t.equal(run('$$'), '2 1 0 1 2 3 4 ');
  t.equal(run('1'), ' 0 1 2 ', 'but not what is for another process');
});

kernelTest("a created container does not hold the caller's files", async (t, k) => {
  const bundle = k.bundle(config => {
    config.process.args = ['sleep', '1000'];
  });
  const id = k.id();
  const create = [...k.host.argv, '--root', k.root, 'create', '--bundle', bundle, id].join(' ');
  // cat ends when the last writer of the pipe is gone
  const script = `(${create} 9>&1 >/dev/null </dev/null) | timeout 20 cat`;
  t.equal(k.runts([], { prefix: ['sh', '-c', script] }).status, 0);
  t.equal(k.state(id).status, 'created');
  k.remove(id);
});

kernelTest('init holds no file of the host while it waits for start', async (t, k) => {
  const id = k.created();
  const directory = `/proc/${k.state(id).pid}/fd`;
  const links = readdirSync(directory).map(number => readlinkSync(`${directory}/${number}`));
  const known = /^(socket|pipe|anon_inode):|^\/memfd:runts-plan /;
  // what masks are made of, the rootfs, and the streams that the test gave
  const ours = ['/null', '/proc/acpi', '/'];
  t.strictSame(
    links.filter(link => !known.test(link) && !ours.includes(link) && !link.startsWith(`${k.directory}/`)),
    [],
  );
  const roots = readdirSync(directory).filter(number => readlinkSync(`${directory}/${number}`) === '/');
  const { ino } = statSync(k.state(id).rootfs);
  for (const number of roots)
    t.equal(statSync(`${directory}/${number}`).ino, ino, 'the rootfs, not the root');
  k.remove(id);
});

kernelTest('closed standard streams are no problem', async (t, k) => {
  const bundle = k.bundle((config, rootfs) => {
    install(rootfs, 'probe');
    config.process.args = ['sh', '-c', 'probe fds >/tmp/fds'];
    config.root.readonly = false;
  });
  const command = [...k.host.argv, '--root', k.root, 'run', '--bundle', bundle, k.id()].join(' ');
  const { status } = k.runts([], { prefix: ['sh', '-c', `exec ${command} <&- >&- 2>&-`] });
  t.equal(status, 0);
});

kernelTest('exec: no open file but those that are preserved', async (t, k) => {
  const id = k.running((_, rootfs) => install(rootfs, 'probe'));
  const seen = (...flags: string[]) =>
    withFile(k, [3, 4, 6], options => k.exec(id, ['probe', 'fds'], flags, options).stdout);
  t.equal(seen(), '0\n1\n2\n');
  t.equal(seen('--preserve-fds', '2'), '0\n1\n2\n3\n4\n');
  t.equal(seen('--preserve-fds', '4'), '0\n1\n2\n3\n4\n6\n');
  k.remove(id);
});
