/** From the bundle's directory to the container's root: config.md "Root", "Mounts"; config-linux.md devices, masks. */

import { type Context, isNew } from './context.js';
import { deviceSteps } from './devices.js';
import { ATTRIBUTE, PROPAGATION } from './mount-options.js';
import { allMounts, devIsBound, lateReadOnly } from './mounts.js';
import { PlanError } from './plan-error.js';
import { SLOT, type Step, step } from './step.js';

const PROPAGATIONS: { readonly [name: string]: number } = {
  shared: PROPAGATION.shared,
  slave: PROPAGATION.slave,
  private: PROPAGATION.private,
  unbindable: PROPAGATION.unbindable,
  rshared: PROPAGATION.shared | PROPAGATION.recursive,
  rslave: PROPAGATION.slave | PROPAGATION.recursive,
  rprivate: PROPAGATION.private | PROPAGATION.recursive,
  runbindable: PROPAGATION.unbindable | PROPAGATION.recursive,
};

/** What the mount that holds the rootfs becomes (native/step_root.c). */
const PARENT = { asItIs: 0, private: 1, slave: 2 } as const;

const rootPropagation = (context: Context): number =>
  PROPAGATIONS[context.linux.rootfsPropagation ?? ''] ?? 0;

/** All mounts below the rootfs, its devices and links: while the old root is still there. */
export function buildRootfs(context: Context): Step[] {
  const wanted = rootPropagation(context);
  // unbindable would forbid the bind of the rootfs itself: it comes after the pivot
  const first =
    wanted === 0 || wanted & PROPAGATION.unbindable ? PROPAGATION.slave | PROPAGATION.recursive : wanted;
  // pivot_root(2) refuses a rootfs whose parent mount is shared, which one below "/" may still be after this
  const parentMayBeShared = (first & PROPAGATION.shared) !== 0 || (first & PROPAGATION.recursive) === 0;
  const parent = first & PROPAGATION.slave ? PARENT.slave : PARENT.private;
  if (context.options.noPivot && wanted & PROPAGATION.private) {
    throw new PlanError('/linux/rootfsPropagation', '"private" and "rprivate" do not work with --no-pivot');
  }
  const own = context.namespaces.has('mount');
  const from = wanted === 0 ? '' : '/linux/rootfsPropagation';
  const steps = [
    step('open_device', 'init', '', { slot: SLOT.null, major: 1, minor: 3, path: '/dev/null' }),
    // without a mount namespace the mounts are the host's, which is what the configuration asks for; delete detaches them
    ...(own ? [step('propagate', 'init', from, { flags: first, path: '/' })] : []),
    step('root', 'init', '/root/path', {
      private_parent: own && parentMayBeShared ? parent : PARENT.asItIs,
      bind: 1,
      path: context.rootfs,
    }),
    // Or else what the host mounts below the directory that is bound would appear in the container; in the host's own
    // mount namespace, also what is mounted below the root would appear on that directory.
    ...(own && wanted !== 0
      ? []
      : [step('mount_propagation', 'init', '/root/path', { flags: PROPAGATION.private, target: '/' })]),
    ...allMounts(context),
  ];
  if (!devIsBound(context)) steps.push(...deviceSteps(context), ...deviceLinks(context));
  return steps;
}

/** config.md "Default Devices"; the links are those of devices.txt that every container expects. */
function deviceLinks(context: Context): Step[] {
  const links: [string, string][] = [
    ['/proc/self/fd', '/dev/fd'],
    ['/proc/self/fd/0', '/dev/stdin'],
    ['/proc/self/fd/1', '/dev/stdout'],
    ['/proc/self/fd/2', '/dev/stderr'],
    ['pts/ptmx', '/dev/ptmx'],
  ];
  if (context.facts.kcore) links.push(['/proc/kcore', '/dev/core']);
  return links.map(([target, path]) => step('symlink', 'init', '', { target, path }, ['EEXIST']));
}

/**
 * What must be read-only or hidden becomes so, then the rootfs becomes "/". In this order, because what covers a masked
 * file is the host's /dev/null, which is out of reach once the old root is detached.
 */
export function enterRootfs(context: Context): Step[] {
  const { linux, spec, options } = context;
  const wanted = rootPropagation(context);
  const later = wanted & (PROPAGATION.shared | PROPAGATION.unbindable) ? wanted : 0;
  const enter = !context.namespaces.has('mount') ? 'change_root' : options.noPivot ? 'move_root' : 'pivot';
  const readOnly = { set: ATTRIBUTE.readOnly, clear: 0, flags: 0, target: '/' };
  return [
    ...lateReadOnly(context),
    ...(spec.root?.readonly ? [step('mount_attributes', 'init', '/root/readonly', readOnly)] : []),
    ...hidden('read_only', '/linux/readonlyPaths', linux.readonlyPaths ?? []),
    ...hidden('mask', '/linux/maskedPaths', linux.maskedPaths ?? []),
    step(enter, 'init', '/root/path', {}),
    ...(later
      ? [step('mount_propagation', 'init', '/linux/rootfsPropagation', { flags: later, target: '/' })]
      : []),
  ];
}

/** A path that is not there needs no hiding (config-linux.md "Masked Paths": the runtime's own files come and go). */
function hidden(kind: 'mask' | 'read_only', from: string, paths: readonly string[]): Step[] {
  const steps: Step[] = [];
  for (const [index, path] of paths.entries()) {
    if (paths.indexOf(path) === index)
      steps.push(step(kind, 'init', `${from}/${index}`, { path }, ['ENOENT', 'ENOTDIR']));
  }
  return steps;
}

/** config-linux.md "Network Devices": moved by the host, which owns them. */
function netDevices(context: Context): Step[] {
  const devices = context.linux.netDevices ?? {};
  return Object.keys(devices).map(name => {
    const from = `/linux/netDevices/${name}`;
    if (!context.namespaces.has('network'))
      throw new PlanError(from, 'a network device needs a network namespace to move to');
    if (context.facts.euid !== 0) throw new PlanError(from, 'network devices can be moved by root only');
    return step('net_device', 'host', from, { name, target: devices[name]?.name || name });
  });
}

/** What belongs to the namespaces and not to the file system: loopback, network devices, names. */
export function namespaceSettings(context: Context): Step[] {
  const { spec } = context;
  const steps: Step[] = [];
  if (isNew(context, 'network')) steps.push(step('loopback', 'init', '/linux/namespaces', {}));
  steps.push(...netDevices(context));
  if (spec.hostname) steps.push(step('hostname', 'init', '/hostname', { name: spec.hostname }));
  if (spec.domainname) steps.push(step('domainname', 'init', '/domainname', { name: spec.domainname }));
  return steps;
}
