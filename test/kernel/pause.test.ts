/** `pause` and `resume`. */
import { readFileSync } from 'node:fs';
import { isGone, type Kernel, kernelTest, until } from './harness.js';

const counting = 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.005; done';

async function counter(k: Kernel): Promise<{ id: string; later: () => string }> {
  const bundle = k.bundle(config => {
    config.process.args = ['sh', '-c', counting];
  });
  const id = k.id();
  const { later } = k.runts(['run', '--detach', '--bundle', bundle, id]);
  await until(() => later() !== '');
  return { id, later };
}

kernelTest('a paused container does nothing until it is resumed', async (t, k) => {
  const { id, later } = await counter(k);
  k.ok(['pause', id]);
  t.equal(k.state(id).status, 'paused');
  t.match(readFileSync(`${k.cgroup(id)}/cgroup.events`, 'utf8'), /^frozen 1$/m);
  const before = later();
  await new Promise(resolve => setTimeout(resolve, 50));
  t.equal(later(), before);
  k.ok(['resume', id]);
  t.equal(k.state(id).status, 'running');
  await until(() => later() !== before);
  k.remove(id);
});

kernelTest('pause twice and resume twice are refused', async (t, k) => {
  const id = k.running();
  t.match(k.runts(['resume', id]), { status: 1, stderr: /not paused/ });
  k.ok(['pause', id]);
  t.equal(k.runts(['pause', id]).status, 1);
  k.ok(['resume', id]);
  t.match(k.runts(['resume', id]), { status: 1, stderr: /not paused/ });
  k.remove(id);
});

kernelTest('a created container can be paused', async (t, k) => {
  const id = k.created();
  k.ok(['pause', id]);
  t.equal(k.state(id).status, 'paused');
  t.match(k.runts(['start', id]), { status: 1, stderr: 'cannot start a paused container\n' });
  k.ok(['resume', id]);
  t.equal(k.state(id).status, 'created');
  k.remove(id);
});

kernelTest('a paused container is killed without being resumed', async (t, k) => {
  const id = k.running();
  const { pid } = k.state(id);
  k.ok(['pause', id]);
  k.ok(['kill', id, 'KILL']);
  await until(() => isGone(pid));
  t.equal(k.state(id).status, 'stopped');
  k.ok(['delete', id]);
});

kernelTest('a paused container is deleted by force', async (t, k) => {
  const id = k.running();
  k.ok(['pause', id]);
  t.match(k.runts(['delete', id]), { status: 1, stderr: /not stopped: paused/ });
  k.remove(id);
});

kernelTest('a stopped container can be neither paused nor resumed', async (t, k) => {
  const id = k.running(undefined, 'exit 0');
  await until(() => k.state(id).status === 'stopped');
  t.match(k.runts(['pause', id]), { status: 1, stderr: /not running/ });
  t.match(k.runts(['resume', id]), { status: 1, stderr: /not paused/ });
  k.ok(['delete', id]);
});
