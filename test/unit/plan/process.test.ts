import t from 'tap';
import { parseList } from '../../../src/plan/paths.js';
import {
  environment,
  finalAffinity,
  initialAffinity,
  linuxProcessSteps,
  oomScore,
} from '../../../src/plan/process.js';
import { RLIMITS, rlimitSteps } from '../../../src/plan/rlimits.js';
import { DIRECTORY, type Step, type StepKind } from '../../../src/plan/step.js';
import type { Linux, Process } from '../../../src/spec.js';
import { planOf } from '../fixtures/plan-of.js';
import { all, facts, only, refusal, userFacts } from '../fixtures/planner.js';

const ask = (process: Partial<Process>, kind: StepKind) => only(planOf({ process }).steps, kind);

t.test('of several entries of one variable the last wins, at the place of the first', async t => {
  const cases: [given: string[], result: string[]][] = [
    [
      ['A=1', 'B=2', 'A=3'],
      ['A=3', 'B=2'],
    ],
    [
      ['A=', 'AA=1', 'A=x=y'],
      ['A=x=y', 'AA=1'],
    ],
    [
      ['__proto__=1', 'constructor=2', '__proto__=3'],
      ['__proto__=3', 'constructor=2'],
    ],
    [['A=line\nbreak'], ['A=line\nbreak']],
    [[], []],
  ];
  for (const [given, result] of cases) t.strictSame(environment(given), result, given.join());
});

t.test('entries of socket activation come behind, and win', async t => {
  const { steps } = planOf(
    { process: { env: ['LISTEN_FDS=9', 'A=b'] } },
    {},
    { environment: ['LISTEN_FDS=2', 'LISTEN_PID=1'] },
  );
  t.strictSame(only(steps, 'exec').env, ['LISTEN_FDS=2', 'A=b', 'LISTEN_PID=1']);
});

t.test('HOME comes from the container’s passwd when it is absent or empty', async t => {
  const home = (...env: string[]) => ask({ env, user: { uid: 5, gid: 6 } }, 'find_program').home_of;
  t.equal(home('HOME=/h'), -1n);
  t.equal(home('HOME='), 5);
  t.equal(home('HOME=/h', 'HOME='), 5);
  t.equal(home('XHOME=/h'), 5);
  t.equal(ask({ env: [] }, 'find_program').home_of, 0);
  t.strictSame(ask({ env: ['HOME=', 'A=b'] }, 'exec').env, ['A=b'], 'the empty one goes');
});

t.test('the program is looked for in the container’s PATH', async t => {
  const path = (...env: string[]) => ask({ env }, 'find_program').search_path;
  t.equal(path('PATH=/a:/b'), '/a:/b');
  t.equal(path('PATH=/a', 'PATH=/b'), '/b');
  t.equal(path('PATH='), '', 'an empty one is one');
  t.match(path(), /^\/usr\/local\/sbin:.*:\/bin$/);
  t.match(ask({ args: ['sh', '-c', ''] }, 'find_program'), { name: 'sh' });
  t.strictSame(ask({ args: ['sh', '-c', ''] }, 'exec').args, ['sh', '-c', '']);
});

t.test('a process without a program is refused', async t => {
  for (const args of [[], [''], undefined as never])
    t.match(
      refusal(() => planOf({ process: { args } })),
      /^\/process\/args: .*must not be empty/,
    );
});

t.test('user, groups and umask', async t => {
  const user = { uid: 7, gid: 8, umask: 0o77, additionalGids: [1, 4294967294] };
  const given = ask({ user }, 'user');
  t.match(given, { uid: 7, gid: 8, keep_capabilities: 1, set_groups: 1 });
  t.strictSame([...(given.groups as Uint8Array)], [1, 0, 0, 0, 254, 255, 255, 255]);
  t.equal(ask({ user }, 'umask').mask, 0o77);
  t.equal(ask({ user }, 'own_stdio').uid, 7);
  t.equal(ask({ user: { umask: 0 } }, 'umask').mask, 0, 'zero is a umask');
  t.equal(ask({ user: {} }, 'umask').mask, 0o022);
});

const ROOTLESS: Partial<Linux> = {
  namespaces: [{ type: 'user' }, { type: 'mount' }, { type: 'uts' }],
  uidMappings: [{ containerID: 0, hostID: 1000, size: 1 }],
  gidMappings: [{ containerID: 0, hostID: 1000, size: 1 }],
};

t.test('where groups cannot be set they stay, and more are refused', async t => {
  const made = (additionalGids: number[]) =>
    planOf(
      { mounts: [], linux: { ...ROOTLESS, resources: {} }, process: { user: { additionalGids } } },
      userFacts(),
    );
  t.equal(only(made([]).steps, 'user').set_groups, 0);
  t.match(
    refusal(() => made([5])),
    /^\/process\/user\/additionalGids: .*setgroups is denied/,
  );
});

t.test('capabilities: all gone without the property', async t => {
  const { steps } = planOf({ process: { capabilities: undefined as never } });
  t.equal(only(steps, 'bounding_set').keep, 0n);
  t.strictSame(only(steps, 'capabilities'), { effective: 0n, permitted: 0n, inheritable: 0n, ambient: 0n });
});

t.test('capabilities: root of a user namespace can give all', async t => {
  const capabilities = { permitted: ['CAP_SYS_ADMIN'], bounding: ['CAP_SYS_ADMIN'] };
  const permitted = (linux: Partial<Linux>, known = facts()) =>
    only(planOf({ mounts: [], linux, process: { capabilities } }, known).steps, 'capabilities').permitted;
  t.equal(permitted({}), 1n << 21n);
  t.equal(permitted({}, facts({ capabilities: 1n })), 0n);
  t.equal(permitted({ ...ROOTLESS, resources: {} }, userFacts()), 1n << 21n);
});

t.test('the directory: made first, entered as root, and again as the user', async t => {
  const steps = all(planOf({ process: { cwd: '/w' } }).steps, 'working_directory');
  t.strictSame(
    steps.map(step => [step.with.when, step.with.path, step.tolerate]),
    [
      [DIRECTORY.make, '/w', ['EROFS']],
      [DIRECTORY.try, '/w', ['EACCES', 'EPERM']],
      [DIRECTORY.retry, '/w', undefined],
    ],
  );
});

t.test('rlimits: name, number, and all 64 bits', async t => {
  const limits = [
    { type: 'RLIMIT_NOFILE', soft: 1024, hard: 18446744073709551615n },
    { type: 'RLIMIT_CPU', soft: 0, hard: 0 },
  ];
  const steps = rlimitSteps(limits, 'host');
  t.strictSame(
    steps.map(step => step.with),
    [
      { resource: 7, soft: 1024, hard: 18446744073709551615n },
      { resource: 0, soft: 0, hard: 0 },
    ],
  );
  t.equal(RLIMITS.length, 16);
  t.match(
    refusal(() => rlimitSteps([{ type: 'RLIMIT_NONSENSE', soft: 0, hard: 0 }], 'host')),
    /^\/process\/rlimits\/0\/type: "RLIMIT_NONSENSE"/,
  );
});

t.test('oom_score_adj is written when it differs, zero too', async t => {
  const score = (oomScoreAdj: number | undefined, own: number): Step[] =>
    oomScore(
      { cwd: '/', ...(oomScoreAdj === undefined ? {} : { oomScoreAdj }) },
      facts({ oomScoreAdj: own }),
    );
  t.strictSame(score(undefined, 5), []);
  t.strictSame(score(5, 5), []);
  t.match(score(0, 5), [{ actor: 'host', with: { file: 'oom_score_adj', value: '0' } }]);
  t.match(score(-1000, 0), [{ with: { value: '-1000' } }]);
});

const label = (process: Partial<Process>, lsm: string[]): Step[] =>
  all(planOf({ process }, { lsm }).steps, 'label');

t.test('labels of the security modules', async t => {
  const [own, shared] = label({ apparmorProfile: 'p' }, ['apparmor']);
  t.match(own, { with: { file: 'self/attr/apparmor/exec', value: 'exec p' }, tolerate: ['ENOENT'] });
  t.match(shared, { with: { file: 'self/attr/exec', value: 'exec p' } }, 'before Linux 5.8');
  t.match(label({ selinuxLabel: 'l' }, ['selinux']), [{ with: { file: 'self/attr/exec', value: 'l' } }]);
  t.equal(only(planOf({ process: { selinuxLabel: 'l' } }, { lsm: ['selinux'] }).steps, 'keyring').label, 'l');
});

t.test('labels of modules that are not there', async t => {
  t.match(
    refusal(() => label({ apparmorProfile: 'p' }, ['selinux'])),
    /^\/process\/apparmorProfile: .*not enabled/,
  );
  t.match(
    refusal(() => label({ selinuxLabel: 'l' }, [])),
    /^\/process\/selinuxLabel: .*not enabled/,
  );
});

t.test('scheduler and priority of I/O', async t => {
  const scheduler = {
    policy: 'SCHED_DEADLINE',
    nice: -20,
    flags: ['SCHED_FLAG_RESET_ON_FORK', 'SCHED_FLAG_DL_OVERRUN'],
    runtime: 1n << 62n,
    deadline: 2,
    period: 3,
  } as const;
  t.strictSame(ask({ scheduler: scheduler as never }, 'scheduler'), {
    policy: 6,
    flags: 5n,
    nice: -20n,
    priority: 0,
    runtime: 1n << 62n,
    deadline: 2,
    period: 3,
  });
  t.match(
    refusal(() => planOf({ process: { scheduler: { policy: 'SCHED_ISO' } } })),
    /^\/process\/scheduler\/policy: /,
  );
  for (const [name, value] of [
    ['IOPRIO_CLASS_RT', 0x2004],
    ['IOPRIO_CLASS_BE', 0x4004],
    ['IOPRIO_CLASS_IDLE', 0x6004],
  ] as const)
    t.equal(ask({ ioPriority: { class: name, priority: 4 } }, 'io_priority').value, value, name);
});

t.test('personality and memory policy', async t => {
  const [personality] = linuxProcessSteps({ personality: { domain: 'LINUX32' } });
  t.equal(personality!.with.domain, 8);
  const [flagged] = linuxProcessSteps({ personality: { domain: 'LINUX', flags: ['x'] } });
  t.equal(flagged!.with.domain, 0, 'no flags are defined');
  const [policy] = linuxProcessSteps({
    memoryPolicy: { mode: 'MPOL_INTERLEAVE', nodes: '0,64', flags: ['MPOL_F_STATIC_NODES'] },
  });
  t.equal(policy!.with.mode, 3 | (1 << 15));
  const flags = ['MPOL_F_STATIC_NODES', 'MPOL_F_RELATIVE_NODES', 'MPOL_F_NUMA_BALANCING'];
  const [balanced] = linuxProcessSteps({ memoryPolicy: { mode: 'MPOL_BIND', nodes: '0', flags } });
  t.equal(balanced!.with.mode, 2 | (7 << 13), 'linux/mempolicy.h');
  t.strictSame([...(policy!.with.nodes as Uint8Array)], [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
  t.equal(
    (linuxProcessSteps({ memoryPolicy: { mode: 'MPOL_LOCAL' } })[0]!.with.nodes as Uint8Array).length,
    0,
  );
});

t.test('processors of exec: what it is born with, and what it has from then on', async t => {
  const process = (initial?: string, final?: string): Process => ({
    cwd: '/',
    execCPUAffinity: { ...(initial && { initial }), ...(final && { final }) },
  });
  const cpus = (steps: Step[]) => steps.map(step => [...(step.with.cpus as Uint8Array)].slice(0, 2));
  t.strictSame(cpus(initialAffinity(process('7', '0'))), [[128, 0]]);
  t.strictSame(cpus(finalAffinity(process('7', '0-3,9'))), [[15, 2]]);
  t.strictSame(finalAffinity(process('7')), [], 'the initial one stays');
  t.strictSame(cpus(finalAffinity(undefined)), [[255, 255]], 'else those of the cgroup');
});

t.test('lists of numbers', async t => {
  const numbers = (list: string): number[] =>
    [...parseList(list, '/x')].flatMap((byte, at) =>
      [0, 1, 2, 3, 4, 5, 6, 7].filter(bit => (byte >> bit) & 1).map(bit => at * 8 + bit),
    );
  for (const [list, result] of [
    ['0', [0]],
    ['0-2', [0, 1, 2]],
    ['3,1', [1, 3]],
    ['1, 3 ', [1, 3]],
    ['5-5', [5]],
    ['8191', [8191]],
  ] as const)
    t.strictSame(numbers(list), result, list);
  for (const list of ['', ',', '1,', '-1', '2-1', '1-', 'a', '0x1', '8192', '1-2-3', '99999'])
    t.match(
      refusal(() => parseList(list, '/x')),
      /^\/x: ".*" is not a list like "0-3,7"/,
      list,
    );
  t.equal(parseList('0', '').length, 8, 'whole words of 64 bits');
  t.equal(parseList('64', '').length, 16);
});
