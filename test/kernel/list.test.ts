/** `list` and `ps`: what can be seen of containers from outside. */
import { childrenOf, kernelTest, until } from './harness.js';

kernelTest('list prints a table, JSON, or ids', async (t, k) => {
  const [created, running] = [k.created(), k.running()];
  const states = [k.state(created), k.state(running)];
  const { length } = created;
  const table = k.ok(['list']).split('\n');
  t.match(table[0], /^ID {3,}PID {3,}STATUS {3,}BUNDLE {3,}CREATED {3,}OWNER$/);
  for (const [at, { id, pid, status, bundle, created }] of states.entries())
    t.strictSame(table[at + 1]!.split(/ {3,}/), [id, String(pid), status, bundle, created, 'root']);
  t.equal(table[0]!.indexOf('PID'), Math.max(12, length + 3), 'columns are in line');
  t.strictSame(
    JSON.parse(k.ok(['list', '--format', 'json'])),
    states.map(state => ({ ...state, owner: 'root' })),
  );
  t.equal(k.ok(['list', '-q']), `${created}\n${running}\n`);
  k.remove(created, running);
  t.equal(k.ok(['list']), 'ID          PID         STATUS      BUNDLE      CREATED     OWNER\n');
  t.equal(k.ok(['list', '-f', 'json']), 'null\n');
  t.equal(k.ok(['list', '--quiet']), '');
});

kernelTest('list shows a stopped container with pid 0', async (t, k) => {
  const id = k.running(undefined, 'exit 0');
  await until(() => k.state(id).status === 'stopped');
  t.match(JSON.parse(k.ok(['list', '-f', 'json'])), [{ id, status: 'stopped', pid: 0 }]);
  k.ok(['delete', id]);
});

kernelTest('list of a state root that is not there fails when it was asked for', async (t, k) => {
  t.match(k.runts(['list']), { status: 1, stderr: /no such file or directory/ });
});

kernelTest('ps prints the processes of a container only', async (t, k) => {
  const id = k.running(undefined, 'sleep 1001 & sleep 1002 & exec sleep 1003');
  const { pid } = k.state(id);
  await until(() => childrenOf(pid).length === 2);
  const all = [pid, ...childrenOf(pid)].sort((a, b) => a - b);
  const pids = JSON.parse(k.ok(['ps', '--format', 'json', id])) as number[];
  t.strictSame(
    [...pids].sort((a, b) => a - b),
    all,
  );
  const table = k.ok(['ps', id]).trimEnd().split('\n');
  t.match(table[0], /^UID +PID /);
  t.strictSame(
    table.slice(1).map(line => line.replace(/.*(sleep \d+)$/, '$1')),
    ['sleep 1003', 'sleep 1001', 'sleep 1002'],
  );
  t.match(k.ok(['ps', id, '-o', 'pid,comm']), new RegExp(`^ *PID COMMAND\n *${pid} sleep\n`), 'ps arguments');
  k.remove(id);
});

kernelTest('ps of a stopped container is empty', async (t, k) => {
  const id = k.running(undefined, 'exit 0');
  await until(() => k.state(id).status === 'stopped');
  t.equal(k.ok(['ps', '-f', 'json', id]), 'null\n');
  t.equal(k.ok(['ps', id]).trim().split('\n').length, 1, 'the heading only');
  k.ok(['delete', id]);
});
