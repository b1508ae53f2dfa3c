/** The smallest memory limit (memory.max) in which a container still starts, runts beside the crun of the guest. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { type Kernel, kernelTest } from '../../kernel/harness.js';

const step = 16;
/** More than any runtime needs, in kB. */
const plenty = 16384;

const crun = ['crun'];

/** Whether `true` runs in a bundle whose configuration limits it to so many kB. */
function starts(kernel: Kernel, runtime: readonly string[], bundle: string, limit: number): boolean {
  const config = JSON.parse(readFileSync(`${bundle}/config.json`, 'utf8'));
  config.linux.resources = { ...config.linux.resources, memory: { limit: limit * 1024 } };
  writeFileSync(`${bundle}/config.json`, JSON.stringify(config));
  const [file = '', ...first] = runtime;
  const args = [...first, '--root', `${kernel.directory}/state`, 'run', '--bundle', bundle, kernel.id()];
  const { status } = spawnSync(file, args, { stdio: 'ignore', timeout: 60_000 });
  return status === 0;
}

/** In kB: the smallest limit from which on it starts three times out of three. */
function smallest(kernel: Kernel, runtime: readonly string[], bundle: string): number {
  const good = (limit: number): boolean => [1, 2, 3].every(() => starts(kernel, runtime, bundle, limit));
  let [low, high] = [0, plenty];
  while (high - low > step) {
    const middle = Math.round((low + high) / 2 / step) * step;
    if (good(middle)) high = middle;
    else low = middle;
  }
  return high;
}

kernelTest('the smallest memory limit in which a container starts', async (t, kernel) => {
  const bundle = kernel.bundle(config => {
    config.process.args = ['true'];
  });
  t.ok(starts(kernel, kernel.host.argv, bundle, plenty), 'runts starts with plenty of it');
  t.ok(starts(kernel, crun, bundle, plenty), 'crun starts with plenty of it');
  const ours = smallest(kernel, kernel.host.argv, bundle);
  const theirs = smallest(kernel, crun, bundle);
  t.ok(ours <= theirs, `runts starts in ${ours} kB, crun in ${theirs} kB`);
  t.ok(ours <= 512, 'in 512 kB or less');
});
