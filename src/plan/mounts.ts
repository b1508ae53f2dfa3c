/** config.md "Mounts": each entry becomes one detached mount that is attached inside the rootfs. */
import type { IdMapping, Mount } from '../spec.js';
import { isDataOfTmpfs, MOUNT_OPTIONS } from '../validate/mount-option-names.js';
import { type Context, isNew } from './context.js';
import { idMap } from './id-maps.js';
import { ATTRIBUTE, type MountOptions, parseMountOptions } from './mount-options.js';
import { absolute, clean, within } from './paths.js';
import { PlanError } from './plan-error.js';
import { MOUNT, SLOT, type Step, step } from './step.js';

/** File systems of the kernel's own: `ro` makes the mount read-only, never the superblock, which others share. */
const KERNEL_TYPES = new Set(
  'proc sysfs tmpfs devpts mqueue cgroup2 devtmpfs securityfs debugfs tracefs bpf hugetlbfs ramfs configfs pstore'.split(
    ' ',
  ),
);

/** What may be bound into /proc (lxcfs and the like); anything else there could fake the kernel's word. */
const PROC_TARGETS = new Set(
  'cpuinfo diskstats meminfo stat swaps uptime loadavg slabinfo sys/kernel/ns_last_pid sys/crypto/fips_enabled'
    .split(' ')
    .map(name => `/proc/${name}`),
);

function checkTarget(mount: Mount, type: string, target: string, from: string): void {
  if (target === '/')
    throw new PlanError(
      `${from}/destination`,
      'a mount on "/" would hide the root filesystem; set root.path instead',
    );
  if (within(target, '/proc') && target !== '/proc' && !PROC_TARGETS.has(target)) {
    throw new PlanError(
      `${from}/destination`,
      `"${mount.destination}" cannot be mounted because it is inside /proc`,
    );
  }
  if (target === '/proc' && type !== 'proc' && !isBind(mount)) {
    throw new PlanError(
      `${from}/destination`,
      `only a proc file system can be mounted on /proc, not "${type}"`,
    );
  }
}

const isBind = ({ options = [] }: Mount): boolean => options.includes('bind') || options.includes('rbind');

/** Options that hold ids are read inside the user namespace: an unmapped one would be a bare EINVAL of the kernel's. */
function checkMappedIds(context: Context, options: MountOptions, from: string): void {
  if (!isNew(context, 'user')) return;
  for (const option of options.data) {
    const match = /^(uid|gid)=(\d+)$/.exec(option);
    if (!match) continue;
    const maps: IdMapping[] =
      (match[1] === 'uid' ? context.linux.uidMappings : context.linux.gidMappings) ?? [];
    const id = Number(match[2]);
    if (!maps.some(map => id >= map.containerID && id < map.containerID + map.size)) {
      throw new PlanError(`${from}/options`, `"${option}" is not mapped in the container's user namespace`);
    }
  }
}

function bindSteps(
  context: Context,
  mount: Mount,
  options: MountOptions,
  target: string,
  from: string,
): Step[] {
  const source = absolute(context.options.bundle, mount.source ?? '');
  for (const option of options.data) {
    if (!isDataOfTmpfs(option) && !MOUNT_OPTIONS.has(option)) {
      throw new PlanError(
        `${from}/options`,
        `a bind mount takes no file system options, and "${option}" is one`,
      );
    }
    context.notes.push(`${from}/options: "${option}" is ignored: it means nothing for a bind mount`);
  }
  const flags =
    options.flags |
    (options.bind?.recursive ? MOUNT.recursive : 0) |
    (target === '/proc' ? MOUNT.procOnly | MOUNT.noSymlinks : 0);
  const prepared = sourceSteps(context, mount, options, source, from);
  return [
    ...prepared.steps,
    step('mount_bind', 'init', from, {
      set: options.set,
      clear: options.clear,
      all_set: options.allSet,
      all_clear: options.allClear,
      flags,
      slot: prepared.slot,
      source,
      target,
    }),
  ];
}

/** AT_RECURSIVE and AT_SYMLINK_NOFOLLOW of open_tree(2) */
const treeFlags = (options: MountOptions): number =>
  (options.bind?.recursive ? 0x8000 : 0) | (options.flags & MOUNT.sourceNoFollow ? 0x100 : 0);

/** A source that init could not open, or that gets id maps of its own, is opened by the host and handed over. */
function sourceSteps(
  context: Context,
  mount: Mount,
  options: MountOptions,
  source: string,
  from: string,
): { steps: Step[]; slot: number } {
  const maps = mount.uidMappings || mount.gidMappings || options.idmap;
  if (!maps) {
    if (!context.userNamespace || !context.facts.initialUserNamespace || context.facts.euid !== 0)
      return { steps: [], slot: SLOT.none };
    const slot = SOURCE_SLOT;
    return {
      steps: [step('open_tree', 'host', from, { slot, flags: treeFlags(options), path: source })],
      slot,
    };
  }
  const slot = SOURCE_SLOT;
  const namespaceSlot = SLOT.mapNamespace;
  const uid = mount.uidMappings ?? context.linux.uidMappings;
  const gid = mount.gidMappings ?? context.linux.gidMappings;
  if (!uid || !gid)
    throw new PlanError(from, 'an idmapped mount needs uidMappings and gidMappings, here or in linux');
  return {
    slot,
    steps: [
      step('open_tree', 'host', from, { slot, flags: treeFlags(options), path: source }),
      step('user_namespace', 'host', from, { slot: namespaceSlot, uid_map: idMap(uid), gid_map: idMap(gid) }),
      step('idmap_tree', 'host', from, {
        slot,
        user_namespace: namespaceSlot,
        recursive: options.idmap === 'recursive' ? 1 : 0,
      }),
    ],
  };
}

/** Holds the source of a mount until init has attached it: each is gone before the next comes. */
const SOURCE_SLOT = SLOT.count - 1;

/** File systems whose labels are the kernel's own. */
const UNLABELLED = new Set(['proc', 'sysfs', 'cgroup2', 'mqueue']);

function mountLabel(context: Context, type: string): string[] {
  const label = context.linux.mountLabel;
  if (!label || UNLABELLED.has(type)) return [];
  if (!context.facts.lsm.includes('selinux'))
    throw new PlanError('/linux/mountLabel', 'SELinux is not enabled on this host');
  return [`context=${label}`];
}

function newFileSystem(
  context: Context,
  mount: Mount,
  options: MountOptions,
  target: string,
  from: string,
): Step[] {
  const type = mount.type === 'cgroup' ? 'cgroup2' : (mount.type ?? '');
  if (type === '' || type === 'bind')
    throw new PlanError(
      `${from}/type`,
      'a mount needs the type of a file system, or "bind" or "rbind" among its options',
    );
  if (mount.uidMappings || mount.gidMappings || options.idmap)
    throw new PlanError(from, 'only a bind mount can be idmapped');
  checkMappedIds(context, options, from);
  const data = [...options.data, ...mountLabel(context, type)];
  let attributes = (options.set & ~options.allClear) | options.allSet; // as bindSteps: the recursive ones come second
  let flags = options.flags;
  if (type === 'proc' || type === 'sysfs') flags |= MOUNT.noSymlinks;
  if (type === 'tmpfs') {
    flags |= MOUNT.keepMode;
    attributes &= ~ATTRIBUTE.readOnly; // later, see lateReadOnly: devices and nested targets are made in it first
  } else if (attributes & ATTRIBUTE.readOnly && !KERNEL_TYPES.has(type)) data.unshift('ro');
  const otherwise = fallback(context, type, attributes, target, from);
  return [
    step(
      'mount_fs',
      'init',
      from,
      { attributes, flags, type, source: mount.source ?? '', target, options: data },
      otherwise && ['EPERM', 'EBUSY'],
      otherwise,
    ),
  ];
}

/**
 * Where the kernel refuses a fresh instance in a user namespace, the host's is bound, read-only for sysfs. The user namespace
 * may be the one that we are in ourselves.
 */
function fallback(
  context: Context,
  type: string,
  attributes: number,
  target: string,
  from: string,
): Step[] | undefined {
  const bind = (source: string, set: number): Step[] => [
    step('mount_bind', 'init', from, {
      set: 0,
      clear: 0,
      all_set: set,
      all_clear: 0,
      flags: MOUNT.recursive,
      slot: SLOT.none,
      source,
      target,
    }),
  ];
  if (!context.userNamespace && context.facts.initialUserNamespace) return undefined;
  if (type === 'cgroup2') {
    const own = context.namespaces.has('cgroup') ? context.cgroup : null;
    return bind(own ?? context.facts.cgroup?.mount ?? '/sys/fs/cgroup', attributes);
  }
  if (type === 'sysfs' && !isNew(context, 'network')) return bind('/sys', attributes | ATTRIBUTE.readOnly);
  return undefined;
}

/** Of an existing mount the attributes can be changed, not the file system, which others may share. */
function remountSteps(options: MountOptions, target: string, from: string): Step[] {
  const { set, clear, allSet, allClear, data } = options;
  if (data.length > 0) {
    throw new PlanError(`${from}/options`, `a remount takes no file system options, and "${data[0]}" is one`);
  }
  const steps = [step('mount_attributes', 'init', from, { set, clear, flags: 0, target })];
  if (allSet | allClear) {
    const all = { set: allSet, clear: allClear, flags: MOUNT.recursive, target };
    steps.push(step('mount_attributes', 'init', from, all));
  }
  return steps;
}

function mountSteps(context: Context, mount: Mount, from: string): Step[] {
  const target = clean(mount.destination);
  const options = parseMountOptions(mount);
  checkTarget(mount, mount.type ?? '', target, from);
  const steps = options.remount
    ? remountSteps(options, target, from)
    : options.bind
      ? bindSteps(context, mount, options, target, from)
      : newFileSystem(context, mount, options, target, from);
  for (const flags of options.propagation)
    steps.push(step('mount_propagation', 'init', from, { flags, target }));
  return steps;
}

/** All mounts, in the order of the configuration. */
export const allMounts = (context: Context): Step[] =>
  (context.spec.mounts ?? []).flatMap((mount, index) => mountSteps(context, mount, `/mounts/${index}`));

/** A tmpfs that shall be read-only becomes so when everything in it has been made. */
export function lateReadOnly(context: Context): Step[] {
  const steps: Step[] = [];
  for (const [index, mount] of (context.spec.mounts ?? []).entries()) {
    if (mount.type !== 'tmpfs' || isBind(mount)) continue;
    const { set, allSet, allClear } = parseMountOptions(mount);
    if ((((set & ~allClear) | allSet) & ATTRIBUTE.readOnly) === 0) continue;
    steps.push(
      step('mount_attributes', 'init', `/mounts/${index}`, {
        set: ATTRIBUTE.readOnly,
        clear: 0,
        flags: 0,
        target: clean(mount.destination),
      }),
    );
  }
  return steps;
}

/** Whether the image's or the host's own directory is used for /dev, which then already has its nodes. */
export const devIsBound = (context: Context): boolean =>
  (context.spec.mounts ?? []).some(mount => isBind(mount) && clean(mount.destination) === '/dev');
