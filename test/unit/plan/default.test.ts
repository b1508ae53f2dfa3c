/** The plan of the default configuration, and of a bug report, to be read from top to bottom. */
import t from 'tap';
import { plan } from '../../../src/plan/plan.js';
import type { Step } from '../../../src/plan/step.js';
import { config, facts, options, readInputs } from '../fixtures/planner.js';

/** `kind actor pointer`; several alike in a row as one with a star at the end. */
function outline(steps: readonly Step[]): string[] {
  const lines: string[] = [];
  for (const { kind, actor, from } of steps) {
    const line = `${kind} ${actor} ${from.replace(/\/\d+$/, '/N')}`.trim();
    const last = lines.at(-1);
    if (last === line) lines[lines.length - 1] = `${line} *`;
    else if (last !== `${line} *`) lines.push(line);
  }
  return lines;
}

t.test('create with the default configuration', async t => {
  const made = plan(config(), facts(), options());
  t.strictSame(outline(made.steps), [
    'cgroup_open host',
    'cgroup_write host',
    'cgroup_make host',
    'listen host',
    'clone host /linux/namespaces',
    'device_filter host /linux/resources/devices',
    'draft runtime',
    'unshare init /linux/namespaces',
    'affinity init',
    'new_session init',
    'keyring init',
    'loopback init /linux/namespaces',
    'hostname init /hostname',
    'open_device init',
    'propagate init',
    'root init /root/path',
    'mount_propagation init /root/path',
    'mount_fs init /mounts/N *',
    'device init *',
    'symlink init *',
    'working_directory init /process/cwd',
    'mount_attributes init /root/readonly',
    'read_only init /linux/readonlyPaths/N *',
    'mask init /linux/maskedPaths/N *',
    'pivot init /root/path',
    'rlimit init /process/rlimits/N',
    'working_directory init /process/cwd',
    'no_new_privileges init /process/noNewPrivileges',
    'bounding_set init /process/capabilities',
    'own_stdio init /process/user',
    'umask init',
    'user init /process/user',
    'working_directory init /process/cwd',
    'capabilities init /process/capabilities',
    'find_program init /process/args/N',
    'record runtime',
    'wait_for_start init',
    'keep_descriptors init',
    'exec init /process/args',
  ]);
  t.strictSame(made.teardown, {
    cgroup: {
      path: '/sys/fs/cgroup/system.slice/box',
      mount: '/sys/fs/cgroup',
      remove: ['/sys/fs/cgroup/system.slice/box'],
    },
    poststop: [],
  });
  t.equal(made.rootfs, '/bundle/rootfs');
  t.strictSame(made.notes, []);
});

t.test('run does the same but for the waiting', async t => {
  const create = outline(plan(config(), facts(), options()).steps);
  const run = outline(plan(config(), facts(), options({ start: 'now' })).steps);
  t.strictSame(
    run,
    create.filter(line => line !== 'listen host' && line !== 'wait_for_start init'),
  );
});

t.test('a bug report is three files: a rootless container', async t => {
  const inputs = readInputs('bug-report');
  const made = plan(inputs.spec, inputs.facts, inputs.options);
  t.strictSame(outline(made.steps), [
    'clone host /linux/namespaces',
    'id_map_helper host /linux/gidMappings',
    'id_map_helper host /linux/uidMappings',
    'become init /linux/uidMappings',
    'draft runtime',
    'affinity init',
    'new_session init',
    'hostname init /hostname',
    'open_device init',
    'propagate init',
    'root init /root/path',
    'mount_propagation init /root/path',
    'mount_fs init /mounts/N',
    'mount_bind init /mounts/N',
    'mount_bind init *',
    'symlink init *',
    'working_directory init /process/cwd',
    'mask init /linux/maskedPaths/N',
    'pivot init /root/path',
    'working_directory init /process/cwd',
    'bounding_set init',
    'own_stdio init /process/user',
    'umask init',
    'user init /process/user',
    'working_directory init /process/cwd',
    'capabilities init',
    'find_program init /process/args/N',
    'record runtime',
    'keep_descriptors init',
    'exec init /process/args',
  ]);
  t.equal(made.teardown.cgroup, null);
  t.equal(made.rootfs, '/home/user/bundle/rootfs');
});
