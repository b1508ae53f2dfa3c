/** What would hang or lead out, if it were done in the obvious way. */
import { copyFileSync } from 'node:fs';
import { helper, kernelTest } from './harness.js';

kernelTest(
  'a program that writes much before it reads does not wait for its input to be taken',
  async (t, k) => {
    const outcome = k.run(
      'stty raw -echo; head -c 400000 /dev/zero | tr "\\0" x; exit 5',
      config => {
        config.process.terminal = true;
      },
      { stdin: 'input\n'.repeat(40_000), timeout: 20_000 },
    );
    t.equal(outcome.status, 5);
    t.match(outcome.stdout, /x{400000}/);
  },
);

kernelTest('all input arrives in its order, however slowly it is taken', async (t, k) => {
  const numbers = Array.from({ length: 50_000 }, (_, i) => `${i + 1}\n`).join('');
  const check =
    'NF { if ($1 != last + 1) bad++; last = $1 } last == 50000 { exit } END { print last, bad + 0 }';
  const { stdout } = k.run(
    `stty raw -echo; sleep 0.2; awk '${check}'`,
    config => {
      config.process.terminal = true;
    },
    // what comes before the terminal is raw may be lost
    { stdin: '\n'.repeat(200_000) + numbers, timeout: 20_000 },
  );
  t.equal(stdout.trim(), '50000 0');
});

kernelTest("--no-pivot leaves no procfs in sight but the container's own, masked one", async (t, k) => {
  const bundle = k.bundle((config, rootfs) => {
    copyFileSync(helper('nested_proc'), `${rootfs}/bin/nested_proc`);
    config.process.args = ['nested_proc'];
  });
  const { status, stdout, stderr } = k.runts(['run', '--no-pivot', '--bundle', bundle, k.id()]);
  t.strictSame({ status, stdout, stderr }, { status: 0, stdout: '1\n', stderr: '' }, 'EPERM');
});
