/** create, start, state, kill, delete: the lifecycle of the runtime-spec (runtime.md). */
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, relative } from 'node:path';
import { cgroupOf, isGone, kernelTest, statusLine, until } from './harness.js';

kernelTest('created, running, stopped, gone', async (t, k) => {
  const id = k.created((_, rootfs) => {
    // written by the program alone
    t.notOk(existsSync(`${rootfs}/tmp/started`));
  }, 'echo started; exec sleep 1000');
  const created = k.state(id);
  t.equal(created.status, 'created');
  t.ok(created.pid > 0);
  t.ok(existsSync(`/proc/${created.pid}`), 'its process is there');
  k.ok(['start', id]);
  t.match(k.state(id), { status: 'running', pid: created.pid });
  k.ok(['kill', id, 'KILL']);
  await until(() => isGone(created.pid));
  t.match(k.state(id), { status: 'stopped', pid: 0 });
  k.ok(['delete', id]);
  t.match(k.runts(['state', id]), { status: 1, stdout: '', stderr: /does not exist/ });
});

kernelTest('create stops before the program, start executes it', async (t, k) => {
  const bundle = k.bundle(config => {
    config.process.args = ['sh', '-c', 'echo program runs'];
  });
  const id = k.id();
  const { status, stdout, later } = k.runts(['create', '--bundle', bundle, id]);
  t.equal(status, 0);
  const { pid } = k.state(id);
  t.equal(statusLine(pid, 'NSpid')?.split('\t').at(-1), '1', 'it is process 1 of its pid namespace');
  t.equal(stdout + later(), '');
  k.ok(['start', id]);
  await until(() => isGone(pid));
  t.equal(later(), 'program runs\n', 'on the standard output that create was given');
  t.equal(k.state(id).status, 'stopped');
  k.ok(['delete', id]);
});

kernelTest('state prints what the runtime-spec and runc say', async (t, k) => {
  const bundle = k.bundle(config => {
    config.process.args = ['sleep', '1000'];
    config.ociVersion = '1.0.0';
    config.annotations = { 'org.example.key': 'a "value"', empty: '' };
  });
  const id = k.id();
  const before = new Date().toISOString();
  k.ok(['create', '--bundle', bundle, id]);
  const after = new Date().toISOString();
  const text = k.ok(['state', id]);
  const state = JSON.parse(text);
  t.equal(text, JSON.stringify(state, null, 2), 'indented by two, no line break at the end');
  const { pid, created, ...rest } = state;
  t.strictSame(rest, {
    ociVersion: '1.3.0',
    id,
    status: 'created',
    bundle,
    rootfs: `${bundle}/rootfs`,
    annotations: { 'org.example.key': 'a "value"', empty: '' },
    owner: '',
  });
  t.match(created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}Z$/);
  t.ok(created >= before.slice(0, 19) && created.slice(0, 19) <= after, 'the time of now');
  t.ok(existsSync(`/proc/${pid}`));
  k.remove(id);
});

kernelTest('without annotations state has none', async (t, k) => {
  const id = k.created();
  t.notOk('annotations' in k.state(id));
  k.remove(id);
});

kernelTest('--pid-file has the pid and no line break', async (t, k) => {
  const bundle = k.bundle(config => {
    config.process.args = ['sleep', '1000'];
  });
  const id = k.id();
  const file = `${k.directory}/a.pid`;
  k.ok(['create', '--bundle', bundle, '--pid-file', file, id]);
  t.equal(readFileSync(file, 'utf8'), String(k.state(id).pid));
  t.equal(statSync(file).mode & 0o7777, 0o644);
  t.strictSame(
    readdirSync(k.directory).filter(name => name.includes('pid')),
    ['a.pid'],
    'no half-written file beside it',
  );
  k.remove(id);
});

kernelTest('--pid-file is relative to where runts was called, not to the bundle', async (t, k) => {
  const bundle = k.bundle();
  const id = k.id();
  k.ok(['create', '--bundle', bundle, '--pid-file', 'b.pid', id]);
  t.ok(existsSync(`${k.directory}/b.pid`));
  k.remove(id);
});

kernelTest('a pid file that cannot be written undoes the container', async (t, k) => {
  const bundle = k.bundle();
  t.match(k.runts(['create', '--bundle', bundle, '--pid-file', `${k.directory}/none/x.pid`, k.id()]), {
    status: 1,
    stderr: /pid file .*no such file or directory/,
  });
});

kernelTest('bundle and root may be relative', async (t, k) => {
  const bundle = k.bundle();
  const id = k.id();
  const options = { cwd: dirname(bundle) };
  const args = ['--root', 'elsewhere/root', 'create', '--bundle', basename(bundle), id];
  t.match(k.runts(args, options), { status: 0, stderr: '' });
  const root = `${dirname(bundle)}/elsewhere/root`;
  t.strictSame(readdirSync(root), [id]);
  t.equal(JSON.parse(k.ok(['--root', root, 'state', id])).bundle, bundle, 'and state says where it is');
  const fromElsewhere = relative('/', root);
  k.ok(['--root', fromElsewhere, 'delete', '--force', id], { cwd: '/' });
});

kernelTest('without --bundle it is the current directory', async (t, k) => {
  const bundle = k.bundle();
  const id = k.id();
  k.ok(['create', id], { cwd: bundle });
  t.equal(k.state(id).bundle, bundle);
  k.remove(id);
});

kernelTest('the configuration may change once the container is created', async (t, k) => {
  const id = k.created();
  rmSync(`${k.state(id).bundle}/config.json`);
  k.ok(['start', id]);
  t.equal(k.exec(id, 'true').status, 0, 'exec uses it as it was');
  k.remove(id);
});

kernelTest('delete removes everything', async (t, k) => {
  const id = k.running(undefined, 'sleep 1000 & sleep 1000 & exec sleep 1000');
  const { pid } = k.state(id);
  t.strictSame(readdirSync(k.root), [id]);
  t.ok(existsSync(k.cgroup(id)));
  k.ok(['kill', id, 'KILL']);
  await until(() => isGone(pid));
  k.ok(['delete', id]);
  t.strictSame(readdirSync(k.root), []);
  t.notOk(existsSync(k.cgroup(id)));
});

kernelTest('delete of a running container takes --force', async (t, k) => {
  const id = k.running();
  const { pid } = k.state(id);
  t.match(k.runts(['delete', id]), { status: 1, stderr: /not stopped: running/ });
  t.equal(k.state(id).status, 'running', 'and has done nothing without');
  k.ok(['delete', '--force', id]);
  t.ok(isGone(pid));
});

kernelTest('delete of a created container kills it', async (t, k) => {
  const id = k.created();
  const { pid } = k.state(id);
  k.ok(['delete', id]);
  t.ok(isGone(pid));
});

kernelTest('two containers of one bundle live side by side', async (t, k) => {
  const bundle = k.bundle(config => {
    config.process.args = ['sleep', '1000'];
  });
  const [one, two] = [k.id(), k.id()];
  for (const id of [one, two]) k.ok(['run', '--detach', '--bundle', bundle, id]);
  t.not(k.state(one).pid, k.state(two).pid);
  t.match([cgroupOf(k.state(one).pid), cgroupOf(k.state(two).pid)], [one, two]);
  k.remove(one);
  t.equal(k.state(two).status, 'running');
  k.remove(two);
});

kernelTest('all characters of an id are taken as they are', async (_t, k) => {
  const id = `${k.token}.A-b_c+9..x`;
  k.ok([
    'run',
    '--bundle',
    k.bundle(config => {
      config.process.args = ['true'];
    }),
    id,
  ]);
});

kernelTest('an id is free again after delete', async (_t, k) => {
  const id = k.id();
  const bundle = k.bundle(config => {
    config.process.args = ['true'];
  });
  for (let i = 0; i < 3; i++) k.ok(['run', '--bundle', bundle, id]);
});

kernelTest('a container without a process is created and deleted', async (t, k) => {
  const bundle = k.bundle(config => {
    Reflect.deleteProperty(config, 'process');
  });
  const id = k.id();
  k.ok(['create', '--bundle', bundle, id]);
  t.equal(k.state(id).status, 'created');
  t.match(k.runts(['start', id]), { status: 1, stderr: /process/ });
  k.ok(['delete', id]);
});

kernelTest('a stopped container is not reached by a pid that others may have by now', async (t, k) => {
  const id = k.running(undefined, 'exit 0');
  await until(() => k.state(id).status === 'stopped');
  t.match(k.runts(['kill', id, 'KILL']), { status: 1, stderr: /not running/ });
  t.match(k.runts(['start', id]), { status: 1, stderr: /stopped/ });
  k.ok(['delete', id]);
});
