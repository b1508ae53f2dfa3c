/** config.md "Process": everything that makes init the user's program. Shared by create, run and exec. */
import type { Process } from '../spec.js';
import { capabilityMasks } from './capabilities.js';
import type { Facts } from './facts.js';
import { parseList } from './paths.js';
import { PlanError } from './plan-error.js';
import {
  IO_CLASSES,
  MEMORY_FLAGS,
  MEMORY_MODES,
  SCHEDULER_FLAGS,
  SCHEDULER_POLICIES,
} from './process-values.js';
import { rlimitSteps } from './rlimits.js';
import { type Filter, filterAt } from './seccomp.js';
import { DIRECTORY, GROUPS, SLOT, type Step, step } from './step.js';

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Whose process it is and in what surroundings: what differs between a container's first process and one that joins. */
export interface ProcessContext {
  facts: Facts;
  /** what the specification wants to be logged */
  warnings: string[];
  /** those that can be given, a mask: all in a user namespace, else our own */
  capabilities: bigint;
  /** what the user namespace lets us do with supplementary groups: one of GROUPS */
  groups: number;
  filter: Filter;
  /** descriptors beyond 2 that the program keeps, a mask */
  keepDescriptors: bigint;
  /** entries behind those of the configuration */
  environment: readonly string[];
}

/** Environment as execve gets it: the last of several entries of one name wins and keeps the first one's place. */
export function environment(entries: readonly string[]): string[] {
  const byName = new Map<string, string>();
  for (const entry of entries) byName.set(entry.slice(0, entry.indexOf('=')), entry);
  return [...byName.values()];
}

const variable = (entries: readonly string[], name: string): string | undefined =>
  entries.find(entry => entry.startsWith(`${name}=`))?.slice(name.length + 1);

function labelSteps(process: Process, facts: Facts): Step[] {
  const steps: Step[] = [];
  const attribute = (from: string, file: string, value: string): Step =>
    step('label', 'init', from, { slot: SLOT.proc, file, value });
  if (process.apparmorProfile) {
    const from = '/process/apparmorProfile';
    if (!facts.lsm.includes('apparmor')) throw new PlanError(from, 'AppArmor is not enabled on this host');
    const value = `exec ${process.apparmorProfile}`;
    // before Linux 5.8, or when another module is the first, there is only the shared file
    const shared = step('label', 'init', from, { slot: SLOT.proc, file: 'self/attr/exec', value });
    const own = { slot: SLOT.proc, file: 'self/attr/apparmor/exec', value };
    steps.push(step('label', 'init', from, own, ['ENOENT'], [shared]));
  }
  if (process.selinuxLabel) {
    const from = '/process/selinuxLabel';
    if (!facts.lsm.includes('selinux')) throw new PlanError(from, 'SELinux is not enabled on this host');
    steps.push(attribute(from, 'self/attr/exec', process.selinuxLabel));
  }
  return steps;
}

/** What needs no privilege of the user's and no identity yet. */
function settingSteps(process: Process): Step[] {
  const { scheduler, ioPriority } = process;
  const steps: Step[] = [];
  if (scheduler) {
    const from = '/process/scheduler';
    let flags = 0n;
    for (const name of scheduler.flags ?? []) flags |= SCHEDULER_FLAGS[name] ?? 0n;
    const { nice = 0, priority = 0, runtime = 0, deadline = 0, period = 0 } = scheduler;
    const policy = SCHEDULER_POLICIES[scheduler.policy];
    if (policy === undefined)
      throw new PlanError(`${from}/policy`, `"${scheduler.policy}" is not a policy of this kernel`);
    steps.push(
      step('scheduler', 'init', from, {
        policy,
        flags,
        nice: BigInt(nice),
        priority,
        runtime,
        deadline,
        period,
      }),
    );
  }
  if (ioPriority) {
    const value = ((IO_CLASSES[ioPriority.class] ?? 0) << 13) | (ioPriority.priority ?? 0);
    steps.push(step('io_priority', 'init', '/process/ioPriority', { value }));
  }
  return steps;
}

/** linux.personality and linux.memoryPolicy: before seccomp, which may forbid them. */
export function linuxProcessSteps(linux: {
  personality?: { domain: string; flags?: string[] };
  memoryPolicy?: { mode: string; nodes?: string; flags?: string[] };
}): Step[] {
  const steps: Step[] = [];
  if (linux.personality) {
    const domain = linux.personality.domain === 'LINUX32' ? 8 : 0;
    steps.push(step('personality', 'init', '/linux/personality', { domain }));
  }
  if (linux.memoryPolicy) {
    const { mode, nodes, flags = [] } = linux.memoryPolicy;
    let value = MEMORY_MODES[mode] ?? 0;
    for (const flag of flags) value |= MEMORY_FLAGS[flag] ?? 0;
    const mask = nodes ? parseList(nodes, '/linux/memoryPolicy/nodes') : new Uint8Array(0);
    steps.push(step('memory_policy', 'init', '/linux/memoryPolicy', { mode: value, nodes: mask }));
  }
  return steps;
}

const littleEndian = (ids: readonly number[]): Uint8Array => new Uint8Array(new Uint32Array(ids).buffer);

function identitySteps(context: ProcessContext, process: Process): Step[] {
  const { uid = 0, gid = 0, additionalGids = [], umask } = process.user ?? {};
  const from = process.user ? '/process/user' : '';
  const wantsGroups = additionalGids.length > 0;
  if (context.groups === GROUPS.keep && wantsGroups) {
    throw new PlanError(
      `${from}/additionalGids`,
      'additional groups cannot be set in this user namespace (setgroups is denied)',
    );
  }
  const rights = process.capabilities ? '/process/capabilities' : '';
  const masks =
    process.capabilities &&
    capabilityMasks(
      process.capabilities,
      context.facts.lastCapability,
      context.capabilities,
      context.warnings,
    );
  const none = { bounding: 0n, effective: 0n, permitted: 0n, inheritable: 0n, ambient: 0n };
  const { bounding, effective, permitted, inheritable, ambient } = masks ?? none;
  return [
    step('bounding_set', 'init', rights, { keep: bounding }),
    step('own_stdio', 'init', from, { uid }),
    step('umask', 'init', umask === undefined ? '' : `${from}/umask`, { mask: umask ?? 0o022 }),
    step('user', 'init', from, {
      uid,
      gid,
      keep_capabilities: 1,
      set_groups: wantsGroups ? GROUPS.set : context.groups,
      groups: littleEndian(additionalGids),
    }),
    step('working_directory', 'init', '/process/cwd', { when: DIRECTORY.retry, path: process.cwd }),
    step('capabilities', 'init', rights, { effective, permitted, inheritable, ambient }),
  ];
}

/** Before the identity changes: labels, settings, and the directory as root sees it. */
export const beforeIdentity = (context: ProcessContext, process: Process): Step[] => [
  ...labelSteps(process, context.facts),
  ...settingSteps(process),
  step('working_directory', 'init', '/process/cwd', { when: DIRECTORY.try, path: process.cwd }, [
    'EACCES',
    'EPERM',
  ]),
  ...(process.noNewPrivileges
    ? [step('no_new_privileges', 'init', '/process/noNewPrivileges', {})]
    : // without no_new_privs a filter needs CAP_SYS_ADMIN, which the next steps may take away (seccomp(2))
      filterAt(context.filter, false, 'early')),
];

export const needsPrivateProc = (process: Process | undefined, sysctl: object | undefined): boolean =>
  Boolean(process?.apparmorProfile || process?.selinuxLabel || (sysctl && Object.keys(sysctl).length > 0));

/** From root in the container to the user's program, found but not yet executed. */
export function takeIdentity(context: ProcessContext, process: Process): Step[] {
  const env = environment([...(process.env ?? []), ...context.environment]);
  const home = variable(env, 'HOME');
  const args = process.args ?? [];
  if (!args[0]) throw new PlanError('/process/args', 'the first argument, the program, must not be empty');
  return [
    ...identitySteps(context, process),
    step('find_program', 'init', '/process/args/0', {
      home_of: home ? -1n : (process.user?.uid ?? 0),
      name: args[0],
      search_path: variable(env, 'PATH') ?? DEFAULT_PATH,
    }),
    ...filterAt(context.filter, process.noNewPrivileges, 'before record'),
  ];
}

/** The very end. A filter that may come this late binds as little of our own work as possible: write(2) and execve(2). */
export function executeSteps(context: ProcessContext, process: Process): Step[] {
  const env = environment([...(process.env ?? []), ...context.environment]).filter(
    entry => entry !== 'HOME=',
  );
  return [
    step('keep_descriptors', 'init', '', { mask: context.keepDescriptors }),
    ...filterAt(context.filter, process.noNewPrivileges, 'last'),
    step('exec', 'init', '/process/args', { args: process.args ?? [], env }),
  ];
}

export const processLimits = (process: Process, actor: 'host' | 'init'): Step[] =>
  rlimitSteps(process.rlimits ?? [], actor);

/** All CPUs that sched_setaffinity(2) can name: the cpuset of the cgroup decides. */
const EVERY_CPU = new Uint8Array(128).fill(0xff);

/** execCPUAffinity: what the process is born with, before it is in the container's cgroup. */
export const initialAffinity = (process: Process): Step[] => {
  const { initial } = process.execCPUAffinity ?? {};
  if (!initial) return [];
  const from = '/process/execCPUAffinity/initial';
  return [step('affinity', 'host', from, { cpus: parseList(initial, from) })];
};

/**
 * What it has from then on. Without a wish all CPUs of its cgroup: Linux 6.2 and later remember what our caller had set
 * for us, and would not widen it.
 */
export const finalAffinity = (process: Process | undefined): Step[] => {
  const { initial, final } = process?.execCPUAffinity ?? {};
  const from = '/process/execCPUAffinity/final';
  if (final) return [step('affinity', 'init', from, { cpus: parseList(final, from) })];
  return initial ? [] : [step('affinity', 'init', '', { cpus: EVERY_CPU }, ['EINVAL', 'EPERM'])];
};

/**
 * Written from outside, before init may have lost the privilege and joins a user namespace, where only root can reach it; its
 * children inherit it. A value that is so already needs no write.
 */
export function oomScore(process: Process | undefined, facts: Facts): Step[] {
  const wanted = process?.oomScoreAdj;
  if (wanted === undefined || wanted === facts.oomScoreAdj) return [];
  return [
    step('proc_write', 'host', '/process/oomScoreAdj', { file: 'oom_score_adj', value: String(wanted) }),
  ];
}

/** A session keyring of the container's own, which a process that joins later finds by its name. */
export const keyring = (id: string, process: Process | undefined): Step[] => [
  step('keyring', 'init', '', { name: `_ses.${id}`, label: process?.selinuxLabel ?? '' }, ['ENOSYS']),
];
