/** What cannot be done with a container in its present status. Each refusal leaves the container as it is. */

import { accessSync, chmodSync, constants, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import { expectFailure, expectLogged } from './failures.js';
import { isGone, type Kernel, kernelTest, until } from './harness.js';

const project = new URL('../..', import.meta.url).pathname;

function refused(t: Test, k: Kernel, args: string[], says: string | RegExp, status = 1): void {
  expectFailure(t, k.runts(args), says, status);
}

/** A container whose program has ended. */
async function stopped(k: Kernel): Promise<string> {
  const id = k.running(undefined, 'true');
  await until(() => k.state(id).status === 'stopped');
  return id;
}

kernelTest('an id that is in use is refused, and its container goes on', async (t, k) => {
  const id = k.running();
  const { pid } = k.state(id);
  for (const verb of ['create', 'run'])
    refused(t, k, [verb, '--bundle', k.bundle(), id], 'container with given ID already exists');
  t.match(k.state(id), { status: 'running', pid });
  k.remove(id);
});

kernelTest('a container is started once', async (t, k) => {
  const id = k.running();
  refused(t, k, ['start', id], 'cannot start an already running container');
  t.equal(k.state(id).status, 'running');
  k.remove(id);
});

kernelTest('a stopped container cannot be started, killed or entered', async (t, k) => {
  const id = await stopped(k);
  refused(t, k, ['start', id], 'cannot start a container that has stopped');
  refused(t, k, ['kill', id], 'container not running');
  refused(t, k, ['kill', id, 'KILL'], 'container not running');
  refused(t, k, ['exec', id, 'true'], 'cannot exec in a stopped container', 255);
  k.remove(id);
});

kernelTest('an unknown signal reaches nobody', async (t, k) => {
  const id = k.running();
  for (const signal of ['NOPE', 'SIGNOPE', '0x9', '65', '-1', '9 ', '99999999999'])
    refused(t, k, ['kill', '--', id, signal], /^(unknown|invalid) signal [^\n]*\n$/);
  t.equal(k.state(id).status, 'running');
  k.remove(id);
});

kernelTest('a running container is deleted with --force only', async (t, k) => {
  const id = k.running();
  const { pid } = k.state(id);
  refused(t, k, ['delete', id], `cannot delete container ${id} that is not stopped: running`);
  t.equal(k.state(id).status, 'running');
  k.ok(['delete', '--force', id]);
  t.ok(isGone(pid));
  refused(t, k, ['delete', id], 'container does not exist');
  k.ok(['delete', '--force', id]);
});

kernelTest('a damaged state is named, and can be forced away', async (t, k) => {
  const id = k.running();
  const { pid } = k.state(id);
  const file = `${k.root}/${id}/state.json`;
  const good = readFileSync(file, 'utf8');
  for (const [text, problem] of [
    ['{', 'is not JSON'],
    ['{"version":2}', 'is not version 1'],
    ['{"version":1}', 'lacks what it must hold'],
    ['null', 'is not version 1'],
  ] as const) {
    writeFileSync(file, text);
    refused(t, k, ['state', id], new RegExp(`${problem} \\(runts delete --force removes it\\)\n$`));
  }
  writeFileSync(file, good);
  t.equal(k.state(id).pid, pid);
  k.remove(id);
});

kernelTest('the log is shared by all calls: each error appends its line', async (t, k) => {
  const log = `${k.directory}/log.json`;
  writeFileSync(log, '');
  for (const verb of ['start', 'state', 'delete']) {
    writeFileSync(log, readFileSync(log));
    k.runts(['--log', log, '--log-format', 'json', verb, 'nope']);
  }
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
  t.equal(lines.length, 3);
  writeFileSync(log, `${lines[2]}\n`);
  expectLogged(t, log, 'container does not exist');
});

kernelTest('a call that succeeds writes nothing into the log', async (t, k) => {
  const log = `${k.directory}/log.json`;
  const id = k.id();
  k.ok(['--log', log, '--log-format', 'json', 'create', '--bundle', k.bundle(), id]);
  k.ok(['--log', log, '--log-format', 'json', 'delete', '--force', id]);
  t.equal(readFileSync(log, 'utf8'), '');
});

kernelTest('what the specification wants to be warned of is in the log, and only there', async (t, k) => {
  const log = `${k.directory}/log.json`;
  const id = k.id();
  const bundle = k.bundle(config => {
    config.process.capabilities.bounding!.push('CAP_NOPE');
    config.hooks = { poststop: [{ path: '/bin/false' }] };
  });
  const logged = ['--log', log, '--log-format', 'json'];
  k.ok([...logged, 'create', '--bundle', bundle, id]);
  k.ok([...logged, 'exec', id, 'true']);
  k.ok([...logged, 'delete', id]);
  const records = readFileSync(log, 'utf8').trimEnd().split('\n');
  t.match(
    records.map(line => JSON.parse(line)),
    [
      { level: 'warning', msg: 'CAP_NOPE in bounding is left out: this kernel does not know it' },
      { level: 'warning', msg: 'CAP_NOPE in bounding is left out: this kernel does not know it' },
      { level: 'warning', msg: /^poststop hook \/bin\/false ended with status 1/ },
    ],
  );
  t.equal(records.length, 3);
});

kernelTest(
  'an unknown capability is left out, and a relative mount target starts at the root',
  async (t, k) => {
    const out = k.inside(['sh', '-c', 'cat /data/file'], (config, rootfs) => {
      writeFileSync(`${rootfs}/../file`, 'read');
      config.process.capabilities.bounding!.push('CAP_NOPE');
      config.mounts.push({ destination: 'data/file', type: 'bind', source: 'file', options: ['bind'] });
      config.root.readonly = false;
    });
    t.equal(out, 'read');
  },
);

kernelTest('not root, and no user namespace', async (t, k) => {
  const nobody = ['--reuid', '65534', '--regid', '65534', '--clear-groups'];
  try {
    for (const path of ['', 'build', 'dist']) accessSync(`${project}${path}`, constants.R_OK); // the project may be in /root
    chmodSync(k.directory, 0o755);
  } catch {
    // told below
  }
  const prefix = ['env', '-u', 'NODE_OPTIONS', 'setpriv', ...nobody]; // tap writes into the project through NODE_OPTIONS
  const probe = k.runts(['--version'], { prefix });
  if (probe.status !== 0) {
    t.comment(`skipped: user 65534 cannot execute runts: ${probe.stderr}`);
    return;
  }
  const bundle = k.bundle();
  const outcome = k.runts(['--root', '/nowhere', 'create', '--bundle', bundle, k.id()], { prefix });
  expectFailure(
    t,
    outcome,
    `${bundle}/config.json: /linux/namespaces: without root privileges a container needs a user namespace: add {"type": "user"} with uidMappings and gidMappings ("runts spec --rootless" writes such a configuration)`,
  );
});

kernelTest(
  'of many creates at once one makes the container, the others say that it is there',
  async (t, k) => {
    const bundle = k.bundle(config => {
      config.process.args = ['sleep', '1000'];
    });
    const id = k.id();
    const all = await Promise.all(
      Array.from({ length: 6 }, () => k.start(['create', '--bundle', bundle, id]).done),
    );
    const failed = all.filter(({ status }) => status !== 0);
    t.equal(failed.length, 5);
    for (const { stderr } of failed) t.equal(stderr, 'container with given ID already exists\n');
    k.ok(['start', id]);
    t.equal(k.state(id).status, 'running');
    k.remove(id);
  },
);

kernelTest('an exec while the container is deleted says that it is gone, or is killed', async (t, k) => {
  for (let wait = 0; wait < 40; wait += 4) {
    const id = k.running();
    const exec = k.start(['exec', id, 'sleep', '1000']);
    await sleep(wait);
    k.remove(id);
    const { status, stderr } = await exec.done;
    t.match(stderr, /^((cannot exec in a stopped container|container does not exist)\n)?$/, `${wait} ms`);
    t.equal(status, stderr === '' ? 137 : 255);
  }
});
