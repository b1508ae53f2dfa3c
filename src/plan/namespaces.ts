/** config-linux.md "Namespaces": which are made by clone, which are joined, which come later, and in what order. */
import type { NamespaceType } from '../spec.js';
import { type Context, isNew, takeSlot } from './context.js';
import { becomeRoot, mapIds } from './id-maps.js';
import { PlanError } from './plan-error.js';
import { SLOT, type Step, step } from './step.js';

/** CLONE_NEW* of linux/sched.h */
export const CLONE: { readonly [T in NamespaceType]: number } = {
  time: 0x80,
  mount: 0x20000,
  cgroup: 0x2000000,
  uts: 0x4000000,
  ipc: 0x8000000,
  user: 0x10000000,
  pid: 0x20000000,
  network: 0x40000000,
};

/** Never by clone: a new cgroup namespace would be rooted at our own cgroup, and a time namespace's clocks are set before it is entered. */
const LATER: ReadonlySet<NamespaceType> = new Set(['cgroup', 'time']);

interface Joins {
  open: Step[];
  /** what we own needs our capabilities, which entering another user namespace gives up */
  before: Step[];
  user: Step[];
  /** what the joined user namespace owns needs its capabilities */
  after: Step[];
  /** a joined pid namespace takes effect for children alone (setns(2)) */
  refork: boolean;
}

function joins(context: Context): Joins {
  const open: Step[] = [];
  const before: Step[] = [];
  const after: Step[] = [];
  const user: Step[] = [];
  let refork = false;
  for (const namespace of context.namespaces.values()) {
    if (!namespace.path) continue;
    const from = `/linux/namespaces/${namespace.index}`;
    const slot = takeSlot(context);
    const fact = context.facts.namespaces[namespace.path];
    open.push(
      step('open_namespace', 'host', from, { slot, type: CLONE[namespace.type], path: namespace.path }),
    );
    if (fact?.same && namespace.type !== 'pid') continue; // joining one's own user namespace is EINVAL, others are no-ops
    const join = step('join', 'init', from, { slot, types: CLONE[namespace.type] });
    if (namespace.type === 'user') user.push(join);
    else if (fact?.ownedByOurs ?? true) before.push(join);
    else after.push(join);
    if (namespace.type === 'pid') refork = true;
  }
  return { open, before, user, after, refork };
}

function timeOffsets(context: Context): string {
  const { boottime, monotonic } = context.linux.timeOffsets ?? {};
  const line = (name: string, offset: typeof boottime): string =>
    offset ? `${name} ${offset.secs ?? 0} ${offset.nanosecs ?? 0}\n` : '';
  return line('monotonic', monotonic) + line('boottime', boottime);
}

/** Which namespaces the first clone makes, which are made when init has joined others, which by the second fork. */
function divide(context: Context, joinsFirst: boolean): { birth: number; later: number; second: number } {
  const flags = { birth: 0, later: 0, second: 0 };
  for (const namespace of context.namespaces.values()) {
    if (namespace.path || LATER.has(namespace.type)) continue;
    // the first process of a pid namespace cannot be left behind by a second fork, so it is born by that
    if (namespace.type === 'pid' && (joinsFirst || isNew(context, 'time'))) flags.second = CLONE.pid;
    else if (joinsFirst) flags.later |= CLONE[namespace.type];
    else flags.birth |= CLONE[namespace.type];
  }
  return flags;
}

/**
 * Birth of the container's first process, up to where it is in all its namespaces with its ids mapped. `afterBirth`: what
 * has to be done with the process before anything else; `settled`: as soon as it is clear which process it is.
 */
export function enterNamespaces(
  context: Context,
  afterBirth: readonly Step[],
  settled: readonly Step[],
): Step[] {
  const { open, before, user, after, refork } = joins(context);
  const makesUser = isNew(context, 'user');
  const joinsUser = context.namespaces.has('user') && !makesUser;
  const { birth, later, second } = divide(context, joinsUser || (makesUser && before.length > 0));
  const from = context.linux.namespaces ? '/linux/namespaces' : '';
  const steps: Step[] = [
    ...open,
    step('clone', 'host', from, {
      flags: birth,
      cgroup: context.cgroup === null || context.scope !== null ? SLOT.none : SLOT.cgroup,
    }),
    ...afterBirth,
    ...before,
  ];
  if (joinsUser) steps.push(...user, ...after, ...becomeRoot(context.linux));
  if (later !== 0) steps.push(step('unshare', 'init', from, { flags: later }));
  if (!joinsUser) steps.push(...mapIds(context), ...after);
  if (isNew(context, 'time')) steps.push(...makeTimeNamespace(context));
  if (refork || second !== 0 || isNew(context, 'time'))
    steps.push(step('refork', 'init', from, { flags: second }));
  steps.push(...settled);
  if (isNew(context, 'cgroup')) steps.push(step('unshare', 'init', from, { flags: CLONE.cgroup }));
  return steps;
}

function makeTimeNamespace(context: Context): Step[] {
  const from = `/linux/namespaces/${context.namespaces.get('time')!.index}`;
  const steps = [step('unshare', 'init', from, { flags: CLONE.time })];
  const offsets = timeOffsets(context);
  if (offsets)
    steps.push(step('proc_write', 'host', '/linux/timeOffsets', { file: 'timens_offsets', value: offsets }));
  return steps;
}

const CAP_SYS_ADMIN = 21n;

/** Whether the container may mount, its root above all, in the mount namespace that it gets (mount_namespaces(7)). */
function mayMount({ facts, namespaces, userNamespace }: Context): boolean {
  const mount = namespaces.get('mount');
  if (mount && !mount.path) return true;
  const ours = mount?.path === undefined || (facts.namespaces[mount.path]?.ownedByOurs ?? true);
  return !ours || (!userNamespace && ((facts.capabilities >> CAP_SYS_ADMIN) & 1n) === 1n);
}

/** What the namespaces make impossible, said before anything is tried. */
export function checkNamespaces(context: Context): void {
  const { facts, spec, linux } = context;
  if (!context.userNamespace && facts.euid !== 0) {
    throw new PlanError(
      '/linux/namespaces',
      'without root privileges a container needs a user namespace: add {"type": "user"} with uidMappings and gidMappings ("runts spec --rootless" writes such a configuration)',
    );
  }
  if (!mayMount(context)) {
    throw new PlanError(
      '/linux/namespaces',
      'the container\'s root cannot be mounted in a mount namespace that is not its user namespace\'s: add {"type": "mount"} without a path',
    );
  }
  if (!context.namespaces.has('mount')) {
    if (linux.maskedPaths?.length)
      throw new PlanError('/linux/maskedPaths', 'masked paths need a mount namespace');
    if (linux.readonlyPaths?.length)
      throw new PlanError('/linux/readonlyPaths', 'read-only paths need a mount namespace');
  }
  if (spec.hostname && !context.namespaces.has('uts'))
    throw new PlanError('/hostname', 'a hostname needs a uts namespace');
  if (spec.domainname && !context.namespaces.has('uts'))
    throw new PlanError('/domainname', 'a domain name needs a uts namespace');
}
