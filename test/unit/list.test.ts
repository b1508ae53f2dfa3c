/** list, ps, pause and resume. */
import './fixtures/fake-host.js';

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { noOptions } from '../../src/args.js';
import type { Context } from '../../src/commands.js';
import { layOut, list } from '../../src/list.js';
import { pause, resume } from '../../src/pause.js';
import { filterTable, ps } from '../../src/ps.js';
import { createState, unlockState } from '../../src/state.js';
import { host, resetHost } from './fixtures/fake-host.js';
import { record } from './fixtures/record.js';

t.beforeEach(resetHost);

const contextOf = (root: string | undefined, command = 'list') =>
  ({ command, global: { root } }) as unknown as Context;
const options = (given: object) => Object.assign(noOptions(), given);

t.test('list', async t => {
  const root = t.testdir();
  host.files.set('/etc/passwd', 'root:x:0:0::/:/bin/sh\ntoor:x:0:0::/:/bin/sh\n');
  const run = (given: object) => {
    host.written[1] = '';
    t.equal(list(contextOf(root), options({ format: 'table', ...given }), []), 0);
    return host.written[1];
  };
  const heading = 'ID          PID         STATUS      BUNDLE      CREATED     OWNER\n';
  t.equal(run({}), heading);
  t.equal(run({ format: 'json' }), 'null\n');
  t.equal(run({ quiet: true }), '');

  unlockState(createState(root, record({ id: 'a-long-identifier' })));
  unlockState(
    createState(root, record({ id: 'b', pid: 8, startTime: 80, owner: 4242, annotations: { x: 'y' } })),
  );
  host.processes.set(8, { state: 'S', startTime: 80 });
  mkdirSync(`${root}/half`);
  mkdirSync(`${root}/damaged`);
  writeFileSync(`${root}/damaged/state.json`, '{');
  writeFileSync(`${root}/file`, '');
  t.equal(run({ quiet: true }), 'a-long-identifier\nb\n');
  t.equal(
    run({}),
    'ID                  PID         STATUS      BUNDLE      CREATED                   OWNER\n' +
      'a-long-identifier   0           stopped     /bundle     2023-11-14T22:13:20.12Z   root\n' +
      'b                   8           running     /bundle     2023-11-14T22:13:20.12Z   #4242\n',
  );
  const states = JSON.parse(run({ format: 'json' }));
  t.match(states, [
    { ociVersion: '1.3.0', id: 'a-long-identifier', pid: 0, status: 'stopped', owner: 'root' },
    { id: 'b', pid: 8, status: 'running', annotations: { x: 'y' }, owner: '#4242' },
  ]);
  t.match(host.written[1], /^[^\n]+\n$/, 'one line');
  t.equal(host.written[2], '', 'no warnings');
  t.throws(() => list(contextOf(root), options({ format: 'xml' }), []), { message: /unknown format "xml"/ });
  t.throws(() => list(contextOf(`${root}/none`), options({ format: 'json' }), []), {
    message: /no such file or directory/,
  });
});

t.test('columns', async t => {
  t.equal(
    layOut([
      ['A', 'B'],
      ['123456789', 'x'],
    ]),
    'A           B\n123456789   x\n',
    '9 and 3 are 12',
  );
  t.equal(
    layOut([
      ['A', 'B'],
      ['1234567890', 'x'],
    ]),
    'A            B\n1234567890   x\n',
  );
});

function container(t: Test, more: object = {}) {
  const root = t.testdir({
    cgroup: { 'cgroup.freeze': '0', 'cgroup.procs': '7\n8\n', inner: { 'cgroup.procs': '9\n' } },
  });
  const teardown = { cgroup: { path: `${root}/cgroup`, mount: '/sys/fs/cgroup', remove: [] }, poststop: [] };
  unlockState(createState(root, record({ teardown, ...more })));
  host.processes.set(7, { state: 'S', startTime: 70 });
  return root;
}

t.test('pause and resume', async t => {
  const root = container(t);
  const freeze = () => readFileSync(`${root}/cgroup/cgroup.freeze`, 'utf8');
  const waits: string[] = [];
  host.onWait = (_path, line) => waits.push(line) > 0;
  t.throws(() => resume(contextOf(root, 'resume'), noOptions(), ['box']), {
    message: 'container not paused',
  });
  t.equal(pause(contextOf(root, 'pause'), noOptions(), ['box']), 0);
  t.equal(freeze(), '1');
  t.throws(() => pause(contextOf(root, 'pause'), noOptions(), ['box']), { message: 'container not running' });
  t.equal(resume(contextOf(root, 'resume'), noOptions(), ['box']), 0);
  t.equal(freeze(), '0');
  t.same(waits, ['frozen 1', 'frozen 0']);
  host.onWait = () => false;
  t.throws(() => pause(contextOf(root, 'pause'), noOptions(), ['box']), {
    message: /not all of its processes have stopped/,
  });
  t.equal(freeze(), '0', 'it is not left half frozen');
  host.processes.clear();
  t.throws(() => pause(contextOf(root, 'pause'), noOptions(), ['box']), { message: 'container not running' });
});

t.test('pause without cgroup', async t => {
  const root = container(t, { teardown: { cgroup: null, poststop: [] } });
  t.throws(() => pause(contextOf(root, 'pause'), noOptions(), ['box']), {
    message: 'cannot pause container box: it has no cgroup',
  });
});

t.test('ps', async t => {
  const root = container(t);
  t.equal(ps(contextOf(root, 'ps'), options({ format: 'json' }), ['box']), 0);
  t.equal(host.written[1], '[7,8,9]\n');
  host.env = { PATH: 'relative:/nonexistent' };
  t.throws(() => ps(contextOf(root, 'ps'), options({ format: 'table' }), ['box']), {
    message: /not found in \$PATH/,
  });
});

t.test('ps as a table', async t => {
  const root = container(t);
  const calls: string[][] = [];
  host.run = argv => {
    calls.push(argv);
    return { status: 0, stdout: 'UID   PID CMD\n0 1 init\n0 8 sh 7\n0 9 x\n', stderr: '' };
  };
  t.equal(ps(contextOf(root, 'ps'), options({ format: 'table' }), ['box']), 0);
  t.equal(host.written[1], 'UID   PID CMD\n0 8 sh 7\n0 9 x\n');
  ps(contextOf(root, 'ps'), options({ format: 'table' }), ['box', '-o', 'pid']);
  t.same(
    calls.map(call => call.slice(1)),
    [['-ef'], ['-o', 'pid']],
  );
  host.run = () => ({ status: 1, stdout: '', stderr: 'ps: bad option\n' });
  t.throws(() => ps(contextOf(root, 'ps'), options({ format: 'table' }), ['box']), {
    message: 'ps: exit status 1: ps: bad option',
  });
  t.throws(() => filterTable('A B\n1 2\n', [1]), { message: /no column PID/ });
});

t.test('ps of a stopped container', async t => {
  const root = t.testdir();
  const teardown = { cgroup: { path: `${root}/gone`, mount: '/sys/fs/cgroup', remove: [] }, poststop: [] };
  unlockState(createState(root, record({ teardown })));
  t.equal(ps(contextOf(root, 'ps'), options({ format: 'json' }), ['box']), 0);
  t.equal(host.written[1], 'null\n');
});
