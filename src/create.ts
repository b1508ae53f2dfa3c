/** `create` and `run`: from a bundle to a container. The plan says how; here is what surrounds it. */
import { isSet, textOf } from './args.js';
import { type Bundle, readBundle } from './bundle.js';
import type { CommandFunction, Context, ParsedOptions } from './commands.js';
import { destroy } from './delete.js';
import { readFacts } from './facts.js';
import { filterKey, keepFilter, recallFilter } from './filter-cache.js';
import { load, native } from './host.js';
import { checkId } from './id.js';
import { inherited } from './inherited.js';
import { writePidFile } from './pid-file.js';
import { cgroupOf } from './plan/cgroup-place.js';
import type { Options } from './plan/facts.js';
import { absolute as absoluteIn } from './plan/paths.js';
import { type Plan, plan } from './plan/plan.js';
import { PlanError } from './plan/plan-error.js';
import { SLOT } from './plan/step.js';
import type { Scope } from './plan/systemd.js';
import { debug, failure, reason, warn } from './report.js';
import { rfc3339 } from './rfc3339.js';
import { absolute, stateRoot } from './root-dir.js';
import type { Spec } from './spec.js';
import {
  createState,
  draftState,
  keepConfig,
  loadState,
  lockState,
  publishState,
  refuseTaken,
  type StateRecord,
  startSocket,
  stateDirectory,
  unlockState,
} from './state.js';
import { terminalOption } from './terminal-option.js';
import { walk } from './walk.js';

function planOptions(
  context: Context,
  options: ParsedOptions,
  id: string,
  bundle: Bundle,
  root: string,
): Options {
  // a plan can be looked at before there is a socket for the terminal
  const looks = context.command === 'plan' && textOf(options, 'console-socket') === undefined;
  const detached = !looks && (context.command !== 'run' || isSet(options, 'detach'));
  const pidfdSocket = textOf(options, 'pidfd-socket');
  return {
    id,
    bundle: bundle.directory,
    startSocket: startSocket(stateDirectory(root, id)),
    start: context.command === 'run' ? 'now' : 'later',
    terminal: terminalOption(options, bundle.spec.process?.terminal === true, detached),
    pidfdSocket: pidfdSocket === undefined ? null : absolute(pidfdSocket),
    noPivot: isSet(options, 'no-pivot'),
    noNewKeyring: isSet(options, 'no-new-keyring'),
    ...inherited(options),
    cgroupManager: context.global.cgroupManager,
  };
}

interface Planned {
  plan: Plan;
  /** under which the compiled seccomp profile is kept */
  filterKey?: string | undefined;
  /** it was kept already */
  isKept: boolean;
}

/** The plan for what the command line asks; the planner's refusals become failures that name the file. */
function makePlan(
  context: Context,
  options: ParsedOptions,
  id: string,
  bundle: Bundle,
  root: string,
): Planned {
  if (context.command === 'run' && !bundle.spec.process)
    throw failure(`${bundle.file}: run needs a process, and there is none in the configuration`);
  const rootfs = absoluteIn(bundle.directory, bundle.spec.root?.path ?? '');
  if (native.stat(rootfs)?.kind !== 'd')
    throw failure(`${bundle.file}: /root/path: ${rootfs} is not a directory`);
  const facts = readFacts(bundle.spec, id);
  const { seccomp } = bundle.spec.linux ?? {};
  const key = seccomp && filterKey(seccomp, facts.architecture);
  const filter = key === undefined ? undefined : recallFilter(root, key);
  if (filter !== undefined) facts.filter = filter;
  try {
    const made = plan(bundle.spec, facts, planOptions(context, options, id, bundle, root));
    return { plan: made, filterKey: key, isKept: filter !== undefined };
  } catch (error) {
    if (error instanceof PlanError) throw failure(`${bundle.file}: ${error.message}`);
    throw error;
  }
}

function newRecord(id: string, bundle: Bundle, { plan: made, filterKey: key }: Planned): StateRecord {
  return {
    version: 1,
    id,
    bundle: bundle.directory,
    rootfs: made.rootfs,
    created: rfc3339(native.clock()),
    owner: native.identity()[2],
    status: 'creating',
    pid: 0,
    startTime: 0,
    annotations: bundle.spec.annotations ?? {},
    pidNamespace: (bundle.spec.linux?.namespaces ?? []).some(
      namespace => namespace.type === 'pid' && !namespace.path,
    ),
    program: bundle.spec.process !== undefined,
    poststart: bundle.spec.hooks?.poststart ?? [],
    ...(key === undefined ? {} : { filter: key }),
    teardown: made.teardown,
  };
}

/** What the state directory shall hold, while init is still at work. */
function draftRecord(
  root: string,
  record: StateRecord,
  { plan: { filter }, isKept }: Planned,
  config: string,
): void {
  keepConfig(root, record.id, config);
  record.pid = native.slot(SLOT.pid);
  record.startTime = native.processState(record.pid)?.[1] ?? 0;
  draftState(root, { ...record, status: 'created' });
  if (filter !== null && record.filter !== undefined && !isKept) keepFilter(root, record.filter, filter);
}

/** Init is ready: from now on the record says which process it is, and init outlives us. */
function writeRecord(root: string, record: StateRecord, options: ParsedOptions): void {
  writePidFile(options, record.pid);
  record.status = 'created';
  publishState(root, record.id);
}

interface Systemd {
  startScope(scope: Scope, pid: number, user: boolean): string | undefined;
}

/** systemd says that it is done; the kernel says whether it is so. */
function putInScope({ scope, teardown }: Plan, record: StateRecord): void {
  const pid = native.slot(SLOT.pid);
  const refusal = load<Systemd>('systemd').startScope(scope!, pid, teardown.unit!.user);
  if (refusal !== undefined) {
    // a scope of this name, if there is one, is another container's
    const { unit, ...rest } = teardown;
    record.teardown = { ...rest, cgroup: null };
    throw failure(refusal);
  }
  const { mount, path } = teardown.cgroup!;
  const now = cgroupOf(native.readText(`/proc/${pid}/cgroup`));
  if (`${mount}${now}` !== path)
    throw failure(
      `systemd has put the container into the cgroup ${now}, not into ${path.slice(mount.length)}`,
    );
}

function undo(record: StateRecord, directory: string, pidFile: string | undefined): void {
  try {
    destroy(record, directory);
    if (record.status === 'created' && pidFile !== undefined) native.unlink(pidFile);
  } catch (error) {
    debug(`clean-up after the failure: ${reason(error)}`); // the first error is the one to tell
  }
}

/** What another create of that id has made meanwhile, its cgroup above all, may be what the planner objects to. */
function planUnlessTaken(...of: Parameters<typeof makePlan>): ReturnType<typeof makePlan> {
  try {
    return makePlan(...of);
  } catch (error) {
    const [, , id, , root] = of;
    refuseTaken(root, id);
    throw error;
  }
}

/** A network namespace that belongs to our own user namespace. */
function makesNetwork({ linux }: Spec): boolean {
  const namespaces = linux?.namespaces ?? [];
  return (
    namespaces.some(({ type, path }) => type === 'network' && !path) &&
    !namespaces.some(({ type }) => type === 'user')
  );
}

function makeContainer(context: Context, options: ParsedOptions, id: string): StateRecord {
  checkId(id);
  const root = stateRoot(context.global.root);
  refuseTaken(root, id);
  const bundle = readBundle(options);
  if (makesNetwork(bundle.spec)) native.prepareNetwork();
  const planned = planUnlessTaken(context, options, id, bundle, root);
  const made = planned.plan;
  for (const note of made.notes) debug(note);
  const record = newRecord(id, bundle, planned);
  const directory = stateDirectory(root, id);
  const lock = createState(root, record);
  try {
    walk(context.global, made.steps, one => {
      if (one.kind === 'scope') putInScope(made, record);
      else if (one.kind === 'draft') draftRecord(root, record, planned, bundle.text);
      else writeRecord(root, record, options);
    });
  } catch (error) {
    undo(record, directory, textOf(options, 'pid-file'));
    throw error;
  }
  unlockState(lock);
  made.warnings.forEach(warn);
  return record;
}

export const create: CommandFunction = (context, options, positionals) => {
  makeContainer(context, options, positionals[0]!);
  return 0;
};

/** The container has ended in the foreground: it is deleted, unless another was faster. */
function deleteEnded(root: string, record: StateRecord): void {
  const directory = stateDirectory(root, record.id);
  const lock = lockState(directory);
  if (lock === null) return;
  if (loadState(root, record.id).pid === record.pid) destroy(record, directory);
  unlockState(lock);
}

export const run: CommandFunction = (context, options, positionals) => {
  if (!isSet(options, 'detach')) native.holdSignals();
  const record = makeContainer(context, options, positionals[0]!);
  if (isSet(options, 'detach')) return 0;
  const status = native.supervise(record.pid, native.slot(SLOT.master));
  if (!isSet(options, 'keep')) deleteEnded(stateRoot(context.global.root), record);
  return status;
};

interface Cold {
  printPlan(made: Plan, json: boolean): number;
}

/** `runts plan`: everything but the doing. */
export const planCommand: CommandFunction = (context, options, positionals) => {
  const id = positionals[0] ?? 'container';
  checkId(id);
  const bundle = readBundle(options);
  const root = stateRoot(context.global.root);
  const { plan: made } = makePlan(context, options, id, bundle, root);
  return load<Cold>('cold').printPlan(made, isSet(options, 'json'));
};
