/** config-linux.md "Control groups": what has to be made, enabled and written for the container's cgroup. */
import { levels } from './cgroup-place.js';
import { type Context, isNew } from './context.js';
import { compileDeviceFilter } from './device-filter.js';
import type { CgroupFacts, Facts } from './facts.js';
import { hostId } from './id-maps.js';
import { PlanError } from './plan-error.js';
import { type CgroupFile, resourceFiles } from './resources.js';
import { meanwhile, SLOT, type Step, step } from './step.js';

/**
 * Errors of a controller that cannot be enabled here: cpu with realtime tasks (EINVAL), domain rules (EOPNOTSUPP, EBUSY);
 * levels above a delegated one are not ours to change (EACCES).
 */
function notHere({ euid, initialUserNamespace }: Facts): string[] {
  return ['EINVAL', 'EBUSY', 'ENOENT', euid === 0 && initialUserNamespace ? 'EOPNOTSUPP' : 'EACCES'];
}

/** All controllers in one write; when the kernel refuses that, one by one, so that one of them does not cost the others. */
function enableSteps(context: Context, facts: CgroupFacts, path: string, from: string): Step[] {
  // not what the level offers as yet: enabling a controller above it offers one more
  const enabled = facts.levels[path]?.enabled ?? [];
  const missing = facts.controllers.filter(name => !enabled.includes(name)).map(name => `+${name}`);
  if (missing.length === 0) return [];
  const enable = (value: string, otherwise?: Step[]): Step =>
    step(
      'cgroup_write',
      'host',
      from,
      { slot: SLOT.cgroup, file: 'cgroup.subtree_control', value },
      notHere(context.facts),
      otherwise,
    );
  const single = missing.map(value => enable(value));
  return [missing.length === 1 ? single[0]! : enable(missing.join(' '), single)];
}

/**
 * Meanwhile: what init does until then is our own, and making the devices that it makes is always allowed. A hook inside
 * the container is not ours.
 */
export function deviceRules(context: Context): Step[] {
  const rules = context.linux.resources?.devices;
  // bpf(2) is not to be had; in a user namespace device nodes are nodev anyway
  if (context.facts.euid !== 0 || !context.facts.initialUserNamespace) return [];
  if (context.cgroup === null || !context.facts.cgroup) return [];
  const program = compileDeviceFilter(rules ?? []);
  const from = rules ? '/linux/resources/devices' : '';
  const filter = step('device_filter', 'host', from, { slot: SLOT.cgroup, program });
  return [context.spec.hooks?.createContainer?.length ? filter : meanwhile(filter)];
}

/** What a kernel has there that does not say which files are for delegation (config-linux.md "Cgroup ownership"). */
const DELEGATED = ['cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads'];

/** The container may manage its own cgroup when it sees it as root of a cgroup namespace and may write to it. */
function ownershipSteps(context: Context, facts: CgroupFacts): Step[] {
  if (!isNew(context, 'cgroup')) return [];
  const writable = context.mounts.some(
    ({ mount: { source, options }, target }) =>
      source === 'cgroup' &&
      target === '/sys/fs/cgroup' &&
      !options?.some(option => option === 'ro' || option === 'rro'),
  );
  const { uid = 0, gid = 0 } = context.spec.process?.user ?? {};
  const owner = context.userNamespace ? hostId(context.linux.uidMappings, uid) : uid;
  const group = context.userNamespace ? hostId(context.linux.gidMappings, gid) : gid;
  if (!writable || owner === undefined || group === undefined || (owner === 0 && group === 0)) return [];
  return [
    step('cgroup_own', 'host', '/linux/namespaces', {
      slot: SLOT.cgroup,
      uid: owner,
      gid: -1n & 0xffffffffn,
      files: facts.delegate.length > 0 ? facts.delegate : DELEGATED,
    }),
  ];
}

function writeFile({ from, file, value, tolerate, instead }: CgroupFile): Step {
  const otherwise = instead && [step('cgroup_write', 'host', from, { slot: SLOT.cgroup, ...instead })];
  return step('cgroup_write', 'host', from, { slot: SLOT.cgroup, file, value }, tolerate, otherwise);
}

/** All that is written to a cgroup that is there. */
const setUp = (context: Context, facts: CgroupFacts): Step[] => [
  ...resourceFiles(context.linux.resources).map(writeFile),
  ...ownershipSteps(context, facts),
];

/** Makes the cgroup with all its limits: before the container's first process is born in it. */
export function makeCgroup(context: Context): Step[] {
  const facts = context.facts.cgroup;
  if (context.cgroup === null || context.scope !== null || !facts) return [];
  const from = context.linux.cgroupsPath ? '/linux/cgroupsPath' : '';
  const frozen = facts.existing?.frozen ? context.cgroup : facts.frozenAbove;
  if (frozen) throw new PlanError(from, `the cgroup ${frozen} is frozen: a process in it would never run`);
  if (facts.existing?.populated)
    throw new PlanError(
      from,
      `the cgroup ${context.cgroup} has processes already: a container needs one of its own`,
    );
  const steps: Step[] = [];
  const path = levels(facts.mount, context.cgroup);
  for (const [depth, level] of path.entries()) {
    const last = depth === path.length - 1;
    const enable = last ? [] : enableSteps(context, facts, level, from);
    const there = Object.hasOwn(facts.levels, level);
    if (!there || last) steps.push(step('cgroup_make', 'host', from, { slot: SLOT.cgroup, path: level }));
    else if (enable.length > 0)
      steps.push(step('cgroup_open', 'host', from, { slot: SLOT.cgroup, path: level }));
    steps.push(...enable);
  }
  return [...steps, ...setUp(context, facts)];
}

/** Controllers that systemd knows nothing of: with these we go down the path ourselves. */
function enableUnmanaged(context: Context, facts: CgroupFacts, cgroup: string, from: string): Step[] {
  const used = new Set(resourceFiles(context.linux.resources).map(({ file }) => file.split('.')[0]!));
  const controllers = ['hugetlb', 'rdma', 'misc'].filter(
    name => used.has(name) && facts.controllers.includes(name),
  );
  if (controllers.length === 0) return [];
  return levels(facts.mount, cgroup)
    .slice(0, -1)
    .flatMap(level => [
      step('cgroup_open', 'host', from, { slot: SLOT.cgroup, path: level }),
      ...enableSteps(context, { ...facts, controllers }, level, from),
    ]);
}

/** With --systemd-cgroup: systemd makes the scope around the process, and the rest is as without it. */
export function makeScopeCgroup(context: Context): Step[] {
  const facts = context.facts.cgroup;
  if (context.scope === null || context.cgroup === null || !facts) return [];
  const from = context.linux.cgroupsPath ? '/linux/cgroupsPath' : '';
  return [
    step('scope', 'runtime', from, { unit: context.scope.unit }),
    ...enableUnmanaged(context, facts, context.cgroup, from),
    step('cgroup_open', 'host', from, { slot: SLOT.cgroup, path: context.cgroup }),
    ...setUp(context, facts),
  ];
}
