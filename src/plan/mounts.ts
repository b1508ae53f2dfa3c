/** config.md "Mounts": each entry becomes one detached mount that is attached inside the rootfs. */
import type { IdMapping } from '../spec.js';
import { isDataOfTmpfs, MOUNT_OPTIONS } from '../validate/mount-option-names.js';
import { type Context, isNew } from './context.js';
import { idMap } from './id-maps.js';
import { ATTRIBUTE, attributesOf, type MountEntry, type MountOptions } from './mount-options.js';
import { absolute } from './paths.js';
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

function checkTarget({ mount, options, target, from }: MountEntry): void {
  if (target === '/')
    throw new PlanError(
      `${from}/destination`,
      'a mount on "/" would hide the root filesystem; set root.path instead',
    );
  if (target.startsWith('/proc/') && !PROC_TARGETS.has(target)) {
    throw new PlanError(
      `${from}/destination`,
      `"${mount.destination}" cannot be mounted because it is inside /proc`,
    );
  }
  if (target === '/proc' && mount.type !== 'proc' && !options.bind) {
    throw new PlanError(
      `${from}/destination`,
      `only a proc file system can be mounted on /proc, not "${mount.type ?? ''}"`,
    );
  }
}

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

/** Data on a bind mount: left out with a note, or refused where it may be a flag with a typing error. */
function checkBindData(context: Context, { options, from }: MountEntry): void {
  for (const option of options.data) {
    if (!isDataOfTmpfs(option) && !MOUNT_OPTIONS.has(option)) {
      throw new PlanError(
        `${from}/options`,
        `a bind mount takes no file system options, and "${option}" is one`,
      );
    }
    context.notes.push(`${from}/options: "${option}" is ignored: it means nothing for a bind mount`);
  }
}

function bindSteps(context: Context, entry: MountEntry): Step[] {
  const { mount, options, target, from } = entry;
  const source = absolute(context.options.bundle, mount.source ?? '');
  checkBindData(context, entry);
  const flags =
    options.flags |
    (options.bind?.recursive ? MOUNT.recursive : 0) |
    (target === '/proc' ? MOUNT.procOnly | MOUNT.noSymlinks : 0);
  const steps = sourceSteps(context, entry, source);
  steps.push(
    step('mount_bind', 'init', from, {
      set: options.set,
      clear: options.clear,
      all_set: options.allSet,
      all_clear: options.allClear,
      flags,
      slot: steps.length === 0 ? SLOT.none : SOURCE_SLOT,
      source,
      target,
    }),
  );
  return steps;
}

/** AT_RECURSIVE and AT_SYMLINK_NOFOLLOW of open_tree(2) */
const treeFlags = (options: MountOptions): number =>
  (options.bind?.recursive ? 0x8000 : 0) | (options.flags & MOUNT.sourceNoFollow ? 0x100 : 0);

/**
 * A source that init could not open, or that gets id maps of its own, is opened by the host and handed over in SOURCE_SLOT;
 * without steps init opens it.
 */
function sourceSteps(context: Context, { mount, options, from }: MountEntry, source: string): Step[] {
  const slot = SOURCE_SLOT;
  const maps = mount.uidMappings || mount.gidMappings || options.idmap;
  if (!maps) {
    if (!context.userNamespace || !context.facts.initialUserNamespace || context.facts.euid !== 0) return [];
    return [step('open_tree', 'host', from, { slot, flags: treeFlags(options), path: source })];
  }
  const namespaceSlot = SLOT.mapNamespace;
  const uid = mount.uidMappings ?? context.linux.uidMappings;
  const gid = mount.gidMappings ?? context.linux.gidMappings;
  if (!uid || !gid)
    throw new PlanError(from, 'an idmapped mount needs uidMappings and gidMappings, here or in linux');
  return [
    step('open_tree', 'host', from, { slot, flags: treeFlags(options), path: source }),
    step('user_namespace', 'host', from, { slot: namespaceSlot, uid_map: idMap(uid), gid_map: idMap(gid) }),
    step('idmap_tree', 'host', from, {
      slot,
      user_namespace: namespaceSlot,
      recursive: options.idmap === 'recursive' ? 1 : 0,
    }),
  ];
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

function newFileSystem(context: Context, { mount, options, target, from }: MountEntry): Step[] {
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
  let attributes = attributesOf(options);
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
function remountSteps({ options, target, from }: MountEntry): Step[] {
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

function mountSteps(context: Context, entry: MountEntry): Step[] {
  checkTarget(entry);
  const { options, target, from } = entry;
  const steps = options.remount
    ? remountSteps(entry)
    : options.bind
      ? bindSteps(context, entry)
      : newFileSystem(context, entry);
  for (const flags of options.propagation)
    steps.push(step('mount_propagation', 'init', from, { flags, target }));
  return steps;
}

/** All mounts, in the order of the configuration. */
export const allMounts = (context: Context): Step[] =>
  context.mounts.flatMap(entry => mountSteps(context, entry));

/** A tmpfs that shall be read-only becomes so when everything in it has been made. */
export function lateReadOnly({ mounts }: Context): Step[] {
  const isLate = ({ mount, options }: MountEntry) =>
    mount.type === 'tmpfs' && !options.bind && (attributesOf(options) & ATTRIBUTE.readOnly) !== 0;
  return mounts
    .filter(isLate)
    .map(({ target, from }) =>
      step('mount_attributes', 'init', from, { set: ATTRIBUTE.readOnly, clear: 0, flags: 0, target }),
    );
}

/** Whether the image's or the host's own directory is used for /dev, which then already has its nodes. */
export const devIsBound = ({ mounts }: Context): boolean =>
  mounts.some(({ options, target }) => options.bind && target === '/dev');
