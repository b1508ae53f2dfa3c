/**
 * plan(spec, facts, options): everything that create and run will do, as data. A pure function: it reads no file, asks no
 * clock, and the same three inputs give the same plan on any machine.
 *
 * The order is the story of a container. Who does a step is written at it; hand-overs happen wherever that changes.
 */
import type { Compiled } from 'seccomp-bpf-ts';
import type { Hook, Process, Spec } from '../spec.js';
import { ALL_CAPABILITIES } from './capabilities.js';
import { deviceRules, makeCgroup, makeScopeCgroup } from './cgroup.js';
import { hasUserManager, madeLevels } from './cgroup-place.js';
import { type Context, makeContext } from './context.js';
import type { Facts, Options } from './facts.js';
import { type HookState, hookSteps } from './hooks.js';
import { containerGroups } from './id-maps.js';
import { joinClass, madeGroups, makeClass } from './intel-rdt.js';
import { checkNamespaces, enterNamespaces } from './namespaces.js';
import {
  beforeIdentity,
  executeSteps,
  finalAffinity,
  keyring,
  linuxProcessSteps,
  needsPrivateProc,
  oomScore,
  type ProcessContext,
  processLimits,
  takeIdentity,
} from './process.js';
import { buildRootfs, enterRootfs, namespaceSettings } from './rootfs.js';
import { makeFilter } from './seccomp.js';
import { DIRECTORY, meanwhile, SLOT, type Step, step } from './step.js';
import { sysctlSteps } from './sysctl.js';
import type { Scope } from './systemd.js';
import { connectConsole, consoleSteps, sendPidfd } from './terminal.js';

export interface Teardown {
  /** `path`: the cgroup, absolute; `mount`: where its hierarchy is; `remove`: directories made for it, deepest first */
  cgroup: { path: string; mount: string; remove: string[] } | null;
  /** the systemd unit, and whether it is the user's systemd that has it */
  unit?: { name: string; user: boolean };
  /** directories of resctrl */
  intelRdt?: string[];
  /** mounts on the host, for a container without a mount namespace */
  mounts?: string[];
  poststop: Hook[];
}

export interface Plan {
  steps: Step[];
  teardown: Teardown;
  /** the unit for the `scope` step, with --systemd-cgroup */
  scope: Scope | null;
  /** the compiled seccomp profile */
  filter: Compiled | null;
  /** what was decided and is no step: things left out, with the reason */
  notes: string[];
  /** those of them that are logged when the container is there */
  warnings: string[];
  /** absolute path of the rootfs on the host */
  rootfs: string;
}

function processSteps(
  context: Context,
  process: Process,
  processContext: ProcessContext,
  hooks: HookState,
): Step[] {
  const { spec, linux } = context;
  return [
    ...linuxProcessSteps(linux),
    ...processLimits(process, context.userNamespace ? 'host' : 'init'),
    ...beforeIdentity(processContext, process),
    ...takeIdentity(processContext, process),
    ...sendPidfd(context.options.pidfdSocket),
    step('record', 'runtime', '', {}),
    ...(context.options.start === 'later' ? [step('wait_for_start', 'init', '', { slot: SLOT.start })] : []),
    ...hookSteps(spec.hooks, 'startContainer', 'init', hooks, 'created'),
    ...executeSteps(processContext, process),
    ...(context.options.start === 'now' ? hookSteps(spec.hooks, 'poststart', 'host', hooks, 'running') : []),
  ];
}

/** A container without a process (config.md "Process" is only needed by start): set up, and waiting for what cannot come. */
const noProcess = (): Step[] => [
  step('record', 'runtime', '', {}),
  step('wait_for_start', 'init', '', { slot: SLOT.start }),
];

/** What is well-formed but not to be had: refused, or noted where the kernel has nothing like it any more. */
function checkSupport({ linux, notes }: Context): void {
  const { memory, network } = linux.resources ?? {};
  const ignored = [
    ...(['useHierarchy', 'kernel', 'kernelTCP'] as const)
      .filter(name => memory?.[name] !== undefined)
      .map(name => `memory/${name}`),
    ...(network?.classID !== undefined || network?.priorities ? ['network'] : []),
  ];
  for (const name of ignored)
    notes.push(`/linux/resources/${name} is ignored: cgroup v2 has nothing like it`);
  if (linux.personality?.flags?.length)
    notes.push('/linux/personality/flags are ignored: the specification defines none');
}

function makeTeardown(context: Context): Teardown {
  const { cgroup, facts, linux, options, scope, spec } = context;
  const remove = cgroup === null || scope !== null ? [] : madeLevels(facts.cgroup!, cgroup);
  return {
    cgroup: cgroup === null ? null : { path: cgroup, mount: facts.cgroup!.mount, remove },
    ...(scope === null ? {} : { unit: { name: scope.unit, user: hasUserManager(facts) } }),
    ...(linux.intelRdt ? { intelRdt: madeGroups(linux, facts, options.id) } : {}),
    ...(context.namespaces.has('mount') ? {} : { mounts: [context.rootfs] }),
    poststop: spec.hooks?.poststop ?? [],
  };
}

/** The steps of a `create` or `run`. Throws PlanError where this host cannot do what the configuration asks for. */
export function plan(spec: Spec, facts: Facts, options: Options): Plan {
  const context = makeContext(spec, facts, options);
  checkNamespaces(context);
  checkSupport(context);
  const { process, hooks, linux = {} } = spec;
  const hookState = { id: options.id, bundle: options.bundle, annotations: spec.annotations ?? {} };
  const processContext: ProcessContext = {
    facts,
    warnings: context.warnings,
    capabilities: context.userNamespace ? ALL_CAPABILITIES : facts.capabilities,
    groups: containerGroups(context),
    filter: makeFilter(linux.seccomp, facts, context.notes, hookState),
    keepDescriptors: options.keepDescriptors,
    environment: options.environment,
  };
  const steps: Step[] = [
    ...connectConsole(process, options.terminal),
    ...makeCgroup(context),
    ...makeClass(linux, facts, options.id),
    ...(options.start === 'later'
      ? [step('listen', 'host', '', { slot: SLOT.start, path: options.startSocket })]
      : []),
    ...enterNamespaces(
      context,
      [...makeScopeCgroup(context), ...joinClass(linux, facts, options.id), ...oomScore(process, facts)],
      [...deviceRules(context), meanwhile(step('draft', 'runtime', '', {}))],
    ),
    ...finalAffinity(undefined),
    step('new_session', 'init', '', {}),
    ...(options.noNewKeyring ? [] : keyring(options.id, process)),
    ...namespaceSettings(context),
    ...buildRootfs(context),
    ...hookSteps(hooks, 'prestart', 'host', hookState, 'created'),
    ...hookSteps(hooks, 'createRuntime', 'host', hookState, 'created'),
    ...hookSteps(hooks, 'createContainer', 'init', hookState, 'created'),
    ...(process
      ? [
          step('working_directory', 'init', '/process/cwd', { when: DIRECTORY.make, path: process.cwd }, [
            'EROFS',
          ]),
        ]
      : []),
    ...consoleSteps(process, facts, options.terminal, context.namespaces.has('mount')),
    ...enterRootfs(context),
    ...(needsPrivateProc(process, linux.sysctl)
      ? [step('private_proc', 'init', '', { slot: SLOT.proc })]
      : []),
    ...sysctlSteps(context),
    ...(process ? processSteps(context, process, processContext, hookState) : noProcess()),
  ];
  return {
    steps,
    teardown: makeTeardown(context),
    scope: context.scope,
    filter: processContext.filter.compiled,
    notes: [...context.notes, ...context.warnings],
    warnings: context.warnings,
    rootfs: context.rootfs,
  };
}
