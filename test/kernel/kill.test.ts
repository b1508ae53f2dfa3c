/** `kill`: signals to a container's init, and to all when that is what it takes. */
import { isGone, type Kernel, kernelTest, until } from './harness.js';

const echoing = 'trap "echo usr1" USR1; echo ready; while :; do sleep 0.01; done';

/** A running container that answers USR1; its output is read with `later`. */
async function answering(k: Kernel): Promise<{ id: string; later: () => string }> {
  const bundle = k.bundle(config => {
    config.process.args = ['sh', '-c', echoing];
  });
  const id = k.id();
  const { later } = k.runts(['run', '--detach', '--bundle', bundle, id]);
  await until(() => later().includes('ready'));
  return { id, later };
}

kernelTest('a signal is a number or a name, in any case', async (t, k) => {
  const signals = ['10', 'USR1', 'SIGUSR1', 'usr1', 'sigusr1', 'SigUsr1'];
  const { id, later } = await answering(k);
  for (const [at, signal] of signals.entries()) {
    k.ok(['kill', id, signal]);
    await until(() => later().split('usr1').length === at + 2);
  }
  t.equal(later(), `ready\n${'usr1\n'.repeat(signals.length)}`);
  k.remove(id);
});

kernelTest('without a signal it is TERM', async (t, k) => {
  const id = k.running(undefined, 'trap "exit 0" TERM; while :; do sleep 0.01; done');
  // TERM before the trap is set would be lost: process 1 ignores what it does not handle
  await until(() => k.runts(['kill', id]).status !== 0);
  t.match(k.runts(['kill', id]), { status: 1, stderr: 'container not running\n' });
  t.equal(k.state(id).status, 'stopped');
  k.ok(['delete', id]);
});

kernelTest('signal 0 only looks', async (t, k) => {
  const id = k.running();
  k.ok(['kill', id, '0']);
  t.equal(k.state(id).status, 'running');
  k.ok(['kill', id, 'KILL']);
  await until(() => k.state(id).status === 'stopped');
  t.match(k.runts(['kill', id, '0']), { status: 1, stderr: /not running/ });
  k.ok(['delete', id]);
});

kernelTest('a real-time signal arrives', async (t, k) => {
  const { id } = await answering(k);
  k.ok(['kill', id, '34']);
  t.ok(k.state(id).status, 'running');
  k.remove(id);
});

kernelTest('a created container takes signals', async (t, k) => {
  const id = k.created();
  const { pid } = k.state(id);
  k.ok(['kill', id, 'KILL']);
  await until(() => isGone(pid));
  t.equal(k.state(id).status, 'stopped');
  k.ok(['delete', id]);
});

kernelTest('KILL ends everything in a pid namespace of its own', async (t, k) => {
  const id = k.running(undefined, 'sleep 1000 & exec sleep 1000');
  await until(() => k.ok(['ps', '--format', 'json', id]).split(',').length === 2);
  k.ok(['kill', id, 'KILL']);
  await until(() => k.ok(['ps', '--format', 'json', id]) === 'null\n');
  t.equal(k.state(id).status, 'stopped');
  k.ok(['delete', id]);
});

kernelTest('KILL ends everything without a pid namespace, too', async (t, k) => {
  const id = k.running(config => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid');
  }, 'sleep 1000 & exec sleep 1000');
  const pids = await until(() => {
    const found = JSON.parse(k.ok(['ps', '--format', 'json', id])) as number[];
    return found.length === 2 && found;
  });
  k.ok(['kill', id, 'KILL']);
  await until(() => pids.every(isGone));
  t.equal(k.state(id).status, 'stopped');
  k.ok(['delete', id]);
});

kernelTest('orphans of a stopped init are killed by delete', async (t, k) => {
  const id = k.running(config => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid');
  }, 'sleep 1000 & exit 0');
  await until(() => k.state(id).status === 'stopped');
  const [orphan] = JSON.parse(k.ok(['ps', '--format', 'json', id])) as number[];
  t.notOk(isGone(orphan!));
  k.ok(['delete', id]);
  t.ok(isGone(orphan!));
});

kernelTest('--all makes a stopped container no error', async (t, k) => {
  const id = k.running(undefined, 'exit 0');
  await until(() => k.state(id).status === 'stopped');
  t.equal(k.runts(['kill', id, 'TERM']).status, 1);
  k.ok(['kill', '--all', id, 'TERM']);
  k.ok(['delete', id]);
});
