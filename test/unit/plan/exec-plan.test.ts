import t from 'tap';
import { type ExecOptions, execPlan } from '../../../src/plan/exec-plan.js';
import { CLONE } from '../../../src/plan/namespaces.js';
import { SLOT, type Step } from '../../../src/plan/step.js';
import type { Linux, Process } from '../../../src/spec.js';
import { all, config, facts, kinds, only, place, refusal, userFacts } from '../fixtures/planner.js';

const OPTIONS: ExecOptions = {
  pid: 4711,
  startTime: 815,
  id: 'box',
  bundle: '/bundle',
  cgroup: { path: '/sys/fs/cgroup/box', fallback: '/sys/fs/cgroup/box/init' },
  terminal: null,
  pidfdSocket: null,
  keepDescriptors: 0n,
  environment: [],
};

function steps(
  process: Partial<Process> = {},
  linux: Partial<Linux> = {},
  options: Partial<ExecOptions> = {},
  known = facts(),
): Step[] {
  const spec = config({ linux });
  return execPlan(spec, { cwd: '/', args: ['ps'], ...process }, known, { ...OPTIONS, ...options }).steps;
}

t.test('a further process, from top to bottom', async t => {
  t.strictSame(kinds(steps()), [
    'open_process',
    'cgroup_open',
    'clone',
    'join',
    'refork',
    'affinity',
    'new_session',
    'keyring',
    'working_directory',
    'bounding_set',
    'own_stdio',
    'umask',
    'user',
    'working_directory',
    'capabilities',
    'find_program',
    'record',
    'keep_descriptors',
    'exec',
  ]);
});

t.test('all namespaces are joined at once, those of the container’s init', async t => {
  const made = steps();
  t.strictSame(only(made, 'open_process'), { slot: SLOT.process, pid: 4711, start_time: 815 });
  const { pid, network, ipc, uts, mount, cgroup } = CLONE;
  t.strictSame(only(made, 'join'), { slot: SLOT.process, types: pid | network | ipc | uts | mount | cgroup });
});

t.test('a second process only for a pid namespace', async t => {
  const linux = (type: 'pid' | 'time') => ({ namespaces: [{ type: 'mount' as const }, { type }] });
  t.equal(all(steps({}, linux('pid')), 'refork').length, 1);
  t.equal(all(steps({}, linux('time')), 'refork').length, 0);
});

t.test('without a mount namespace the root is entered by hand', async t => {
  const bare = steps({}, { namespaces: [{ type: 'pid' }] });
  t.strictSame(only(bare, 'root'), { private_parent: 0, bind: 0, path: '/bundle/rootfs' });
  t.ok(place(bare, 'change_root') < place(bare, 'working_directory'), 'before anything is looked up');
  t.ok(place(bare, 'change_root') > place(bare, 'join'));
  t.equal(place(steps(), 'change_root'), -1, 'a joined mount namespace brings its root along');
});

t.test('in a user namespace it becomes its root first', async t => {
  const uidMappings = [{ containerID: 5, hostID: 1000, size: 10 }];
  const linux = { namespaces: [{ type: 'user' as const }], uidMappings, gidMappings: uidMappings };
  const made = steps({}, linux);
  t.strictSame(only(made, 'become'), { uid: 5, gid: 5 });
  t.ok(place(made, 'join') < place(made, 'become') && place(made, 'become') < place(made, 'user'));
});

t.test('groups can be set as in the container’s first process', async t => {
  const linux = (size: number): Partial<Linux> => {
    const maps = [{ containerID: 0, hostID: 1000, size }];
    return { namespaces: [{ type: 'user' }], uidMappings: maps, gidMappings: maps };
  };
  const groups = (size: number) => steps({ user: { additionalGids: [5] } }, linux(size), {}, userFacts());
  t.equal(only(groups(10), 'user').set_groups, 1);
  t.match(
    refusal(() => groups(1)),
    /setgroups is denied/,
  );
});

t.test('born in the cgroup, or where init is when that one holds no processes any more', async t => {
  const made = steps({}, { cgroupsPath: '/box' });
  const clone = made.find(step => step.kind === 'clone')!;
  t.equal(clone.with.cgroup, SLOT.cgroup);
  t.strictSame(clone.tolerate, ['EBUSY']);
  t.strictSame(kinds(clone.else!), ['cgroup_open', 'clone']);
  t.strictSame(
    all(made, 'cgroup_open').map(step => step.with.path),
    ['/sys/fs/cgroup/box', '/sys/fs/cgroup/box/init'],
  );
  t.equal(only(steps({}, {}, { cgroup: null }), 'clone').cgroup, SLOT.none, 'a container without one');
});

t.test('no mounts, no hooks, no waiting', async t => {
  const spec = config({ hooks: { startContainer: [{ path: '/h' }], poststart: [{ path: '/h' }] } });
  const made = execPlan(spec, { cwd: '/', args: ['ps'] }, facts(), OPTIONS).steps;
  for (const kind of ['hook', 'mount_fs', 'mask', 'pivot', 'wait_for_start', 'sysctl'] as const)
    t.strictSame(all(made, kind), [], kind);
});

t.test('a terminal of the container, with the size that is asked for or our own', async t => {
  const size = (process: Partial<Process>, terminal: ExecOptions['terminal']) => {
    const { width, height, bind } = only(steps({ terminal: true, ...process }, {}, { terminal }), 'console');
    return [width, height, bind];
  };
  t.strictSame(size({}, 'relay'), [132, 43, 0]);
  t.strictSame(size({ consoleSize: { width: 80, height: 25 } }, 'relay'), [80, 25, 0]);
  t.strictSame(
    size({ consoleSize: { width: 65536, height: 99_999 } }, 'relay'),
    [65535, 65535, 0],
    '16 bits',
  );
  t.strictSame(size({}, { socket: '/s' }), [0, 0, 0], 'whoever gets it sets the size');
  t.strictSame(all(steps({ terminal: false }, {}, { terminal: 'relay' }), 'console'), []);
});

t.test('a socket for the terminal is connected before anything else', async t => {
  const made = steps({ terminal: true }, {}, { terminal: { socket: '/run/c' } });
  t.match(made[0], { kind: 'connect', with: { slot: SLOT.console, path: '/run/c' } });
  t.match(only(made, 'send_descriptor'), { connection: SLOT.console, slot: SLOT.master });
});

t.test('the filter of the container, in the place that no_new_privs allows', async t => {
  const seccomp = { defaultAction: 'SCMP_ACT_ALLOW' } as const;
  const late = steps({ noNewPrivileges: true }, { seccomp });
  t.strictSame(kinds(late).slice(-2), ['seccomp', 'exec']);
  const early = steps({ noNewPrivileges: false }, { seccomp });
  t.ok(place(early, 'seccomp') < place(early, 'bounding_set'));
});

t.test('a pidfd for who asks', async t => {
  const made = steps({}, {}, { pidfdSocket: '/run/p' });
  t.match(only(made, 'send_descriptor'), { connection: SLOT.pidfdSocket, slot: SLOT.pidfd, text: 'pidfd' });
});

t.test('descriptors and environment of the command line', async t => {
  const made = steps({ env: ['A=b'] }, {}, { keepDescriptors: 24n, environment: ['LISTEN_FDS=2'] });
  t.equal(only(made, 'keep_descriptors').mask, 24n);
  t.strictSame(only(made, 'exec').env, ['A=b', 'LISTEN_FDS=2']);
});

t.test('it is in the class and in the monitoring group of the container', async t => {
  const resctrl = { mount: '/r', schemata: 'L3:0=f\n' };
  const made = steps({}, { intelRdt: { closID: 'a', enableMonitoring: true } }, {}, facts({ resctrl }));
  t.strictSame(
    all(made, 'resctrl_join').map(one => one.with.path),
    ['/r/a', '/r/a/mon_groups/box'],
  );
  t.equal(place(made, 'resctrl_join'), place(made, 'clone') + 1, 'before it does anything');
  t.equal(place(made, 'resctrl_make'), -1);
});
