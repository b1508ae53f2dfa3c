/** What a user reads when a step fails: one sentence for each way to fail. */
import t from 'tap';
import './fixtures/fake-host.js';
import { explainFailure } from '../../src/explain-failure.js';
import type { WalkResult } from '../../src/native.js';
import { SLOT, type Step, type StepKind, step } from '../../src/plan/step.js';

const [EPERM, ENOENT, ENOEXEC, EAGAIN, EACCES, EBUSY, ENODEV, ENOTDIR, EISDIR, EINVAL, ENOSPC, ELOOP] = [
  1, 2, 8, 11, 13, 16, 19, 20, 21, 22, 28, 40,
] as const;
const ENAMETOOLONG = 36;

const failed = (call: string, errno: number, detail = '', index = 0): WalkResult => ({
  status: 'failed',
  step: index,
  call,
  errno,
  detail,
});

/** Message and hint in one text. */
function told(steps: readonly Step[], result: WalkResult): string {
  const { message, hint } = explainFailure(steps, result);
  return hint === undefined ? message : `${message} | ${hint}`;
}

const make = (kind: StepKind, from: string, given: Step['with']): Step => ({
  kind,
  actor: 'init',
  from,
  with: given,
});
const exec = make('find_program', '/process/args/0', { home_of: 0, name: 'x', search_path: '/bin' });

t.test('a program that cannot be executed, in the words that engines look for', async t => {
  const cases: [result: WalkResult, says: string][] = [
    [failed('search', ENOENT, 'nosuch'), 'exec: "nosuch": executable file not found in $PATH'],
    [failed('stat', ENOENT, '/nosuch'), 'exec: "/nosuch": stat /nosuch: no such file or directory'],
    [failed('stat', EACCES, '/etc/passwd'), 'exec: "/etc/passwd": permission denied'],
    [failed('stat', EISDIR, '/etc'), 'exec: "/etc": is a directory'],
    [
      failed('interpreter', ENOENT, '/bin/bash'),
      'exec: the program is a script for "/bin/bash", which is not in the container: no such file or directory',
    ],
    [
      failed('loader', ENOENT, '/lib/ld.so'),
      'exec: the program needs the dynamic loader "/lib/ld.so", which is not in the container: no such file or directory | it may be built for another C library or another architecture',
    ],
    [
      failed('execve', ENOEXEC, '/x'),
      'exec /x: exec format error | a script needs a first line like "#!/bin/sh"; a binary must be for this architecture',
    ],
    [failed('execve', EACCES, '/x'), 'exec /x: permission denied'],
  ];
  for (const [result, says] of cases) t.equal(told([exec], result), says);
  t.match(told([exec], failed('interpreter', ENOENT, '/bin/sh\r')), /carriage return/);
});

const hook = step('hook', 'host', '/hooks/createRuntime/1', {
  timeout: 5,
  kind: 'createRuntime',
  path: '/h',
  args: [],
  env: [],
  before: '',
  after: '',
});

t.test('a hook that fails: which, how, and what it said', async t => {
  const cases: [result: WalkResult, says: string][] = [
    [
      failed('hook', 0, '/h\nstatus 3\n'),
      'createRuntime hook /h ended with status 3 (/hooks/createRuntime/1 in config.json)',
    ],
    [
      failed('hook', 0, '/h\nstatus 1\none\ntwo\n'),
      'createRuntime hook /h ended with status 1 (/hooks/createRuntime/1 in config.json): one\ntwo',
    ],
    [
      failed('hook', 0, '/h\nsignal 9'),
      'createRuntime hook /h was killed by SIGKILL (/hooks/createRuntime/1 in config.json)',
    ],
    [
      failed('hook', 0, '/h\ntimeout 5'),
      'createRuntime hook /h was killed because its time was over (/hooks/createRuntime/1 in config.json)',
    ],
    [
      failed('execve', ENOENT),
      'createRuntime hook /h: no such file or directory (/hooks/createRuntime/1 in config.json)',
    ],
    [
      failed('pipe2', EAGAIN),
      'createRuntime hook /h: pipe2: resource temporarily unavailable (/hooks/createRuntime/1 in config.json)',
    ],
  ];
  for (const [result, says] of cases) t.equal(told([hook], result), says);
});

t.test('a startContainer hook fails at start, which has no plan any more', async t => {
  t.equal(told([], failed('hook', 0, '/h\nstatus 3')), 'startContainer hook /h ended with status 3');
});

t.test('init that died without a word', async t => {
  t.equal(
    told([exec], failed('init', 0, 'signal 9')),
    "the container's init was killed by SIGKILL before it was ready | a memory or pids limit that is too low does this; see linux.resources",
  );
  t.equal(
    told([exec], failed('init', 0, 'status 1')),
    "the container's init ended with status 1 before it was ready",
  );
  t.equal(
    told([exec], failed('init', 0, 'status 9')),
    "the container's init ended with status 9 before it was ready",
  );
  t.match(told([], failed('init', 0, '')), /ended with status unknown/);
});

const clone = make('clone', '/linux/namespaces', { flags: 0x20000, cgroup: SLOT.none });
const bind = make('mount_bind', '/mounts/4', {
  set: 0,
  clear: 0,
  all_set: 0,
  all_clear: 0,
  flags: 0,
  slot: SLOT.none,
  source: '/src',
  target: '/dst',
});
const fs = make('mount_fs', '/mounts/1', {
  attributes: 0,
  flags: 0,
  type: 'nosuchfs',
  source: '',
  target: '/m',
  options: [],
});
const cgroup = make('cgroup_write', '/linux/resources/cpu/quota', { slot: 2, file: 'cpu.max', value: '5' });
const terminal = make('console', '/process/terminal', {
  master: 1,
  slave: 2,
  width: 0,
  height: 0,
  uid: 0,
  bind: 1,
});
const open = make('open_namespace', '/linux/namespaces/2', { slot: 28, type: 0x40000000, path: '/ns' });

const fileSystem = (type: string): Step => ({ ...fs, with: { ...fs.with, type } });
const join = make('join', '/linux/namespaces/1', { slot: 28, types: 0x20000000 });

const HINTS: [step: Step, result: WalkResult, says: RegExp][] = [
  [
    make('id_map', '/linux/uidMappings', { deny_setgroups: 0, uid_map: '0 0 9\n', gid_map: '0 0 9\n' }),
    failed('write', EPERM, 'uid_map'),
    /\| only ids that are mapped .* 0 needs CAP_SETFCAP$/,
  ],
  [bind, failed('open_tree', EINVAL), /\| the mount is unbindable, or .* rbind brings along$/],
  [
    make('user', '/process/user', { uid: 7, gid: 0, keep_capabilities: 1, set_groups: 1, groups: '' }),
    failed('setresuid', EINVAL),
    /\| an id is not mapped in the container's user namespace$/,
  ],
  [fileSystem('proc'), failed('openat2', EACCES, '/proc'), /\| it belongs to others than root of/],
  [
    make('root', '/root/path', { bind: 1, path: '/r' }),
    failed('open', EACCES),
    /\| .*search every directory/,
  ],
  [fileSystem('overlay'), failed('fsconfig', ENAMETOOLONG, 'upperdir'), /\| .*at most 255 bytes/],
  [
    clone,
    failed('clone3', ENOSPC),
    /^cannot start init .*\(\/linux\/namespaces in config\.json\): clone3: no space left on device \| .*max_\*_namespaces/,
  ],
  [clone, failed('clone3', EPERM), /operation not permitted \| making namespaces needs CAP_SYS_ADMIN$/],
  [
    make('clone', '/linux/namespaces', { flags: 0x10000000, cgroup: SLOT.none }),
    failed('clone3', EPERM),
    /operation not permitted \| unprivileged user namespaces may be switched off/,
  ],
  [clone, failed('clone3', EAGAIN), /\| a pids limit or RLIMIT_NPROC is reached$/],
  [clone, failed('clone3', EBUSY), /\| the cgroup has controllers enabled for its children/],
  [
    bind,
    failed('mount_setattr', EPERM),
    /^cannot bind \/src on \/dst \(\/mounts\/4 in config\.json\): mount_setattr: operation not permitted \| .*locked/,
  ],
  [
    fs,
    failed('fsopen', ENODEV),
    /^cannot mount a new nosuchfs on \/m .*: fsopen: no such device \| this kernel has no such file system$/,
  ],
  [fs, failed('openat2', ELOOP, '/m'), /too many levels of symbolic links \| the image has a symbolic link/],
  [terminal, failed('openat2', ENOENT), /\| a terminal needs a devpts mounted on \/dev\/pts$/],
  [
    make('proc_write', '/process/oomScoreAdj', { file: 'oom_score_adj', value: '-5' }),
    failed('write', EACCES),
    /\| lowering oom_score_adj needs CAP_SYS_RESOURCE$/,
  ],
  [
    make('rlimit', '/process/rlimits/0', { resource: 7, soft: 1, hard: 2 }),
    failed('prlimit', EPERM),
    /^cannot set RLIMIT_NOFILE to 1, at most 2 .*\| raising a hard limit needs CAP_SYS_RESOURCE$/,
  ],
  [
    make('sysctl', '/linux/sysctl/net.x', { slot: 21, path: 'sys/net/x', value: '1' }),
    failed('openat2', ENOENT),
    /\| this kernel has no such parameter$/,
  ],
  [
    fileSystem('proc'),
    failed('fsconfig', EPERM),
    /\| .*needs \{"type": "pid"\} .* or the host's proc is bound/,
  ],
  [fileSystem('mqueue'), failed('fsconfig', EPERM), /\| .*needs \{"type": "ipc"\}/],
  [fileSystem('sysfs'), failed('fsopen', EPERM), /\| .*needs \{"type": "network"\}/],
  [fileSystem('ext4'), failed('fsconfig', EPERM), /\| in a user namespace only some file systems/],
  [fileSystem('proc'), failed('fsmount', EPERM), /\| parts of the proc that runts has are masked/],
  [join, failed('setns', EPERM), /\| .*user namespace in which runts has no rights; join that one, too/],
  [join, failed('setns', EINVAL), /\| a pid namespace can be joined/],
  [
    make('hostname', '/hostname', { name: 'h' }),
    failed('sethostname', EPERM),
    /\| the uts namespace does not/,
  ],
  [
    make('domainname', '/domainname', { name: 'h' }),
    failed('setdomainname', EPERM),
    /\| the uts namespace does not/,
  ],
  [
    make('user', '/process/user', { uid: 0, gid: 0, keep_capabilities: 1, set_groups: 1, groups: '' }),
    failed('setgroups', EPERM),
    /\| the user namespace denies setgroups\(2\)/,
  ],
  [
    make('proc_write', '/linux/timeOffsets', { file: 'timens_offsets', value: '' }),
    failed('open', EACCES),
    /\| .*only root can set offsets/,
  ],
];

t.test('where an errno is not enough there is a hint', async t => {
  for (const [failing, result, says] of HINTS) t.match(told([failing], result), says);
});

const OTHERS: [step: Step, result: WalkResult, says: RegExp][] = [
  [
    open,
    failed('not a namespace', EINVAL, '/ns'),
    /^\/ns is not a namespace \(\/linux\/namespaces\/2 in config\.json\)$/,
  ],
  [open, failed('other namespace', EINVAL, '/ns'), /^\/ns is a namespace of another type \(\/linux/],
  [
    make('cgroup_open', '', { slot: 2, path: '/c' }),
    failed('not a cgroup', EINVAL, '/c'),
    /^\/c is not a directory of cgroup v2$/,
  ],
  [
    cgroup,
    failed('openat', ENOENT, 'cpu.max'),
    /^the cgroup has no file cpu\.max .*the controller cpu is not enabled.*cgroup\.controllers/,
  ],
  [
    bind,
    failed('open_tree', ENOENT, '/src'),
    /^the mount source \/src does not exist \(\/mounts\/4 in config\.json\)$/,
  ],
  [
    make('open_tree', '/mounts/4', { slot: 63, flags: 0, path: '/src' }),
    failed('open_tree', ENOENT, '/src'),
    /^the mount source \/src does not exist \(\/mounts\/4/,
  ],
  [bind, failed('kinds', ENOTDIR), /: the source is a directory, the target is not a directory$/],
  [bind, failed('kinds', EISDIR), /: the source is not a directory, the target is a directory$/],
  [bind, failed('openat2', ENOTDIR, '/dst/x'), /: \/dst\/x in the container is not a directory$/],
];

t.test('what the kernel has no errno for', async t => {
  for (const [failing, result, says] of OTHERS) t.match(told([failing], result), says);
});

t.test('a missing file that is no program never sounds like a missing program', async t => {
  for (const [failing, result] of OTHERS) t.notMatch(told([failing], result), /no such file or directory/);
});

t.test('everything else: what was tried, what asked for it, the call, the errno', async t => {
  t.equal(
    told([make('hostname', '/hostname', { name: 'h' })], failed('sethostname', EINVAL)),
    'cannot set the hostname h (/hostname in config.json): sethostname: invalid argument',
  );
  t.equal(
    told([make('loopback', '', {})], failed('ioctl', 999, 'eth7')),
    'cannot bring the loopback interface up: ioctl eth7: errno 999',
    'without a pointer, with what it failed on',
  );
  t.match(
    told([fs], failed('fsconfig', EINVAL, 'size: bad value\n')),
    /: fsconfig size: bad value: invalid argument$/,
  );
  t.equal(told([], failed('walk', EINVAL, '', 7)), 'cannot start the container: walk: invalid argument');
});

t.test('a step of an else is found by its place in the flat list', async t => {
  const steps = [{ ...fs, else: [bind] }, open];
  t.match(told(steps, failed('move_mount', EINVAL, '', 1)), /^cannot bind \/src/);
  t.match(told(steps, failed('not a namespace', EINVAL, '/ns', 2)), /^\/ns is not/);
});
