/** `spec`, and the container that its configuration makes without a change. */
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { helper, kernelTest, makeRootfs, until } from './harness.js';

kernelTest('spec writes a configuration that is valid', async (t, k) => {
  const bundle = `${k.directory}/bundle`;
  mkdirSync(bundle);
  t.equal(k.ok(['spec', '--bundle', bundle]), '');
  const text = readFileSync(`${bundle}/config.json`, 'utf8');
  t.match(text, /^\{\n\t"ociVersion": "1\.3\.0",\n/);
  t.match(k.ok(['validate', '--bundle', bundle]), /is valid\n$/);
  t.match(k.runts(['spec', '--bundle', bundle]), { status: 1, stderr: /exists/ }, 'and overwrites none');
  t.equal(readFileSync(`${bundle}/config.json`, 'utf8'), text);
});

kernelTest('spec writes to the current directory', async (t, k) => {
  k.ok(['spec'], { cwd: k.directory });
  t.ok(statSync(`${k.directory}/config.json`).isFile());
});

kernelTest('the default configuration runs a shell on the terminal', async (t, k) => {
  const bundle = `${k.directory}/bundle`;
  makeRootfs(`${bundle}/rootfs`);
  k.ok(['spec'], { cwd: bundle });
  t.match(k.ok(['plan'], { cwd: bundle }), /process\/terminal/, 'it can be planned before there is a socket');
  t.match(k.ok(['plan', '--console-socket', '/no/socket'], { cwd: bundle }), /\/no\/socket/);
  const { child, done, stdout } = k.start(['run', k.id()], {
    prefix: [helper('pty'), `${k.directory}/pty`, '80', '24'],
    cwd: bundle,
    interactive: true,
  });
  await until(() => stdout().includes('# '));
  child.stdin!.write('echo "pid $$ on $(hostname) at $(tty) with $TERM"\n');
  await until(() => stdout().includes('pid 1 on runts at /dev/pts/0 with xterm'));
  child.stdin!.write('exit 11\n');
  t.equal((await done).status, 11);
});

kernelTest('plan tells what create would do and does nothing', async (t, k) => {
  const bundle = k.bundle();
  t.match(k.ok(['plan', '--bundle', bundle]), /pivot_root/);
  const { steps } = JSON.parse(k.ok(['plan', '--json', '--bundle', bundle])) as { steps: { step: string }[] };
  t.ok(steps.some(({ step }) => step === 'pivot'));
});
