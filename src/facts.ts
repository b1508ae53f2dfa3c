/** Reads the facts that a plan depends on: only those that this configuration can ask for. */
import { native } from './host.js';
import { cgroupOf, cgroupPath, levels } from './plan/cgroup-place.js';
import type { CgroupFacts, Facts } from './plan/facts.js';
import { classDirectory } from './plan/intel-rdt.js';
import { clean } from './plan/paths.js';
import { failure, isErrno } from './report.js';
import type { Process, Spec } from './spec.js';

/** Inode of the initial user namespace (PROC_USER_INIT_INO, linux/proc_ns.h). */
const INITIAL_USER_NAMESPACE = 'user:[4026531837]';
const CGROUP2_MAGIC = 0x63677270;
const NAMESPACE_FILES = { network: 'net', mount: 'mnt' } as const;

const ARCHITECTURES: { readonly [machine: string]: string } = {
  x86_64: 'SCMP_ARCH_X86_64',
  aarch64: 'SCMP_ARCH_AARCH64',
  riscv64: 'SCMP_ARCH_RISCV64',
  s390x: 'SCMP_ARCH_S390X',
  ppc64le: 'SCMP_ARCH_PPC64LE',
};

function tryRead(path: string): string {
  try {
    return native.readText(path);
  } catch {
    return '';
  }
}

const words = (text: string): string[] => text.trim().split(/\s+/).filter(Boolean);

/** Where a file system of that type is mounted. */
const mountOf = (type: string): string | undefined =>
  tryRead('/proc/self/mountinfo')
    .split('\n')
    .find(entry => entry.includes(` - ${type} `))
    ?.split(' ')[4];

/** /sys/fs/cgroup, or where a hybrid host has it. */
function cgroupMount(): string | null {
  try {
    if (native.fsType('/sys/fs/cgroup') === CGROUP2_MAGIC) return '/sys/fs/cgroup';
    if (native.fsType('/sys/fs/cgroup/unified') === CGROUP2_MAGIC) return '/sys/fs/cgroup/unified';
  } catch {
    // not there: look for it
  }
  return mountOf('cgroup2') ?? null;
}

/** Our own cgroup below the mount. */
const ownCgroup = (): string => cgroupOf(tryRead('/proc/self/cgroup')) ?? '/';

function readLevel(path: string): CgroupFacts['levels'][string] | null {
  const stat = native.stat(path);
  if (stat === null) return null;
  return {
    controllers: words(tryRead(`${path}/cgroup.controllers`)),
    enabled: words(tryRead(`${path}/cgroup.subtree_control`)),
  };
}

const isFrozen = (path: string): boolean => tryRead(`${path}/cgroup.freeze`).trim() === '1';

/** Whether the cgroup may be for somebody else than root of the host (config-linux.md, "Cgroup ownership"). */
function hasOtherOwner({ linux, process }: Spec): boolean {
  const { uid = 0, gid = 0 } = process?.user ?? {};
  return uid !== 0 || gid !== 0 || (linux?.namespaces ?? []).some(({ type }) => type === 'user');
}

function readCgroup(spec: Spec, id: string): CgroupFacts | null {
  const mount = cgroupMount();
  if (mount === null) return null;
  const own = ownCgroup();
  const target = clean(`${mount}${cgroupPath(spec, own, id)}`);
  const found: { [path: string]: NonNullable<ReturnType<typeof readLevel>> } = Object.create(null);
  let deepest = mount;
  let frozenAbove = '';
  for (const path of levels(mount, target)) {
    const level = readLevel(path);
    if (level === null) break;
    if (path !== mount && path !== target && isFrozen(path)) frozenAbove ||= path;
    found[path] = level;
    deepest = path;
  }
  const there = deepest === target;
  return {
    mount,
    own,
    controllers: found[mount]?.controllers ?? [],
    levels: found,
    writable: native.access(deepest, 2),
    existing: there
      ? {
          populated: /^populated 1$/m.test(tryRead(`${target}/cgroup.events`)),
          frozen: isFrozen(target),
        }
      : null,
    ...(frozenAbove && { frozenAbove }),
    delegate: hasOtherOwner(spec) ? words(tryRead('/sys/kernel/cgroup/delegate')) : [],
  };
}

function joinedNamespaces(spec: Spec): Facts['namespaces'] {
  const found: { [path: string]: { same: boolean; ownedByOurs: boolean } } = Object.create(null);
  const joined = (spec.linux?.namespaces ?? []).filter(namespace => namespace.path);
  if (joined.length === 0) return found;
  const ourUser = native.stat('/proc/self/ns/user')?.ino;
  for (const { type, path } of joined) {
    const file = type in NAMESPACE_FILES ? NAMESPACE_FILES[type as keyof typeof NAMESPACE_FILES] : type;
    const ours = native.stat(`/proc/self/ns/${file}`);
    const theirs = native.stat(path!);
    found[path!] = {
      same: theirs !== null && theirs.ino === ours?.ino,
      ownedByOurs: native.namespaceOwner(path!) === ourUser,
    };
  }
  return found;
}

function lsm(process: Process | undefined, mountLabel?: string): string[] {
  if (!process?.apparmorProfile && !process?.selinuxLabel && !mountLabel) return [];
  const listed = tryRead('/sys/kernel/security/lsm').trim().split(',').filter(Boolean);
  if (tryRead('/sys/module/apparmor/parameters/enabled').trim() === 'Y') listed.push('apparmor');
  if (native.stat('/sys/fs/selinux/enforce') !== null) listed.push('selinux');
  return listed;
}

function findProgram(name: string): string {
  const path = native.env('PATH') || '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  return (
    path
      .split(':')
      .map(directory => `${directory}/${name}`)
      .find(file => file.startsWith('/') && native.access(file, 1)) ?? ''
  );
}

function ownUserNamespace(): string {
  try {
    return native.readLink('/proc/self/ns/user');
  } catch (error) {
    throw isErrno(error, 'ENOENT') ? failure('/proc is not mounted, and runts needs it') : error;
  }
}

/** What is true for any process that we start, in a new container or in one that runs. */
function commonFacts(
  process: Process | undefined,
  mountLabel?: string,
): Omit<Facts, 'cgroup' | 'namespaces' | 'mapHelpers' | 'kcore'> {
  const [, , euid, , egid] = native.identity();
  const machine = native.uname()[4];
  const initialUserNamespace = ownUserNamespace() === INITIAL_USER_NAMESPACE;
  return {
    euid,
    egid,
    capabilities: native.capabilities(),
    lastCapability: Number(tryRead('/proc/sys/kernel/cap_last_cap')),
    initialUserNamespace,
    architecture: ARCHITECTURES[machine] ?? machine,
    oomScoreAdj: process?.oomScoreAdj === undefined ? 0 : Number(tryRead('/proc/self/oom_score_adj')),
    lsm: lsm(process, mountLabel),
    terminalSize: process?.terminal ? native.terminalSize() : [0, 0],
    setgroupsDenied: !initialUserNamespace && tryRead('/proc/self/setgroups') === 'deny\n',
  };
}

/** Where resctrl is, and what the class that the configuration names has. */
function resctrl({ linux }: Spec, id: string): Pick<Facts, 'resctrl'> {
  if (linux?.intelRdt === undefined) return {};
  const mount = mountOf('resctrl');
  if (mount === undefined) return { resctrl: null };
  const directory = classDirectory(mount, linux.intelRdt, id);
  const there = native.stat(directory) !== null;
  return { resctrl: { mount, schemata: there ? tryRead(`${directory}/schemata`) : null } };
}

/** For create, run and plan. */
export function readFacts(spec: Spec, id: string): Facts {
  const common = commonFacts(spec.process, spec.linux?.mountLabel);
  const maps = common.euid !== 0 && spec.linux?.uidMappings !== undefined;
  return {
    ...common,
    cgroup: readCgroup(spec, id),
    kcore: native.stat('/proc/kcore') !== null,
    mapHelpers: maps
      ? { uid: findProgram('newuidmap'), gid: findProgram('newgidmap') }
      : { uid: '', gid: '' },
    namespaces: joinedNamespaces(spec),
    ...resctrl(spec, id),
  };
}

/** Whether a container that was given a user namespace by path is in our own. */
function joinedUserNamespace(spec: Spec, pid: number): Facts['namespaces'] {
  const path = spec.linux?.namespaces?.find(({ type }) => type === 'user')?.path;
  if (!path) return {};
  const same = native.stat(`/proc/${pid}/ns/user`)?.ino === native.stat('/proc/self/ns/user')?.ino;
  return { [path]: { same, ownedByOurs: true } };
}

/** For exec: the container is there already, `pid` is its first process. */
export const readExecFacts = (spec: Spec, process: Process, pid: number, id: string): Facts => ({
  ...commonFacts(process),
  cgroup: null,
  kcore: false,
  mapHelpers: { uid: '', gid: '' },
  namespaces: joinedUserNamespace(spec, pid),
  ...resctrl(spec, id),
});
