/** What must come before what, and why it is so is said in src/plan. */
import t from 'tap';
import { SLOT, type Step, type StepKind } from '../../../src/plan/step.js';
import type { Process } from '../../../src/spec.js';
import { planOf } from '../fixtures/plan-of.js';
import { all, kinds, place } from '../fixtures/planner.js';

const hook = (name: string) => [{ path: `/${name}/1` }, { path: `/${name}/2` }];
const HOOKS = {
  prestart: hook('prestart'),
  createRuntime: hook('createRuntime'),
  createContainer: hook('createContainer'),
  startContainer: hook('startContainer'),
  poststart: hook('poststart'),
  poststop: hook('poststop'),
};
const SECCOMP = { defaultAction: 'SCMP_ACT_ALLOW' } as const;
const NOTIFY = {
  defaultAction: 'SCMP_ACT_ALLOW',
  listenerPath: '/run/listener',
  syscalls: [{ names: ['mkdir'], action: 'SCMP_ACT_NOTIFY' }],
} as const;
const ids = [{ containerID: 0, hostID: 100000, size: 65536 }];
const namespaces = (...types: string[]) => types.map(type => ({ type })) as never;

/** The first of the one comes before the first of the other, in all orders that are told. */
const RULES: [first: StepKind, then: StepKind, why: string][] = [
  ['cgroup_make', 'clone', 'the first process is born in its cgroup'],
  ['cgroup_write', 'clone', 'its limits hold from the first instruction on'],
  ['device_filter', 'record', 'the device filter holds before the program'],
  ['draft', 'record', 'what is put into place has been written'],
  ['listen', 'clone', 'init inherits the socket'],
  ['clone', 'id_map', 'ids are mapped from outside'],
  ['id_map', 'become', 'root of the user namespace is one of the mapped ids'],
  ['become', 'mount_fs', 'mounts need the privileges in the user namespace'],
  ['clone', 'unshare', 'the cgroup namespace is made by a process in the cgroup'],
  ['new_session', 'keyring', 'a session of its own'],
  ['new_session', 'set_terminal', 'only a session leader gets a controlling terminal'],
  ['open_device', 'mask', "masks need the host's /dev/null"],
  ['propagate', 'root', 'no mount may reach the host'],
  ['root', 'mount_fs', 'mounts are made in the rootfs'],
  ['mount_fs', 'device', 'devices are made in the mounted /dev'],
  ['mount_fs', 'console', 'the terminal is one of the mounted /dev/pts'],
  ['device', 'mount_attributes', 'a read-only root would take no devices'],
  ['mount_attributes', 'mask', 'paths are hidden in what is otherwise ready'],
  ['read_only', 'mask', 'a masked path below a read-only one stays masked'],
  ['mask', 'pivot', 'masks are made while /dev/null is there'],
  ['pivot', 'private_proc', 'no procfs of the old root stays open'],
  ['private_proc', 'sysctl', 'settings are written by a procfs that cannot be covered'],
  ['private_proc', 'label', 'so are labels'],
  ['personality', 'seccomp', 'a filter may forbid it'],
  ['memory_policy', 'seccomp', 'a filter may forbid it'],
  ['rlimit', 'user', 'limits are raised with privileges'],
  ['scheduler', 'user', 'so are priorities'],
  ['bounding_set', 'user', 'dropping needs CAP_SETPCAP'],
  ['own_stdio', 'user', 'giving away needs CAP_CHOWN'],
  ['user', 'capabilities', 'setresuid takes capabilities away'],
  ['capabilities', 'find_program', 'the program is looked for with the rights of the user'],
  ['find_program', 'record', 'a program that is not there fails create'],
  ['record', 'wait_for_start', 'create returns when init waits'],
  ['wait_for_start', 'keep_descriptors', 'only start reaches the program'],
  ['keep_descriptors', 'exec', 'nothing of ours gets into the container'],
];

t.test('one thing before the other', async t => {
  const { steps } = planOf(
    {
      process: {
        terminal: true,
        apparmorProfile: 'p',
        scheduler: { policy: 'SCHED_BATCH' },
        user: { uid: 5, gid: 5 },
      },
      linux: {
        namespaces: namespaces('user', 'mount', 'pid', 'network', 'cgroup', 'uts', 'ipc'),
        uidMappings: ids,
        gidMappings: ids,
        sysctl: { 'net.ipv4.ip_forward': '1' },
        seccomp: SECCOMP,
        resources: { pids: { limit: 5 } },
        personality: { domain: 'LINUX32' },
        memoryPolicy: { mode: 'MPOL_LOCAL' },
      },
    },
    { lsm: ['apparmor'] },
    { terminal: 'relay' },
  );
  const { steps: devices } = planOf();
  for (const [first, then, why] of RULES) {
    const list = place(steps, first) < 0 || place(steps, then) < 0 ? devices : steps;
    t.ok(place(list, first) >= 0 && place(list, then) >= 0, `${first} and ${then} are planned`);
    t.ok(place(list, first) < place(list, then), `${first} before ${then}: ${why}`);
  }
});

t.test('a hook inside the container finds the device filter in force', async t => {
  const filter = (hooks: object) => all(planOf(hooks).steps, 'device_filter')[0]!;
  t.equal(filter({}).meanwhile, true);
  t.equal(filter({ hooks: { createContainer: [{ path: '/h' }] } }).meanwhile, undefined);
});

t.test('the cgroup namespace is the last one, made by unshare and not by clone', async t => {
  const { steps } = planOf();
  const clone = all(steps, 'clone')[0]!;
  const unshare = all(steps, 'unshare');
  t.equal(Number(clone.with.flags) & 0x2000000, 0);
  t.strictSame(
    unshare.map(step => step.with.flags),
    [0x2000000],
  );
  t.equal(clone.with.cgroup, SLOT.cgroup);
});

const told = (steps: readonly Step[]): string[] =>
  steps
    .filter(({ kind }) => ['hook', 'mount_fs', 'pivot', 'record', 'wait_for_start', 'exec'].includes(kind))
    .map(({ kind, actor, with: { path } }) => (kind === 'hook' ? `${actor} ${path}` : kind))
    .filter((line, index, lines) => line !== lines[index - 1]);

const CREATION = [
  'mount_fs',
  'host /prestart/1',
  'host /prestart/2',
  'host /createRuntime/1',
  'host /createRuntime/2',
  'init /createContainer/1',
  'init /createContainer/2',
  'pivot',
  'record',
];
const START = ['init /startContainer/1', 'init /startContainer/2', 'exec'];

t.test('hooks of create: before the pivot, and behind start', async t => {
  const { steps, teardown } = planOf({ hooks: HOOKS });
  t.strictSame(told(steps), [...CREATION, 'wait_for_start', ...START]);
  t.strictSame(teardown.poststop, HOOKS.poststop, 'poststop hooks are for delete');
});

t.test('hooks of run: poststart behind exec', async t => {
  const { steps } = planOf({ hooks: HOOKS }, {}, { start: 'now' });
  t.strictSame(told(steps), [...CREATION, ...START, 'host /poststart/1', 'host /poststart/2']);
});

const seccompNeighbours = (process: Partial<Process>, seccomp: object): StepKind[] => {
  const { steps } = planOf({ process, linux: { seccomp: seccomp as never } });
  const at = place(steps, 'seccomp');
  return kinds(steps).slice(at - 1, at + 2);
};

t.test('a filter without no_new_privs: before the rights for it are gone', async t => {
  const { steps } = planOf({ process: { noNewPrivileges: false }, linux: { seccomp: SECCOMP } });
  t.equal(place(steps, 'no_new_privileges'), -1);
  t.ok(place(steps, 'seccomp') < place(steps, 'bounding_set'));
  t.ok(place(steps, 'seccomp') < place(steps, 'user'));
  t.ok(place(steps, 'seccomp') > place(steps, 'pivot'));
});

t.test('a filter with no_new_privs: right before exec', async t => {
  t.strictSame(seccompNeighbours({ noNewPrivileges: true }, SECCOMP), [
    'keep_descriptors',
    'seccomp',
    'exec',
  ]);
});

t.test('a filter with a listener is handed over before create ends', async t => {
  t.strictSame(seccompNeighbours({ noNewPrivileges: true }, NOTIFY), ['connect', 'seccomp', 'send_listener']);
  const { steps } = planOf({ process: { noNewPrivileges: true }, linux: { seccomp: NOTIFY as never } });
  t.ok(place(steps, 'seccomp') > place(steps, 'find_program'));
  t.ok(place(steps, 'send_listener') < place(steps, 'record'));
});

t.test('--no-pivot moves the root instead', async t => {
  const { steps } = planOf({}, {}, { noPivot: true });
  t.equal(place(steps, 'pivot'), -1);
  t.equal(kinds(steps)[place(steps, 'move_root') - 1], 'mask');
});

t.test('--no-new-keyring joins none', async t => {
  t.equal(place(planOf({}, {}, { noNewKeyring: true }).steps, 'keyring'), -1);
});

t.test('without a process: set up, recorded, and waiting', async t => {
  const { steps } = planOf({ process: undefined });
  t.strictSame(kinds(steps).slice(-3), ['pivot', 'record', 'wait_for_start']);
});
