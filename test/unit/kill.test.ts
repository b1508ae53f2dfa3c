import './fixtures/fake-host.js';

import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { noOptions } from '../../src/args.js';
import type { Context } from '../../src/commands.js';
import { kill } from '../../src/kill.js';
import { createState, type StateRecord, unlockState } from '../../src/state.js';
import { host, resetHost } from './fixtures/fake-host.js';
import { record } from './fixtures/record.js';

t.beforeEach(resetHost);

function setUp(t: Test, more: Partial<StateRecord> = {}) {
  const root = t.testdir({ cgroup: { 'cgroup.kill': '' } });
  const cgroup = { path: `${root}/cgroup`, mount: '/sys/fs/cgroup', remove: [] };
  unlockState(createState(root, record({ teardown: { cgroup, poststop: [] }, ...more })));
  const context = { command: 'kill', global: { root } } as unknown as Context;
  const run = (positionals: string[], all = false) =>
    kill(context, Object.assign(noOptions(), all ? { all } : {}), positionals);
  const cgroupKill = () => readFileSync(`${root}/cgroup/cgroup.kill`, 'utf8');
  return { root, run, cgroupKill };
}

t.test('a running container', async t => {
  const { run, cgroupKill } = setUp(t);
  host.processes.set(7, { state: 'S', startTime: 70 });
  t.equal(run(['box']), 0);
  t.equal(run(['box', 'hup']), 0);
  t.equal(run(['box', '0']), 0);
  t.equal(run(['box', '9']), 0);
  t.same(host.signals, [
    [7, 15],
    [7, 1],
    [7, 0],
    [7, 9],
  ]);
  t.equal(cgroupKill(), '', 'the kernel kills the rest of a pid namespace');
});

t.test('a stopped container', async t => {
  const { run } = setUp(t);
  t.throws(() => run(['box', 'KILL']), { message: 'container not running' });
  t.equal(run(['box', 'KILL'], true), 0, 'with --all');
  host.processes.set(7, { state: 'S', startTime: 71 });
  t.throws(() => run(['box']), { message: 'container not running' }, 'the pid has been reused');
  t.same(host.signals, []);
});

t.test('without a pid namespace of its own', async t => {
  const { root, run, cgroupKill } = setUp(t, { pidNamespace: false });
  host.processes.set(7, { state: 'S', startTime: 70 });
  t.equal(run(['box', 'TERM']), 0);
  t.equal(cgroupKill(), '', 'only SIGKILL is for all');
  t.equal(run(['box', 'KILL']), 0);
  t.equal(cgroupKill(), '1');
  t.equal(run(['box', 'KILL']), 0, 'init is gone, others may be left');
  t.throws(() => run(['box', 'TERM']), { message: 'container not running' });
  unlockState(
    createState(
      root,
      record({
        id: 'gone',
        pidNamespace: false,
        teardown: { cgroup: { path: `${root}/x`, mount: '/sys/fs/cgroup', remove: [] }, poststop: [] },
      }),
    ),
  );
  host.processes.clear();
  t.throws(() => run(['gone', 'KILL']), { message: 'container not running' }, 'no process and no cgroup');
});

t.test('mistakes', async t => {
  const { run } = setUp(t);
  t.throws(() => run(['none']), { message: 'container does not exist' });
  t.throws(() => run(['box', 'BADSIG']), { message: 'unknown signal "BADSIG"' });
  t.throws(() => run(['a/b']), { message: /invalid container ID/ });
});
