import './fixtures/fake-host.js';

import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { noOptions } from '../../src/args.js';
import type { Context } from '../../src/commands.js';
import {
  createState,
  draftState,
  liveStatus,
  loadState,
  lockState,
  publishState,
  unlockState,
} from '../../src/state.js';
import { state } from '../../src/state-command.js';
import { host, resetHost } from './fixtures/fake-host.js';
import { record } from './fixtures/record.js';

t.beforeEach(resetHost);

const context = (root: string) => ({ command: 'state', global: { root } }) as unknown as Context;

t.test('createState', async t => {
  const root = `${t.testdir()}/deep/root`;
  const lock = createState(root, record({ status: 'creating', pid: 0 }));
  t.equal(statSync(root).mode & 0o7777, 0o700);
  t.equal(statSync(`${root}/box`).mode & 0o7777, 0o700);
  t.equal(statSync(`${root}/box/state.json`).mode & 0o7777, 0o600);
  t.same(loadState(root, 'box'), record({ status: 'creating', pid: 0 }));
  unlockState(lock);
  t.throws(() => createState(root, record()), { message: 'container with given ID already exists' });
  draftState(root, record());
  publishState(root, record().id);
  t.equal(loadState(root, 'box').status, 'created');
});

t.test('a directory that a killed creator left without state.json is taken over', async t => {
  const root = t.testdir({ box: { 'config.json': 'left', sub: { file: '' } } });
  unlockState(createState(root, record()));
  t.notOk(existsSync(`${root}/box/config.json`));
  t.equal(loadState(root, 'box').id, 'box');
});

t.test('a directory without state.json that is being made is not', async t => {
  const root = t.testdir({ box: {} });
  host.locked.add(`${root}/box`);
  t.throws(() => createState(root, record()), { message: 'container with given ID already exists' });
});

t.test('a root that cannot be made', async t => {
  const file = `${t.testdir({ file: '' })}/file`;
  t.throws(() => createState(`${file}/root`, record()), {
    message: `cannot make the state directory ${file}/root: not a directory`,
    hint: /--root/,
  });
});

t.test('loadState', async t => {
  const root = t.testdir({
    half: { 'state.json': '{"version":1,"id":"ha' },
    new: { 'state.json': '{"version":2,"id":"new"}' },
    null: { 'state.json': 'null' },
    other: { 'state.json': JSON.stringify(record()) },
    empty: {},
    file: 'x',
  });
  t.throws(() => loadState(root, 'none'), { message: 'container does not exist' });
  t.throws(() => loadState(root, 'empty'), { message: 'container does not exist' });
  t.throws(() => loadState(root, 'file'), { message: 'container does not exist' });
  t.throws(() => loadState(root, 'half'), {
    message: /^the state of container half is damaged: .* is not JSON$/,
  });
  t.throws(() => loadState(root, 'new'), { message: /is of another version/ });
  t.throws(() => loadState(root, 'null'), { message: /is of another version/ });
  t.throws(() => loadState(root, 'other'), { message: /is damaged/ });
});

t.test('annotations named like members of an object', async t => {
  const root = t.testdir();
  const annotations = JSON.parse('{"__proto__":"x","constructor":"y"}');
  unlockState(createState(root, record({ annotations })));
  t.equal(state(context(root), noOptions(), ['box']), 0);
  t.match(host.written[1], '"__proto__": "x"');
  t.match(host.written[1], '"constructor": "y"');
});

t.test('liveStatus', async t => {
  const root = t.testdir({ box: {}, cgroup: { 'cgroup.freeze': '0\n' } });
  const directory = `${root}/box`;
  const cgroup = { path: `${root}/cgroup`, mount: '/sys/fs/cgroup', remove: [] };
  const teardown = { cgroup, poststop: [] };
  const status = (more = {}) => liveStatus(record({ teardown, ...more }), directory);

  t.equal(status(), 'stopped', 'no process');
  host.processes.set(7, { state: 'S', startTime: 71 });
  t.equal(status(), 'stopped', 'the pid has been reused');
  host.processes.set(7, { state: 'Z', startTime: 70 });
  t.equal(status(), 'stopped', 'a zombie');
  host.processes.set(7, { state: 'S', startTime: 70 });
  t.equal(status(), 'running');
  t.equal(status({ teardown: { cgroup: null, poststop: [] } }), 'running', 'without cgroup');
  writeFileSync(`${directory}/start.sock`, '');
  t.equal(status(), 'created');
  writeFileSync(`${root}/cgroup/cgroup.freeze`, '1\n');
  t.equal(status(), 'paused');

  t.equal(status({ status: 'creating' }), 'stopped', 'the creator died');
  host.locked.add(directory);
  t.equal(status({ status: 'creating' }), 'creating');
  t.equal(liveStatus(record({ status: 'creating' }), directory, true), 'stopped', 'the lock is ours');
});

t.test('lockState', async t => {
  const root = t.testdir({ box: {} });
  t.equal(lockState(`${root}/none`), null);
  unlockState(lockState(`${root}/box`)!);
  host.locked.add(`${root}/box`);
  t.throws(() => lockState(`${root}/box`), { message: /another runts works on this container/ });
  t.equal(host.slept, 10_000, 'after a while');
});

t.test('runts state', async t => {
  const root = t.testdir();
  unlockState(createState(root, record({ annotations: { a: 'b' } })));
  host.processes.set(7, { state: 'S', startTime: 70 });
  t.equal(state(context(root), noOptions(), ['box']), 0);
  t.equal(
    host.written[1],
    `{
  "ociVersion": "1.3.0",
  "id": "box",
  "pid": 7,
  "status": "running",
  "bundle": "/bundle",
  "rootfs": "/bundle/rootfs",
  "created": "2023-11-14T22:13:20.12Z",
  "annotations": {
    "a": "b"
  },
  "owner": ""
}`,
  );
  host.processes.clear();
  host.written[1] = '';
  draftState(root, record());
  publishState(root, record().id);
  state(context(root), noOptions(), ['box']);
  t.match(JSON.parse(host.written[1]), { pid: 0, status: 'stopped' });
  t.notMatch(host.written[1], 'annotations');
  t.throws(() => state(context(root), noOptions(), ['none']), { message: 'container does not exist' });
  t.throws(() => state(context(root), noOptions(), ['../box']), { message: /invalid container ID/ });
  mkdirSync(`${root}/half`);
  t.throws(() => state(context(root), noOptions(), ['half']), { message: 'container does not exist' });
  t.match(readFileSync(`${root}/box/state.json`, 'utf8'), '"version":1', 'state changes nothing');
});

t.test('what others have put in the place of a state directory is neither emptied nor believed', async t => {
  const root = t.testdir({ kept: { file: '' }, box: {}, link: t.fixture('symlink', 'kept') });
  const refusal = { message: 'container with given ID already exists' };
  t.throws(() => createState(root, record({ id: 'link' })), refusal);
  t.ok(existsSync(`${root}/kept/file`));
  host.identity = [100, 1000, 1000, 1000, 1000];
  t.throws(() => createState(root, record()), refusal);
});
