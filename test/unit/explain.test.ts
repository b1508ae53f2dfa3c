/** Every kind of step has a sentence, and the sentence names the thing. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { explainStep } from '../../src/plan/explain.js';
import { CLONE } from '../../src/plan/namespaces.js';
import { MOUNT, SLOT, STEP_TABLE, type Step, type StepKind } from '../../src/plan/step.js';
import { planOf } from './fixtures/plan-of.js';

const say = (kind: StepKind, given: Step['with'], actor: Step['actor'] = 'init'): string =>
  explainStep({ kind, actor, from: '', with: given });

const NONE = { set: 0, clear: 0, all_set: 0, all_clear: 0, flags: 0, slot: SLOT.none };
const BIND = { ...NONE, source: '/s', target: '/t' };
const FS = { attributes: 0, flags: 0, type: 'tmpfs', source: '', target: '/t', options: [] };
const RIGHTS = { effective: 0n, permitted: 0n, inheritable: 0n, ambient: 0n };
const program = new Uint8Array(24);
const INFINITE = 0xffffffffffffffffn;

const SENTENCES: [kind: StepKind, given: Step['with'], says: RegExp][] = [
  [
    'clone',
    { flags: CLONE.mount | CLONE.pid, cgroup: SLOT.cgroup },
    /new namespaces: mount, pid; .*cgroup \(clone3/,
  ],
  ['clone', { flags: 0, cgroup: SLOT.none }, /no new namespace \(clone3, execveat\)$/],
  ['refork', { flags: 0 }, /^go on in a child, for which the joined namespaces take effect \(clone3\)$/],
  ['refork', { flags: CLONE.pid }, /take effect: pid \(clone3\)$/],
  [
    'open_namespace',
    { slot: 28, type: CLONE.network, path: '/n' },
    /^open the network namespace \/n and check its type/,
  ],
  ['join', { slot: 28, types: CLONE.uts | CLONE.ipc }, /^join namespaces: uts, ipc \(setns\)$/],
  ['unshare', { flags: CLONE.cgroup }, /^make new namespaces: cgroup \(unshare\)$/],
  [
    'id_map',
    { deny_setgroups: 1, uid_map: '0 1 2\n', gid_map: '3 4 5\n' },
    /"0 1 2\\n" and "3 4 5\\n", setgroups denied$/,
  ],
  [
    'id_map_helper',
    { program: '/bin/newuidmap', arguments: ['0', '1'] },
    /^have \/bin\/newuidmap map ids: 0 1$/,
  ],
  ['become', { uid: 5, gid: 6 }, /^become user 5 and group 6 of the user namespace/],
  ['proc_write', { file: 'oom_score_adj', value: '7' }, /^write "7" to \/proc\/PID\/oom_score_adj$/],
  ['cgroup_make', { slot: 2, path: '/c' }, /^make the cgroup \/c /],
  ['cgroup_open', { slot: 2, path: '/c' }, /^open the cgroup \/c$/],
  ['cgroup_write', { slot: 2, file: 'pids.max', value: '5' }, /^write "5" to pids.max of the cgroup$/],
  ['cgroup_own', { slot: 2, uid: 5, gid: 6, files: [] }, /^give the cgroup to user 5 /],
  ['device_filter', { slot: 2, program }, /device filter, 3 instructions/],
  [
    'hook',
    { timeout: 0, kind: 'prestart', path: '/h', args: [], env: [], before: '', after: '' },
    /^run the prestart hook \/h inside the container$/,
  ],
  ['loopback', {}, /loopback/],
  ['keyring', { name: '_ses.x', label: '' }, /_ses\.x/],
  ['propagate', { flags: (1 << 19) | 0x4000, path: '/' }, / rslave \(mount_setattr\)$/],
  ['root', { private_parent: 0, bind: 1, path: '/r' }, /^bind the root file system \/r on itself/],
  ['root', { private_parent: 0, bind: 0, path: '/r' }, /^open the root file system \/r/],
  [
    'mount_fs',
    { ...FS, attributes: 0x17, options: ['size=1k'] },
    /^mount a new tmpfs on \/t, ro, nosuid, nodev, noatime, size=1k \(fsopen/,
  ],
  [
    'mount_fs',
    { ...FS, attributes: 0x2000a8, flags: MOUNT.copyUp },
    /on \/t, noexec, nodiratime, nosymfollow, strictatime, with a copy of what it covers/,
  ],
  ['mount_bind', { ...BIND, set: 1, all_clear: 2 }, /^bind \/s on \/t, ro, not nosuid \(open_tree/],
  [
    'mount_bind',
    { ...BIND, flags: MOUNT.recursive, slot: 63 },
    /^bind \/s and what is mounted below it on \/t, opened by the host/,
  ],
  [
    'mount_attributes',
    { set: 1, clear: 8, flags: 0, target: '/t' },
    /^make \/t ro, not noexec \(mount_setattr\)$/,
  ],
  ['mount_propagation', { flags: 1 << 20, target: '/t' }, /^make the mount \/t shared /],
  ['mask', { path: '/m' }, /^hide \/m /],
  ['read_only', { path: '/m' }, /^make \/m read-only /],
  [
    'device',
    { kind: 0o20000, mode: 0o640, major: 1, minor: 3, uid: 0, gid: 0, path: '/dev/x' },
    /\/dev\/x, 1:3, mode 640 /,
  ],
  ['symlink', { target: '/to', path: '/at' }, /^link \/at to \/to /],
  [
    'console',
    { master: 22, slave: 23, width: 80, height: 25, uid: 0, bind: 1 },
    /, 80x25 \(TIOCGPTPEER\), bind it on \/dev\/console$/,
  ],
  ['console', { master: 22, slave: 23, width: 0, height: 0, uid: 0, bind: 0 }, /devpts \(TIOCGPTPEER\)$/],
  ['pivot', {}, /pivot_root/],
  ['move_root', {}, /MS_MOVE, chroot/],
  ['change_root', {}, /chroot/],
  ['hostname', { name: 'h' }, /^set the hostname h /],
  ['domainname', { name: 'd' }, /^set the domain name d /],
  ['private_proc', { slot: 21 }, /procfs that nothing in the container can cover/],
  ['sysctl', { slot: 21, path: 'sys/net/x', value: '1' }, /^write "1" to \/proc\/sys\/net\/x$/],
  ['label', { slot: 21, file: 'self/attr/exec', value: 'l' }, /^write "l" to \/proc\/self\/attr\/exec$/],
  ['no_new_privileges', {}, /PR_SET_NO_NEW_PRIVS/],
  ['rlimit', { resource: 7, soft: 5, hard: INFINITE }, /^set RLIMIT_NOFILE to 5, at most unlimited /],
  ['umask', { mask: 0o22 }, /^set the umask 0022$/],
  ['bounding_set', { keep: 33n }, /to: chown kill \(prctl PR_CAPBSET_DROP\)$/],
  [
    'user',
    { uid: 5, gid: 6, keep_capabilities: 1, set_groups: 0, groups: program },
    /^become user 5 and group 6, groups unchanged /,
  ],
  [
    'capabilities',
    { ...RIGHTS, effective: (1n << 41n) - 1n, ambient: 32n },
    /effective: all; inheritable: none; ambient: kill /,
  ],
  ['seccomp', { flags: 0, slot: SLOT.none, program }, /filter, 3 instructions/],
  ['working_directory', { when: 0, path: '/w' }, /^go to \/w \(chdir\)$/],
  ['working_directory', { when: 2, path: '/w' }, /^make the directory \/w when it is missing$/],
  ['own_stdio', { uid: 5 }, /to user 5 /],
  ['find_program', { home_of: 0, name: 'sh', search_path: '/bin' }, /^find the program sh in \/bin /],
  [
    'find_program',
    { home_of: 0, name: '/bin/sh', search_path: '/x' },
    /^find the program \/bin\/sh and what it needs$/,
  ],
  ['wait_for_start', { slot: 20 }, /^wait for "start" /],
  ['exec', { args: ['sh', '-c', 'a b'], env: [] }, /^execute "sh" "-c" "a b" \(execve\)$/],
  ['keep_descriptors', { mask: 0n }, /^close all descriptors but 0, 1 and 2$/],
  ['keep_descriptors', { mask: 8n }, /^keep the descriptors of mask 8, /],
  ['new_session', {}, /setsid/],
  ['connect', { slot: SLOT.console, path: '/p' }, /^connect to the console socket \/p$/],
  ['connect', { slot: SLOT.pidfdSocket, path: '/p' }, /^connect to the pidfd socket \/p$/],
  ['listen', { slot: 20, path: '/p' }, /at \/p \(bind\)$/],
  ['send_descriptor', { connection: 4, slot: 1, text: 'pidfd' }, /^send a pidfd /],
  ['send_descriptor', { connection: 3, slot: 22, text: '/dev/pts/ptmx' }, /^send the terminal /],
  [
    'open_device',
    { slot: 18, major: 1, minor: 3, path: '/dev/null' },
    /^open \/dev\/null and check that it is device 1:3$/,
  ],
  ['open_tree', { slot: 63, flags: 0, path: '/s' }, /^open the mount source \/s /],
  ['user_namespace', { slot: 5, uid_map: '0 1 2\n', gid_map: '' }, /"0 1 2\\n"/],
  ['idmap_tree', { slot: 63, user_namespace: 5, recursive: 0 }, /MOUNT_ATTR_IDMAP/],
  [
    'scheduler',
    { policy: 3, flags: 0n, nice: -5n, priority: 0, runtime: 0, deadline: 0, period: 0 },
    /policy 3, nice -5 /,
  ],
  ['io_priority', { value: 0x4004 }, /priority 2:4 /],
  ['personality', { domain: 8 }, /LINUX32/],
  ['memory_policy', { mode: 3, nodes: program }, /memory policy 3 /],
  ['affinity', { cpus: program }, /sched_setaffinity/],
  ['open_process', { slot: 24, pid: 4711, start_time: 1 }, /process 4711 /],
  ['draft', {}, /record of the process/],
  ['record', {}, /pid file/],
  ['resctrl_make', { path: '/r/a', schemata: '' }, /^make \/r\/a in resctrl \(mkdir\)$/],
  ['resctrl_make', { path: '/r/a', schemata: 'L3:0=f\nMB:0=5\n' }, /with L3:0=f MB:0=5 /],
  ['resctrl_join', { path: '/r/a' }, /^put the process into \/r\/a of resctrl$/],
  ['set_terminal', { slave: 23 }, /controlling terminal/],
  ['send_listener', { connection: 6, slot: 12, before: '', between: '', after: '' }, /seccomp listener/],
  ['scope', { unit: 'x.scope' }, /systemd start x\.scope /],
  ['net_device', { name: 'eth0', target: 'net%d' }, /eth0 into the container as net%d /],
];

t.test('what each step says', async t => {
  for (const [kind, given, says] of SENTENCES) t.match(say(kind, given), says, kind);
});

t.test('no kind is without a sentence here', async t => {
  const tested = new Set(SENTENCES.map(([kind]) => kind));
  t.strictSame(
    Object.keys(STEP_TABLE).filter(kind => !tested.has(kind as StepKind)),
    [],
  );
});

t.test('a hook of the host is not said to be inside', async t => {
  const given = { timeout: 0, kind: 'poststart', path: '/h', args: [], env: [], before: '', after: '' };
  t.equal(say('hook', given, 'host'), 'run the poststart hook /h');
});

t.test('sentences begin with a small letter, on one line, without undefined', async t => {
  const sentences = [
    ...SENTENCES.map(([kind, given]) => say(kind, given)),
    ...planOf().steps.map(explainStep),
  ];
  for (const sentence of sentences) {
    t.match(sentence, /^[a-z][^\n]*[^.\n]$/, sentence);
    t.notMatch(sentence, /undefined|NaN|\[object/, sentence);
  }
});

t.test('the planner speaks without loading what only it needs', async t => {
  t.notMatch(readFileSync('src/plan/explain.ts', 'utf8'), /seccomp-bpf-ts|host\.js/);
});
