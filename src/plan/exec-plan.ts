/** execPlan(...): a further process in a running container. The same kind of list, only shorter; pure like plan(). */
import type { NamespaceType, Process, Spec } from '../spec.js';
import { ALL_CAPABILITIES } from './capabilities.js';
import type { Facts } from './facts.js';
import { becomeRoot, groupsOf } from './id-maps.js';
import { joinClass } from './intel-rdt.js';
import { CLONE } from './namespaces.js';
import { absolute } from './paths.js';
import {
  beforeIdentity,
  executeSteps,
  finalAffinity,
  initialAffinity,
  keyring,
  linuxProcessSteps,
  needsPrivateProc,
  oomScore,
  type ProcessContext,
  processLimits,
  takeIdentity,
} from './process.js';
import { makeFilter } from './seccomp.js';
import { SLOT, type Step, step } from './step.js';
import { connectConsole, consoleSteps, sendPidfd, type Terminal } from './terminal.js';

export interface ExecOptions {
  /** of the container's init */
  pid: number;
  /** of that process, in clock ticks since boot: its pid may be another's by now */
  startTime: number;
  id: string;
  /** absolute path of the container's bundle */
  bundle: string;
  /** absolute path of the cgroup to be born in, and where init is now in case that one has become an inner node; null: none */
  cgroup: { path: string; fallback: string } | null;
  terminal: Terminal;
  pidfdSocket: string | null;
  keepDescriptors: bigint;
  environment: readonly string[];
}

/** A namespace that the container shares with the host is ours already. */
function namespaceFlags(spec: Spec, facts: Facts): number {
  let flags = 0;
  for (const { type, path } of spec.linux?.namespaces ?? []) {
    if (type === 'user' && path && facts.namespaces[path]?.same) continue; // EINVAL, unlike the other types (setns(2))
    flags |= CLONE[type as NamespaceType];
  }
  return flags;
}

function birth(spec: Spec, options: ExecOptions): Step[] {
  const clone = (cgroup: number): Step => step('clone', 'host', '', { flags: 0, cgroup });
  if (options.cgroup === null) return [clone(SLOT.none)];
  const from = spec.linux?.cgroupsPath ? '/linux/cgroupsPath' : '';
  const open = (path: string): Step => step('cgroup_open', 'host', from, { slot: SLOT.cgroup, path });
  // EBUSY: the container has made cgroups below its own, which then may hold no processes (cgroup-v2.rst, "No Internal
  // Process Constraint"): the new process joins its init
  const { path, fallback } = options.cgroup;
  const otherwise = [open(fallback), clone(SLOT.cgroup)];
  return [open(path), step('clone', 'host', '', { flags: 0, cgroup: SLOT.cgroup }, ['EBUSY'], otherwise)];
}

/** A container without a mount namespace has its root by chroot(2), which joining namespaces does not bring along. */
function enterRoot(spec: Spec, flags: number, bundle: string): Step[] {
  if (flags & CLONE.mount) return [];
  const path = absolute(bundle, spec.root?.path ?? 'rootfs');
  return [
    step('root', 'init', '/root/path', { private_parent: 0, bind: 0, path }),
    step('change_root', 'init', '/root/path', {}),
  ];
}

/** The steps of an `exec`: a process of its own in the namespaces of a container. Throws PlanError. */
export function execPlan(
  spec: Spec,
  process: Process,
  facts: Facts,
  options: ExecOptions,
): { steps: Step[]; notes: string[]; warnings: string[] } {
  const notes: string[] = [];
  const warnings: string[] = [];
  const flags = namespaceFlags(spec, facts);
  const inUser = (flags & CLONE.user) !== 0;
  const context: ProcessContext = {
    facts,
    warnings,
    capabilities: inUser ? ALL_CAPABILITIES : facts.capabilities,
    groups: groupsOf(facts, inUser ? spec.linux?.gidMappings : undefined, inUser),
    filter: makeFilter(
      spec.linux?.seccomp,
      facts,
      notes,
      { id: options.id, bundle: options.bundle, annotations: spec.annotations ?? {} },
      options.pid,
    ),
    keepDescriptors: options.keepDescriptors,
    environment: options.environment,
  };
  const steps: Step[] = [
    ...connectConsole(process, options.terminal),
    ...initialAffinity(process),
    step('open_process', 'host', '', {
      slot: SLOT.process,
      pid: options.pid,
      start_time: options.startTime,
    }),
    ...birth(spec, options),
    ...joinClass(spec.linux ?? {}, facts, options.id),
    ...oomScore(process, facts),
    ...(flags !== 0 ? [step('join', 'init', '/linux/namespaces', { slot: SLOT.process, types: flags })] : []),
    ...(inUser ? becomeRoot(spec.linux ?? {}) : []),
    ...(flags & CLONE.pid ? [step('refork', 'init', '/linux/namespaces', { flags: 0 })] : []),
    ...enterRoot(spec, flags, options.bundle),
    ...finalAffinity(process),
    step('new_session', 'init', '', {}),
    ...keyring(options.id, process),
    ...consoleSteps(process, facts, options.terminal, false),
    ...(needsPrivateProc(process, undefined) ? [step('private_proc', 'init', '', { slot: SLOT.proc })] : []),
    ...linuxProcessSteps(spec.linux ?? {}),
    ...processLimits(process, inUser ? 'host' : 'init'),
    ...beforeIdentity(context, process),
    ...takeIdentity(context, process),
    ...sendPidfd(options.pidfdSocket),
    step('record', 'runtime', '', {}),
    ...executeSteps(context, process),
  ];
  return { steps, notes, warnings };
}
