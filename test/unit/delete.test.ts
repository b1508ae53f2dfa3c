import './fixtures/fake-host.js';

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { noOptions } from '../../src/args.js';
import { removeCgroup } from '../../src/cgroup-remove.js';
import type { Context } from '../../src/commands.js';
import { delete as deleteCommand } from '../../src/delete.js';
import { createState, type StateRecord, unlockState } from '../../src/state.js';
import { host, nativeError, resetHost } from './fixtures/fake-host.js';
import { record } from './fixtures/record.js';

t.beforeEach(resetHost);

function setUp(t: Test, more: Partial<StateRecord> = {}) {
  const root = `${t.testdir()}/root`;
  unlockState(createState(root, record(more)));
  const context = { command: 'delete', global: { root } } as unknown as Context;
  const run = (id: string, force = false) =>
    deleteCommand(context, Object.assign(noOptions(), { force }), [id]);
  return { root, run };
}

t.test('a stopped container', async t => {
  const { root, run } = setUp(t);
  t.equal(run('box'), 0);
  t.notOk(existsSync(`${root}/box`));
  t.throws(() => run('box'), { message: 'container does not exist' });
  t.equal(run('box', true), 0, 'with force, that is no error');
  t.equal(host.written[2], '');
});

t.test('a running container', async t => {
  const { root, run } = setUp(t);
  host.processes.set(7, { state: 'S', startTime: 70 });
  t.throws(() => run('box'), { message: 'cannot delete container box that is not stopped: running' });
  t.same(host.signals, []);
  t.equal(run('box', true), 0);
  t.same(host.signals, [[7, 9]]);
  t.notOk(existsSync(`${root}/box`));
});

t.test('a created container needs no force', async t => {
  const { root, run } = setUp(t);
  host.processes.set(7, { state: 'S', startTime: 70 });
  writeFileSync(`${root}/box/start.sock`, '');
  t.equal(run('box'), 0);
  t.same(host.signals, [[7, 9]]);
});

t.test('an init that does not die', async t => {
  const { root, run } = setUp(t);
  const init = { state: 'D', startTime: 70, onSignal: () => void host.processes.set(7, init) };
  host.processes.set(7, init);
  t.throws(() => run('box', true), {
    message: 'cannot delete container box: process 7 is still there 10 seconds after SIGKILL',
  });
  t.ok(existsSync(`${root}/box/state.json`), 'delete can be repeated');
  init.onSignal = () => {};
  t.equal(run('box', true), 0);
});

t.test('a creator that was killed', async t => {
  const { root, run } = setUp(t, { status: 'creating', pid: 0, startTime: 0 });
  t.equal(run('box'), 0);
  t.notOk(existsSync(`${root}/box`));
  mkdirSync(`${root}/half`);
  t.equal(run('half', true), 0);
  t.notOk(existsSync(`${root}/half`));
  mkdirSync(`${root}/half`);
  t.throws(() => run('half'), { message: 'container does not exist' });
});

t.test('a creator that is at work', async t => {
  const { root, run } = setUp(t, { status: 'creating', pid: 0, startTime: 0 });
  host.locked.add(`${root}/box`);
  t.throws(() => run('box', true), { message: /another runts works on this container/ });
  t.ok(existsSync(`${root}/box/state.json`));
});

t.test('a damaged record', async t => {
  const { root, run } = setUp(t);
  writeFileSync(`${root}/box/state.json`, '{"version":1,');
  t.throws(() => run('box'), { message: /damaged/, hint: /--force/ });
  t.equal(run('box', true), 0);
  t.notOk(existsSync(`${root}/box`));
});

t.test('the rest of the teardown', async t => {
  const resctrl = t.testdir({ closid: {} });
  const hook = { path: '/bin/true' };
  const teardown = {
    cgroup: null,
    poststop: [hook],
    intelRdt: [`${resctrl}/closid`, `${resctrl}/gone`],
    mounts: ['/mnt/a'],
  };
  const root = `${resctrl}/root`;
  unlockState(createState(root, record({ teardown })));
  const calls: unknown[] = [];
  host.parts.create = {
    runPoststop: (given: StateRecord) => {
      calls.push([given.teardown.poststop, existsSync(`${root}/box`), existsSync(`${resctrl}/closid`)]);
    },
  };
  const context = { command: 'delete', global: { root } } as unknown as Context;
  t.equal(deleteCommand(context, noOptions(), ['box']), 0);
  t.same(calls, [[[hook], true, false]], 'hooks run after the resources are gone, before the state is');
  t.same(host.detached, ['/mnt/a']);
  t.notOk(existsSync(`${root}/box`));
});

t.test('a cgroup that is empty is just removed', async t => {
  const base = t.testdir({ parent: { box: {} } });
  removeCgroup({ path: `${base}/parent/box`, remove: [`${base}/parent/box`, `${base}/parent`] });
  t.notOk(existsSync(`${base}/parent`));
  removeCgroup({ path: `${base}/parent/box`, remove: [`${base}/parent/box`, `${base}/parent`] });
});

t.test('a cgroup that was there before is emptied, not removed', async t => {
  const base = t.testdir({ box: { 'cgroup.kill': '', inner: {} } });
  removeCgroup({ path: `${base}/box`, remove: [] });
  t.equal(readFileSync(`${base}/box/cgroup.kill`, 'utf8'), '1');
  t.notOk(existsSync(`${base}/box/inner`), 'what the container has made in it goes');
  t.ok(existsSync(`${base}/box`));
});

/** A directory of a cgroup file system can be removed with its files; one of a test cannot. */
function likeCgroups(files: string[]): void {
  host.onRmdir = path => {
    for (const file of files) rmSync(`${path}/${file}`, { force: true });
  };
}

t.test('a cgroup with processes and cgroups in it', async t => {
  const files = () => ({ 'cgroup.kill': '', 'cgroup.procs': '' });
  const box = { ...files(), a: { ...files(), b: files() }, c: files() };
  const base = t.testdir({ parent: { other: {}, box } });
  const path = `${base}/parent/box`;
  const order: string[] = [];
  let populated = true;
  host.onWrite = (file, data) => order.push(`${file.slice(base.length)} ${data}`);
  host.onWait = (cgroup, line) => {
    order.push(`wait ${cgroup.slice(base.length)} ${line}`);
    populated = false;
    likeCgroups(['cgroup.kill', 'cgroup.procs']);
    return true;
  };
  host.onRmdir = () => {
    if (populated) throw nativeError('EBUSY', 16, 'rmdir');
  };
  removeCgroup({ path, remove: [path, `${base}/parent`] });
  t.same(order, ['/parent/box/cgroup.kill 1', 'wait /parent/box populated 0']);
  t.notOk(existsSync(path));
  t.ok(existsSync(`${base}/parent`), 'a parent in use stays');
});

t.test('processes that do not die are named', async t => {
  const base = t.testdir({
    box: { 'cgroup.kill': '', 'cgroup.procs': '11\n12\n', a: { 'cgroup.procs': '13\n' } },
  });
  host.onWait = () => false;
  t.throws(() => removeCgroup({ path: `${base}/box`, remove: [`${base}/box`] }), {
    message: `cannot remove cgroup ${base}/box: the processes 11 12 13 are still there 10 seconds after SIGKILL`,
  });
});

t.test('a cgroup that stays busy', async t => {
  const base = t.testdir({ box: { 'cgroup.kill': '' } });
  t.throws(() => removeCgroup({ path: `${base}/box`, remove: [`${base}/box`] }), {
    message: /: it is busy$/,
  });
  t.equal(host.slept, 1000);
});
