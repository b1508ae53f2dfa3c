/**
 * The rules by name: how much each weighs and what would be accepted, `%` being the detail that the check gives.
 *
 * An error is what the specification forbids (MUST), what the kernel refuses, or what runc refuses. What runc takes
 * although the specification advises against it is a warning.
 */
export const RULES = {
  'well-formed': error('a value as the specification describes it'),

  // config.md
  'oci-version': error('a version from 1.0.0 on of major version 1, like 1.3.0'),
  'oci-version-early': warning('a version from 1.0.0 on; what came before is read as if it were 1.0.0'),
  'root-required': error('an object with the path of the root filesystem'),
  'root-path': error('a path that is not empty'),
  'annotation-key': error('a key that is not empty'),
  'name-needs-uts': error('a name only with an entry of type "uts" in linux.namespaces'),
  'name-length': error('a name of at most 64 characters'),
  'hook-path': error('an absolute path'),
  'hook-env': warning('NAME=value'),
  'text-nul': error('a text without the character NUL'),
  'text-surrogate': error('a text without half surrogate pairs, which UTF-8 cannot write'),

  // config.md "Mounts"
  'mount-not-root': error('a place below the root filesystem'),
  'mount-absolute': warning('an absolute path; a relative one is deprecated and taken from the root'),
  'mount-type': error('a filesystem type, or options with bind or rbind'),
  'mount-both-mappings': error('uidMappings and gidMappings together, or neither'),
  'idmap-mappings': error('idmap and ridmap only with uidMappings and gidMappings, or with a user namespace'),
  'bind-option': error('an option for bind mounts; they take none of a filesystem'),
  'bind-data': warning('an option for bind mounts; this one is ignored'),
  'bind-source': warning('the file or directory to bind; without one it is the bundle'),
  'bind-by-option': warning('bind or rbind; the type "bind" alone makes no bind mount'),

  // config.md "Process"
  'cwd-absolute': error('an absolute path'),
  'args-required': error('a list with at least the program to execute'),
  'args-program': error('a program to execute'),
  'env-entry': error('NAME=value'),
  'user-ids': warning('an id; without one it is 0'),
  'user-valid-id': error('an id from 0 to 4294967294'),
  'umask-bits': warning('permission bits, at most 511 (0777)'),
  'capability-known': warning('a capability of Linux; others are left out'),
  'rlimit-known': error('a resource of getrlimit(2)'),
  'rlimit-once': error('one entry for each type'),
  'rlimit-order': error('at most the hard limit, %'),
  'console-size': warning('at most 65535'),
  'oom-score': error('a number from -1000 to 1000'),
  'scheduler-iso': warning('a policy that Linux implements; SCHED_ISO is reserved'),
  'scheduler-nice': error('a number from -20 to 19'),
  'scheduler-realtime': error('a number from 1 to 99 with %'),
  'scheduler-priority': error('0 or nothing with %'),
  'scheduler-runtime': error('at least 1024 nanoseconds with SCHED_DEADLINE'),
  'scheduler-deadline': error('at least the runtime, %'),
  'scheduler-period': error('at least the deadline, %'),
  'scheduler-not-deadline': error('0 or nothing with %; this is for SCHED_DEADLINE'),
  'io-priority': error('a number from 0 to 7'),
  'io-priority-given': warning('a number from 0 to 7; without one it is 0'),
  'cpu-list': error('a list like 0-3,7'),

  // config-linux.md
  'namespace-once': error('one entry for each type'),
  'namespace-path': error('an absolute path'),
  'mappings-need-user': error('mappings only with an entry of type "user" in linux.namespaces'),
  'user-needs-mappings': error('at least one mapping for the new user namespace'),
  'mapping-count': error('at most 340 mappings'),
  'mapping-size': error('at least 1'),
  'mapping-range': error('a % and size that end before 4294967295'),
  'mapping-overlap': error('ids that % does not map already'),
  'offsets-need-time': error('offsets only with an entry of type "time" without a path in linux.namespaces'),
  'clock-known': error('boottime or monotonic'),
  'clock-nanosecs': error('a number from 0 to 999999999'),
  'device-path': error('a path that is not empty'),
  'device-absolute': warning('an absolute path; a relative one is taken from the root'),
  'device-once': warning('one entry for each path'),
  'device-number-once': warning('one entry for each type and number, which % has already'),
  'device-number': error('a number, because the type is not "p"'),
  'device-major': error('a number from 0 to 4095'),
  'device-minor': error('a number from 0 to 1048575'),
  'devices-need-network': error('devices only with an entry of type "network" in linux.namespaces'),
  'interface-name': error('a name of at most 15 characters without "/", ":", "%" and blanks'),
  'interface-new-name': error(
    'a name of at most 15 characters without "/", ":" and blanks, with %d at most once',
  ),
  'interface-once': error('one device for each name'),
  'cgroup-inside': error('a path without ".."'),
  'sysctl-name': error('the name of a parameter, like net.ipv4.ip_forward'),
  'sysctl-hostname': error('the property hostname instead'),
  'sysctl-namespaced': error(
    'a parameter that a namespace has of its own: kernel.shm*, fs.mqueue.*, net.*, user.*, …',
  ),
  'sysctl-needs': error('this parameter only with an entry of type "%" in linux.namespaces'),
  'path-absolute': error('an absolute path'),
  'paths-need-mount': error('paths only with an entry of type "mount" in linux.namespaces'),
  'personality-flags': warning('an empty list; no flags are defined, they are ignored'),

  // config-linux.md "Control groups"
  'device-rule-type': error('a, b or c'),
  'device-rule-number': error('a number from 0 to 4294967295, or -1 for all'),
  'device-access': error('one to three of the letters r, w and m'),
  'memory-bytes': error('a number of bytes, or -1 for no limit'),
  'memory-swap': error('at least the memory limit, %, because it counts memory and swap'),
  'memory-swap-alone': error('a memory limit, because memory.swap counts memory and swap'),
  'memory-swappiness': warning('a number from 0 to 100'),
  'memory-kernel': warning('nothing; the kernel has no such limit any more and it is ignored'),
  'cpu-period': error('1000 to 1000000 microseconds'),
  'cpu-quota': error('at least 1000 microseconds, or -1 for no limit'),
  'cpu-burst': error('at most the quota, %'),
  'cpu-idle': error('0 or 1'),
  'cpu-set': error('a list like 0-3,7'),
  'weight-device': error('weight or leafWeight or both'),
  'io-weight': error('a number from 10 to 1000, or 0 for unset'),
  'rdma-name': error('the name of an RDMA device, without blanks'),
  'rdma-limit': error('hcaHandles or hcaObjects or both'),
  'unified-file': error('the name of a file in the cgroup, without "/"'),
  'unified-limit': error('files with limits; what is in the cgroup, and whether it runs, is for the runtime'),

  // config-linux.md "IntelRdt", "Memory policy", "Seccomp"
  'rdt-class': error('a directory name, or "/" for the default class'),
  'rdt-line': error('one line'),
  'rdt-l3': warning('one line that starts with L3:'),
  'node-list': error('a list like 0-3,7'),
  'policy-no-nodes': error('no nodes with %'),
  'policy-nodes': error('at least one node with %'),
  'policy-balancing': error('this flag with MPOL_BIND and MPOL_PREFERRED_MANY only, not with %'),
  'policy-node-flag': error('this flag only with nodes'),
  'policy-one-flag': error('one of MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES'),
  'errno-action': error('an errno only with SCMP_ACT_ERRNO and SCMP_ACT_TRACE, not with %'),
  'errno-range': warning('a number from 0 to 4095'),
  'notify-default': error('any action but SCMP_ACT_NOTIFY'),
  'notify-write': error('any system call but write, which the hand-over of the listener needs'),
  'listener-path': error('the path of a socket, because a rule has SCMP_ACT_NOTIFY'),
  'listener-metadata': error('metadata only with a listenerPath'),
} satisfies Record<string, Rule>;

interface Rule {
  severity: 'error' | 'warning';
  accepted: string;
}

export type RuleName = keyof typeof RULES;

function error(accepted: string): Rule {
  return { severity: 'error', accepted };
}

function warning(accepted: string): Rule {
  return { severity: 'warning', accepted };
}
