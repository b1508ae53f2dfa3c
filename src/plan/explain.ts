/** Steps in words, for `runts plan` and the debug log. Each sentence begins with what is done. */
import { CAPABILITIES } from './capabilities.js';
import { ATTRIBUTE, PROPAGATION } from './mount-options.js';
import { CLONE } from './namespaces.js';
import { RLIMITS } from './rlimits.js';
import { DIRECTORY, MOUNT, SLOT, type Step, type StepKind } from './step.js';

type With = { readonly [name: string]: number | bigint | string };

function attributes(set: number): string[] {
  const names: [number, string][] = [
    [ATTRIBUTE.readOnly, 'ro'],
    [ATTRIBUTE.noSuid, 'nosuid'],
    [ATTRIBUTE.noDev, 'nodev'],
    [ATTRIBUTE.noExec, 'noexec'],
    [ATTRIBUTE.noDirAtime, 'nodiratime'],
    [ATTRIBUTE.noSymFollow, 'nosymfollow'],
  ];
  const found = names.filter(([bit]) => set & bit).map(([, name]) => name);
  const atime = set & ATTRIBUTE.atime;
  if (atime === ATTRIBUTE.noAtime) found.push('noatime');
  if (atime === ATTRIBUTE.strictAtime) found.push('strictatime');
  return found;
}

const among = (words: readonly string[], prefix = ', '): string =>
  words.length > 0 ? prefix + words.join(', ') : '';

function namespaces(flags: number): string {
  const names = Object.keys(CLONE).filter(name => flags & CLONE[name as keyof typeof CLONE]);
  return names.length === 0 ? 'no new namespace' : names.join(', ');
}

function propagation(flags: number): string {
  const kind = (['private', 'slave', 'shared', 'unbindable'] as const).find(
    name => flags & PROPAGATION[name],
  );
  return `${flags & PROPAGATION.recursive ? 'r' : ''}${kind ?? 'unchanged'}`;
}

function capabilityNames(mask: bigint): string {
  const names = CAPABILITIES.filter((_, number) => (mask >> BigInt(number)) & 1n).map(name =>
    name.slice(4).toLowerCase(),
  );
  return names.length === 0 ? 'none' : names.length === CAPABILITIES.length ? 'all' : names.join(' ');
}

const limit = (value: number | bigint): string =>
  BigInt(value) === 0xffffffffffffffffn ? 'unlimited' : String(value);
const bytes = (step: Step, name: string): number => (step.with[name] as Uint8Array).length;
const list = (step: Step, name: string): string =>
  (step.with[name] as readonly string[]).map(word => JSON.stringify(word)).join(' ');
const rights = (step: Step, set: string): string => capabilityNames(BigInt(step.with[set] as bigint));

function fileSystem(w: With, step: Step): string {
  const words = [...attributes(Number(w.attributes)), ...(step.with.options as readonly string[])];
  if (Number(w.flags) & MOUNT.copyUp) words.push('with a copy of what it covers');
  return `mount a new ${w.type} on ${w.target}${among(words)} (fsopen, fsconfig, fsmount, move_mount)`;
}

function bind(w: With): string {
  const words = attributes(Number(w.set) | Number(w.all_set));
  const cleared = attributes(Number(w.clear) | Number(w.all_clear)).map(name => `not ${name}`);
  const what = Number(w.flags) & MOUNT.recursive ? 'and what is mounted below it ' : '';
  const source = w.slot === SLOT.none ? '' : ', opened by the host';
  return `bind ${w.source} ${what}on ${w.target}${among([...words, ...cleared])}${source} (open_tree, mount_setattr, move_mount)`;
}

const SOCKETS: { readonly [slot: number]: string } = {
  [SLOT.console]: 'console socket',
  [SLOT.pidfdSocket]: 'pidfd socket',
  [SLOT.listenerSocket]: "seccomp agent's socket",
};

const sentences: { readonly [K in StepKind]: (w: With, step: Step) => string } = {
  clone: w =>
    `start init from a sealed memfd in new namespaces: ${namespaces(Number(w.flags))}${w.cgroup === SLOT.none ? '' : '; it is born in its cgroup'} (clone3, execveat)`,
  refork: w =>
    `go on in a child, for which the joined namespaces take effect${w.flags ? `: ${namespaces(Number(w.flags))}` : ''} (clone3)`,
  open_namespace: w =>
    `open the ${namespaces(Number(w.type))} namespace ${w.path} and check its type (ioctl NS_GET_NSTYPE)`,
  join: w => `join namespaces: ${namespaces(Number(w.types))} (setns)`,
  unshare: w => `make new namespaces: ${namespaces(Number(w.flags))} (unshare)`,
  id_map: w =>
    `write the id maps ${JSON.stringify(w.uid_map)} and ${JSON.stringify(w.gid_map)}${w.deny_setgroups ? ', setgroups denied' : ''}`,
  id_map_helper: (w, step) => `have ${w.program} map ids: ${(step.with.arguments as string[]).join(' ')}`,
  become: w => `become user ${w.uid} and group ${w.gid} of the user namespace (setresuid, setresgid)`,
  proc_write: w => `write ${JSON.stringify(w.value)} to /proc/PID/${w.file}`,
  cgroup_make: w => `make the cgroup ${w.path} (mkdir)`,
  cgroup_open: w => `open the cgroup ${w.path}`,
  cgroup_write: w => `write ${JSON.stringify(w.value)} to ${w.file} of the cgroup`,
  cgroup_own: w => `give the cgroup to user ${w.uid} (fchownat)`,
  device_filter: (_w, step) =>
    `attach the device filter, ${bytes(step, 'program') / 8} instructions (bpf BPF_PROG_ATTACH)`,
  hook: (w, step) =>
    `run the ${w.kind} hook ${w.path}${step.actor === 'init' ? ' inside the container' : ''}`,
  loopback: () => 'bring the loopback interface up (ioctl SIOCSIFFLAGS)',
  keyring: w => `join a session keyring named ${w.name} (keyctl)`,
  propagate: w =>
    `make the mounts of the new mount namespace ${propagation(Number(w.flags))} (mount_setattr)`,
  root: w =>
    w.bind
      ? `bind the root file system ${w.path} on itself (open_tree, move_mount)`
      : `open the root file system ${w.path}`,
  mount_fs: fileSystem,
  mount_bind: bind,
  mount_attributes: w => {
    const cleared = attributes(Number(w.clear)).map(name => `not ${name}`);
    return `make ${w.target}${among([...attributes(Number(w.set)), ...cleared], ' ')} (mount_setattr)`;
  },
  mount_propagation: w => `make the mount ${w.target} ${propagation(Number(w.flags))} (mount_setattr)`,
  mask: w => `hide ${w.path} (move_mount of /dev/null or of an empty tmpfs)`,
  read_only: w => `make ${w.path} read-only (open_tree, mount_setattr, move_mount)`,
  device: w =>
    `make the device ${w.path}, ${w.major}:${w.minor}, mode ${Number(w.mode).toString(8)} (mknodat)`,
  symlink: w => `link ${w.path} to ${w.target} (symlinkat)`,
  console: w =>
    `open a terminal of the container's devpts${w.width ? `, ${w.width}x${w.height}` : ''} (TIOCGPTPEER)${w.bind ? ', bind it on /dev/console' : ''}`,
  pivot: () => 'make the root file system the root and detach the old one (pivot_root, umount2)',
  move_root: () => 'move the root file system over the root (mount MS_MOVE, chroot)',
  hostname: w => `set the hostname ${w.name} (sethostname)`,
  domainname: w => `set the domain name ${w.name} (setdomainname)`,
  private_proc: () => 'open a procfs that nothing in the container can cover (fsopen, fsmount)',
  sysctl: w => `write ${JSON.stringify(w.value)} to /proc/${w.path}`,
  label: w => `write ${JSON.stringify(w.value)} to /proc/${w.file}`,
  no_new_privileges: () => 'give up new privileges at execve (prctl PR_SET_NO_NEW_PRIVS)',
  rlimit: w =>
    `set ${RLIMITS[Number(w.resource)]} to ${limit(w.soft as number)}, at most ${limit(w.hard as number)} (prlimit)`,
  umask: w => `set the umask ${Number(w.mask).toString(8).padStart(4, '0')}`,
  bounding_set: (_w, step) => `bound capabilities to: ${rights(step, 'keep')} (prctl PR_CAPBSET_DROP)`,
  user: w =>
    `become user ${w.uid} and group ${w.gid}${w.set_groups ? '' : ', groups unchanged'} (setgroups, setresgid, setresuid)`,
  capabilities: (_w, step) =>
    `set capabilities, effective: ${rights(step, 'effective')}; inheritable: ${rights(step, 'inheritable')}; ambient: ${rights(step, 'ambient')} (capset)`,
  seccomp: (_w, step) => `install the seccomp filter, ${bytes(step, 'program') / 8} instructions (seccomp)`,
  working_directory: w =>
    w.when === DIRECTORY.make ? `make the directory ${w.path} when it is missing` : `go to ${w.path} (chdir)`,
  own_stdio: w => `give standard input, output and error to user ${w.uid} (fchown)`,
  find_program: w =>
    `find the program ${w.name}${w.name && String(w.name).includes('/') ? '' : ` in ${w.search_path}`} and what it needs`,
  wait_for_start: () => 'wait for "start" (accept)',
  exec: (_w, step) => `execute ${list(step, 'args')} (execve)`,
  keep_descriptors: w =>
    w.mask
      ? `keep the descriptors of mask ${w.mask}, close all others`
      : 'close all descriptors but 0, 1 and 2',
  new_session: () => 'start a new session (setsid)',
  connect: w => `connect to the ${SOCKETS[Number(w.slot)] ?? 'socket'} ${w.path}`,
  listen: w => `listen for "start" at ${w.path} (bind)`,
  send_descriptor: w =>
    `send ${w.text === 'pidfd' ? 'a pidfd of the process' : 'the terminal'} to who listens`,
  open_device: w => `open ${w.path} and check that it is device ${w.major}:${w.minor}`,
  open_tree: w => `open the mount source ${w.path} outside the user namespace (open_tree)`,
  user_namespace: w => `make a user namespace that carries the id map ${JSON.stringify(w.uid_map)} (clone3)`,
  idmap_tree: () => 'map the ids of the mount (mount_setattr MOUNT_ATTR_IDMAP)',
  scheduler: w => `set the scheduling policy ${w.policy}, nice ${w.nice} (sched_setattr)`,
  io_priority: w => `set the I/O priority ${Number(w.value) >> 13}:${Number(w.value) & 7} (ioprio_set)`,
  personality: w => `set the personality ${w.domain === 8 ? 'LINUX32' : 'LINUX'} (personality)`,
  memory_policy: w => `set the memory policy ${w.mode} (set_mempolicy)`,
  affinity: () => 'set the CPU affinity (sched_setaffinity)',
  open_process: w => `open the container's process ${w.pid} (pidfd_open)`,
  draft: () => 'write the configuration, and the record of the process beside the one that counts',
  record: () => 'put the record of the process in its place (rename) and write the pid file',
  change_root: () => 'make the root file system the root (chroot)',
  send_listener: () => 'send the seccomp listener and the state of the process to who listens',
  scope: w => `have systemd start ${w.unit} with the process in it (D-Bus StartTransientUnit)`,
  net_device: w =>
    `move the network device ${w.name} into the container as ${w.target} (RTM_NEWLINK, RTM_NEWADDR)`,
  resctrl_make: w =>
    `make ${w.path} in resctrl${w.schemata ? ` with ${String(w.schemata).trim().split('\n').join(' ')}` : ''} (mkdir)`,
  resctrl_join: w => `put the process into ${w.path} of resctrl`,
  set_terminal: () =>
    'make the terminal standard input, output, error and controlling terminal (dup2, TIOCSCTTY)',
};

/** One step as a sentence, without who does it and why. */
export const explainStep = (step: Step): string => sentences[step.kind](step.with as With, step);
