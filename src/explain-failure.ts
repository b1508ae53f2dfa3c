/** A failed walk in one sentence: what was tried, which entry of config.json asked for it, what the kernel said, what to do. */
import { errnoName, errnoText } from './errno.js';
import type { WalkResult } from './native.js';
import { explainStep } from './plan/explain.js';
import { CLONE } from './plan/namespaces.js';
import { flatten, type Step } from './plan/step.js';
import { signalName } from './signals.js';

export interface Explained {
  message: string;
  hint?: string;
}

/** execve and the look-up before it, in runc's words, which engines turn into exit statuses 126 and 127. */
function programFailure(result: WalkResult): Explained | undefined {
  const { call, detail } = result;
  const text = errnoText(result.errno);
  const name = JSON.stringify(detail);
  switch (call) {
    case 'search':
      return { message: `exec: ${name}: executable file not found in $PATH` };
    case 'stat':
      return {
        message: `exec: ${name}: ${errnoName(result.errno) === 'ENOENT' ? `stat ${detail}: ` : ''}${text}`,
      };
    case 'interpreter':
      return {
        message: `exec: the program is a script for ${name}, which is not in the container: ${text}`,
        ...(detail.endsWith('\r')
          ? { hint: 'its first line ends with a carriage return, as Windows writes it' }
          : {}),
      };
    case 'loader':
      return {
        message: `exec: the program needs the dynamic loader ${name}, which is not in the container: ${text}`,
        hint: 'it may be built for another C library or another architecture',
      };
    case 'execve':
      return {
        message: `exec ${detail}: ${text}`,
        ...(errnoName(result.errno) === 'ENOEXEC'
          ? { hint: 'a script needs a first line like "#!/bin/sh"; a binary must be for this architecture' }
          : {}),
      };
    default:
      return undefined;
  }
}

function hookFailure(result: WalkResult, step: Step | undefined): Explained | undefined {
  const kind = step?.kind === 'hook' ? `${step.with.kind} hook` : 'startContainer hook';
  if (result.call !== 'hook') {
    if (step?.kind !== 'hook') return undefined;
    const call = result.call === 'execve' ? '' : `${result.call}: `;
    return { message: `${kind} ${step.with.path}: ${call}${errnoText(result.errno)}${where(step)}` };
  }
  const [start = '', end = '', ...output] = result.detail.split('\n');
  const path = step?.kind === 'hook' ? step.with.path : start; // the detail has no room for a long one
  const [word, number] = end.split(' ');
  const how =
    word === 'timeout'
      ? 'was killed because its time was over'
      : word === 'signal'
        ? `was killed by ${signalName(Number(number))}`
        : `ended with status ${number}`;
  const said = output.join('\n').trim();
  return { message: `${kind} ${path} ${how}${where(step)}${said ? `: ${said}` : ''}` };
}

/** A step that no pointer into config.json explains comes from an option of exec. */
function where(step: Step | undefined): string {
  if (!step?.from) return '';
  return step.from[0] === '/' ? ` (${step.from} in config.json)` : ` (${step.from})`;
}

/** Init said nothing: it was killed. */
function deathOf(result: WalkResult): Explained {
  const [word, number] = result.detail.split(' ');
  const how =
    word === 'signal'
      ? `was killed by ${signalName(Number(number))}`
      : `ended with status ${number ?? 'unknown'}`;
  return {
    message: `the container's init ${how} before it was ready`,
    ...(word === 'signal' && number === '9'
      ? { hint: 'a memory or pids limit that is too low does this; see linux.resources' }
      : {}),
  };
}

const HINTS: readonly { kind?: string; call: string; errno: string; hint: string }[] = [
  { call: 'clone3', errno: 'ENOSPC', hint: 'a limit in /proc/sys/user/max_*_namespaces is reached' },
  {
    call: 'clone3',
    errno: 'EPERM',
    hint: 'unprivileged user namespaces may be switched off, by kernel.apparmor_restrict_unprivileged_userns or kernel.unprivileged_userns_clone',
  },
  {
    kind: 'join',
    call: 'setns',
    errno: 'EPERM',
    hint: 'it belongs to a user namespace in which runts has no rights; join that one, too, by its path',
  },
  {
    kind: 'join',
    call: 'setns',
    errno: 'EINVAL',
    hint: 'a pid namespace can be joined by processes of the pid namespaces above it only',
  },
  {
    kind: 'hostname',
    call: 'sethostname',
    errno: 'EPERM',
    hint: "the uts namespace does not belong to the container's user namespace",
  },
  {
    kind: 'domainname',
    call: 'setdomainname',
    errno: 'EPERM',
    hint: "the uts namespace does not belong to the container's user namespace",
  },
  {
    kind: 'id_map',
    call: 'write',
    errno: 'EPERM',
    hint: 'only ids that are mapped in the user namespace of runts can be given, and 0 needs CAP_SETFCAP',
  },
  {
    call: 'open_tree',
    errno: 'EINVAL',
    hint: 'the mount is unbindable, or has others below it that are locked in a user namespace, which rbind brings along',
  },
  ...['setresuid', 'setresgid', 'setgroups', 'fchownat'].map(call => ({
    call,
    errno: 'EINVAL',
    hint: "an id is not mapped in the container's user namespace",
  })),
  {
    kind: 'scheduler',
    call: 'sched_setattr',
    errno: 'EPERM',
    hint: 'it needs CAP_SYS_NICE on the host, or RLIMIT_RTPRIO or RLIMIT_NICE in process.rlimits',
  },
  {
    kind: 'io_priority',
    call: 'ioprio_set',
    errno: 'EPERM',
    hint: 'the class IOPRIO_CLASS_RT needs CAP_SYS_NICE on the host',
  },
  {
    kind: 'memory_policy',
    call: 'set_mempolicy',
    errno: 'EINVAL',
    hint: 'this machine lacks a node, the cpuset does not allow it, or the kernel is older than the mode',
  },
  {
    kind: 'user',
    call: 'setgroups',
    errno: 'EPERM',
    hint: 'the user namespace denies setgroups(2), so there can be no additional groups in it, or runts lacks CAP_SETGID',
  },
  {
    kind: 'proc_write',
    call: 'open',
    errno: 'EACCES',
    hint: 'for a time namespace in a user namespace that is joined, only root can set offsets',
  },
  { call: 'clone3', errno: 'EAGAIN', hint: 'a pids limit or RLIMIT_NPROC is reached' },
  {
    call: 'clone3',
    errno: 'EBUSY',
    hint: 'the cgroup has controllers enabled for its children, so it cannot hold processes itself',
  },
  {
    kind: 'mount_bind',
    call: 'mount_setattr',
    errno: 'EPERM',
    hint: 'the source is mounted with an option that is locked in a user namespace; ask for the same options, for example ro',
  },
  {
    call: 'clone3',
    errno: 'EOPNOTSUPP',
    hint: 'the cgroup is threaded, or below one that is; a container needs a domain (cgroup.type)',
  },
  {
    kind: 'cgroup_make',
    call: 'mkdir',
    errno: 'EAGAIN',
    hint: 'cgroup.max.descendants or cgroup.max.depth of a cgroup above is reached',
  },
  {
    kind: 'propagate',
    call: 'mount_setattr',
    errno: 'EINVAL',
    hint: '"/" is no mount point here, as in a chroot: bind it on itself and enter it with pivot_root',
  },
  {
    kind: 'mount_fs',
    call: 'fsconfig',
    errno: 'ENAMETOOLONG',
    hint: 'the kernel takes at most 255 bytes as the value of an option (fsconfig)',
  },
  { kind: 'mount_fs', call: 'fsopen', errno: 'ENODEV', hint: 'this kernel has no such file system' },
  {
    kind: 'mount_fs',
    call: 'openat2',
    errno: 'ELOOP',
    hint: 'the image has a symbolic link there, which could lead it to something else',
  },
  {
    kind: 'root',
    call: 'open',
    errno: 'EACCES',
    hint: "root of the container's user namespace must be allowed to search every directory of this path",
  },
  {
    call: 'openat2',
    errno: 'EACCES',
    hint: "it belongs to others than root of the container's user namespace, which may not search or write there",
  },
  { kind: 'sysctl', call: 'openat2', errno: 'ENOENT', hint: 'this kernel has no such parameter' },
  {
    kind: 'console',
    call: 'openat2',
    errno: 'ENOENT',
    hint: 'a terminal needs a devpts mounted on /dev/pts',
  },
  {
    kind: 'proc_write',
    call: 'write',
    errno: 'EACCES',
    hint: 'lowering oom_score_adj needs CAP_SYS_RESOURCE',
  },
  {
    kind: 'resctrl_make',
    call: 'write',
    errno: 'EINVAL',
    hint: 'what resctrl says of it is in its info/last_cmd_status',
  },
  { kind: 'rlimit', call: 'prlimit', errno: 'EPERM', hint: 'raising a hard limit needs CAP_SYS_RESOURCE' },
];

/** Which namespace a file system shows; root of the user namespace that owns it may mount it. */
const SHOWN: { readonly [type: string]: string } = {
  proc: 'pid',
  sysfs: 'network',
  mqueue: 'ipc',
  cgroup2: 'cgroup',
};

/** EPERM of a new file system is about user namespaces (mount_namespaces(7), user_namespaces(7)). */
function fileSystemHint({ with: { type } }: Step, call: string): string | undefined {
  if (call === 'fsmount')
    return `parts of the ${type} that runts has are masked, and a new one would show them`;
  const shown = SHOWN[String(type)];
  if (shown === undefined) return 'in a user namespace only some file systems can be mounted';
  return `in a user namespace it needs {"type": "${shown}"} in linux.namespaces, or the host's ${type} is bound instead`;
}

function hintFor(step: Step | undefined, result: WalkResult): string | undefined {
  const name = errnoName(result.errno);
  const known = HINTS.find(
    one =>
      one.call === result.call && one.errno === name && (one.kind === undefined || one.kind === step?.kind),
  )?.hint;
  if (name !== 'EPERM' || step === undefined) return known;
  if (step.kind === 'clone' && result.call === 'clone3' && !(Number(step.with.flags) & CLONE.user))
    return 'making namespaces needs CAP_SYS_ADMIN';
  if (known !== undefined || step.kind !== 'mount_fs') return known;
  return /^fs(?:open|config|mount)$/.test(result.call) ? fileSystemHint(step, result.call) : undefined;
}

/** What engines would take for a missing program if it had its errno's words: they look for these in the message. */
function absence(result: WalkResult, step: Step): Explained | undefined {
  if (errnoName(result.errno) !== 'ENOENT') return undefined;
  const { file, source } = step.with;
  if (step.kind === 'cgroup_write' && result.call === 'openat') {
    const controller = String(file).split('.')[0];
    const message = `the cgroup has no file ${file}${where(step)}`;
    if (controller === 'cgroup') return { message: `${message}: this kernel does not have it` };
    return {
      message: `${message}: the controller ${controller} is not enabled for it, or does not have it in this kernel`,
      hint: "what can be enabled is in cgroup.controllers of the cgroup's parent",
    };
  }
  if (step.kind === 'mount_bind' && result.call === 'open_tree')
    return { message: `the mount source ${source} does not exist${where(step)}` };
  if (step.kind === 'open_tree')
    return { message: `the mount source ${step.with.path} does not exist${where(step)}` };
  return undefined;
}

/** What the image does with the target of a mount. */
function wrongTarget(result: WalkResult, step: Step): Explained | undefined {
  if (result.call !== 'in proc') return undefined;
  return {
    message: `cannot mount on ${result.detail}${where(step)}: a symbolic link in the image leads from there into /proc`,
  };
}

/** The kernel only says EINVAL when a directory is to be mounted on a file, or the other way round. */
function wrongSource(result: WalkResult, step: Step): Explained | undefined {
  const { source, target } = step.with;
  if (step.kind !== 'mount_bind') return undefined;
  if (result.call === 'not proc')
    return { message: `cannot bind ${source} on ${target}${where(step)}: it is not a proc file system` };
  if (result.call !== 'kinds') return undefined;
  const [one, other] =
    errnoName(result.errno) === 'ENOTDIR'
      ? ['is a directory', 'is not a directory']
      : ['is not a directory', 'is a directory'];
  return {
    message: `cannot bind ${source} on ${target}${where(step)}: the source ${one}, the target ${other}`,
  };
}

/** Some of the calls are words of our own: a namespace file of the wrong type. */
function namespaceFailure(result: WalkResult, step: Step): Explained | undefined {
  if (result.call === 'not a namespace')
    return { message: `${result.detail} is not a namespace${where(step)}` };
  if (result.call === 'other namespace')
    return { message: `${result.detail} is a namespace of another type${where(step)}` };
  if (result.call === 'not a cgroup')
    return { message: `${result.detail} is not a directory of cgroup v2${where(step)}` };
  return undefined;
}

/** The message for a walk that failed. */
export function explainFailure(steps: readonly Step[], result: WalkResult): Explained {
  const step = flatten(steps)[result.step];
  if (result.call === 'init') return deathOf(result);
  const special =
    hookFailure(result, step) ??
    programFailure(result) ??
    (step &&
      (namespaceFailure(result, step) ??
        absence(result, step) ??
        wrongSource(result, step) ??
        wrongTarget(result, step)));
  if (special) return special;
  const did = step ? explainStep(step).replace(/ \([^()]*\)$/, '') : 'start the container';
  const detail = result.detail.trim(); // the kernel's own messages end with a line break
  if (result.call === 'openat2' && errnoName(result.errno) === 'ENOTDIR' && detail !== '')
    return { message: `cannot ${did}${where(step)}: ${detail} in the container is not a directory` };
  const on = detail && !did.includes(detail) ? ` ${detail}` : '';
  const hint = hintFor(step, result);
  const message = `cannot ${did}${where(step)}: ${result.call}${on}: ${errnoText(result.errno)}`;
  return hint === undefined ? { message } : { message, hint };
}
