/** Ids, signals, the state root, and what is nearest to a word. */
import './fixtures/fake-host.js';

import { statSync } from 'node:fs';
import t from 'tap';
import { native } from '../../src/host.js';
import { checkId } from '../../src/id.js';
import { absolute, makeStateRoot, stateRoot } from '../../src/root-dir.js';
import { parseSignal } from '../../src/signals.js';
import { distance, nearest } from '../../src/suggest.js';
import { host, nativeError, resetHost } from './fixtures/fake-host.js';

t.beforeEach(resetHost);

t.test('ids', async t => {
  for (const good of ['a', '_', '+x', '-x', 'buildah-a.b_c+d', '0'.repeat(255), 'a..b']) {
    t.doesNotThrow(() => checkId(good), good);
  }
  t.throws(() => checkId(''), { message: 'container id cannot be empty' });
  for (const bad of ['.', '..', '.a', 'a/b', '/', '../a', 'a b', 'a\n', 'ä', 'a:b', '0'.repeat(256)]) {
    t.throws(() => checkId(bad), { message: /^invalid container ID format: / }, JSON.stringify(bad));
  }
  t.throws(() => checkId('0'.repeat(1024)), { message: /1024 characters, but a file name has at most 255/ });
});

t.test('signals', async t => {
  const known: [string, number][] = [
    ...([
      ['9', 9],
      ['0', 0],
      ['64', 64],
      ['KILL', 9],
      ['SIGKILL', 9],
      ['sigterm', 15],
      ['Hup', 1],
    ] as [string, number][]),
    ...([
      ['SYS', 31],
      ['CHLD', 17],
      ['CLD', 17],
      ['IOT', 6],
      ['WINCH', 28],
      ['XFSZ', 25],
      ['STKFLT', 16],
    ] as [string, number][]),
    ...([
      ['RTMIN', 34],
      ['SIGRTMIN+3', 37],
      ['rtmin+30', 64],
      ['RTMAX', 64],
      ['RTMAX-1', 63],
    ] as [string, number][]),
  ];
  for (const [given, number] of known) t.equal(parseSignal(given), number, given);
  for (const bad of ['BADSIG', '65', '-1', 'RTMIN+31', 'RTMAX-31', '', 'SIG', 'constructor', '9x']) {
    t.throws(() => parseSignal(bad), { message: `unknown signal ${JSON.stringify(bad)}` }, bad);
  }
});

t.test('the state root that is asked for', async t => {
  t.equal(stateRoot('/run/containerd/runc/moby'), '/run/containerd/runc/moby');
  t.equal(stateRoot('x/../y/./z//'), `${process.cwd()}/y/z`);
  t.throws(() => stateRoot('/'), { message: /cannot be \// });
  t.throws(() => stateRoot('/..'), { message: /cannot be \// });
  t.equal(absolute('/a/../../b'), '/b');
});

t.test('a current directory that is gone', async t => {
  t.intercept(native, 'cwd', {
    value: () => {
      throw nativeError('ENOENT', 2, 'getcwd');
    },
  });
  t.throws(() => absolute('x'), { message: 'the current directory has been removed' });
  t.equal(absolute('/x'), '/x');
});

t.test('the default state root', async t => {
  const identityMap = '         0          0 4294967295\n';
  const oneUser = '         0       1000          1\n';
  const rule = (
    expected: string,
    euid: number,
    map: string,
    env: { [name: string]: string },
    comment: string,
  ) => {
    host.identity = [1, euid, euid, euid, euid];
    host.env = env;
    host.files.set('/proc/self/uid_map', map);
    t.equal(stateRoot(undefined), expected, comment);
  };
  const XDG_RUNTIME_DIR = '/run/user/1000';
  rule('/run/runts', 0, identityMap, {}, 'root');
  rule('/run/runts', 0, identityMap, { XDG_RUNTIME_DIR }, 'root with XDG_RUNTIME_DIR');
  rule('/run/runts', 0, identityMap, { XDG_RUNTIME_DIR: '' }, 'root as podman calls');
  rule('/run/user/1000/runts', 1000, identityMap, { XDG_RUNTIME_DIR }, 'a user');
  rule('/run/runts', 1000, identityMap, { XDG_RUNTIME_DIR: '' }, 'a user without');
  rule('/run/user/1000/runts', 0, oneUser, { XDG_RUNTIME_DIR }, 'root of a user namespace, as podman calls');
  rule('/run/user/1000/runts', 0, oneUser, { XDG_RUNTIME_DIR, USER: 'me' }, 'the same, as conmon calls');
  rule(
    '/run/runts',
    0,
    oneUser,
    { XDG_RUNTIME_DIR, USER: 'root' },
    'one who logged in as root in a container',
  );
  host.identity = [100, 0, 0, 0, 0];
});

t.test('the root below XDG_RUNTIME_DIR is sticky', async t => {
  const directory = t.testdir();
  host.identity = [1, 1000, 1000, 1000, 1000];
  host.env = { XDG_RUNTIME_DIR: directory };
  makeStateRoot(stateRoot(undefined));
  t.equal(statSync(`${directory}/runts`).mode & 0o7777, 0o1700);
  makeStateRoot(`${directory}/other/root`);
  t.equal(statSync(`${directory}/other/root`).mode & 0o7777, 0o700);
  host.identity = [100, 0, 0, 0, 0];
});

t.test('nearest', async t => {
  t.equal(distance('kitten', 'sitting'), 3);
  t.equal(distance('ab', 'ba'), 1, 'a swap');
  t.equal(distance('', 'abc'), 3);
  t.equal(nearest('creat', ['delete', 'create']), 'create');
  t.equal(nearest('stat', ['start', 'state']), 'state', 'what begins alike comes first');
  t.equal(nearest('rootPropagation', ['rootfsPropagation', 'x']), 'rootfsPropagation');
  t.equal(nearest('zzz', ['create']), undefined);
  const begin = Date.now();
  t.equal(nearest('create'.repeat(100_000), ['create', 'delete']), undefined);
  t.ok(Date.now() - begin < 1000, 'a word without end takes no time');
});
