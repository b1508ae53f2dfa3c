/** The static executable as a host: arguments, exit status, exceptions, odd surroundings. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { buildHosts, runHost, sanitize } from './host.js';

const { quickjs } = await buildHosts();
if (quickjs === undefined) {
  t.plan(0, 'no QuickJS on this machine');
  process.exit();
}
const host: string[] = quickjs;
const run = (args: string[], prefix: string[] = []) => runHost(host, ['.', ...args], prefix);

t.test('arguments and status', async t => {
  t.same(JSON.parse(run(['echo', 'ż', '', '--x=1']).stdout), ['.', 'echo', 'ż', '', '--x=1']);
  t.equal(run(['status', '0']).status, 0);
  t.equal(run(['status', '7']).status, 7);
  const bad = run([], ['sh', '-c', `exec "$@" "$(printf 'a\\377')"`, 'sh']);
  t.same([bad.status, bad.stdout, bad.stderr], [1, '', 'runts: argument 2 is not valid UTF-8\n']);
});

t.test('an exception that nobody caught is one line', async t => {
  const { status, stdout, stderr } = run(['throw']);
  t.same([status, stdout], [1, '']);
  t.match(stderr, /^runts: internal error: TypeError: thrown on purpose \(at main \(cli\.js:\d+:\d+\)\)\n$/);
});

t.test('endless recursion is an exception, however small the stack', async t => {
  // AddressSanitizer's frames are too big for the smallest
  for (const kilobytes of sanitize ? ['8192'] : ['256', '1024', '8192', 'unlimited']) {
    const { status, signal, stdout } = run(
      ['recurse'],
      ['sh', '-c', `ulimit -s ${kilobytes} && exec "$@"`, 'sh'],
    );
    t.same([status, signal, stdout], [0, null, 'true\n'], `ulimit -s ${kilobytes}`);
  }
});

t.test('missing standard descriptors are not given to files', async t => {
  const { status, stderr } = run(['status', '5'], ['sh', '-c', 'exec "$@" <&- >&- 2>&-', 'sh']);
  t.same([status, stderr], [5, '']);
  const silent = run(['throw'], ['sh', '-c', 'exec "$@" 2>&-', 'sh']);
  t.same([silent.status, silent.signal], [1, null]);
});

t.test('a reader that went away is an error, not a signal', async t => {
  const { stdout } = spawnSync('sh', ['-c', '{ "$0" . echo x; echo $? >&3; } 3>&1 | true', host[0]!], {
    encoding: 'utf8',
  });
  t.match(stdout, /^(0|1)?\n?$/);
  const broken = spawnSync(
    'sh',
    ['-c', '{ sleep 0.2; "$@"; echo $? >&2; } | true', 'sh', host[0]!, '.', 'echo'],
    { encoding: 'utf8' },
  );
  t.match(broken.stderr, /^runts: internal error: Error: EPIPE: write "1"[^\n]*\n1\n$/);
});

const asan = sanitize && 'the executable with sanitizers is dynamic';

t.test('the executable is static and holds nothing of the machine that built it', { skip: asan }, async t => {
  const image = readFileSync(host[0]!);
  t.equal(image.readUInt16LE(16), 2, 'ET_EXEC');
  const programHeaders = Number(image.readBigUInt64LE(32));
  const types = Array.from({ length: image.readUInt16LE(56) }, (_, i) =>
    image.readUInt32LE(programHeaders + i * 56),
  );
  t.notOk(types.includes(3), 'no PT_INTERP');
  t.equal(image.indexOf(new URL('../..', import.meta.url).pathname), -1, 'no path of the source tree');
});
