/** `runts exec`: a further process in a running container. */
import { isSet, textOf, textsOf } from './args.js';
import { readProcess } from './bundle.js';
import type { CommandFunction, ParsedOptions } from './commands.js';
import { readExecFacts } from './facts.js';
import { recallFilter } from './filter-cache.js';
import { native } from './host.js';
import { checkId } from './id.js';
import { inherited } from './inherited.js';
import { parseJson } from './json.js';
import { writePidFile } from './pid-file.js';
import { CAPABILITIES } from './plan/capabilities.js';
import { cgroupOf } from './plan/cgroup-place.js';
import { type ExecOptions, execPlan } from './plan/exec-plan.js';
import { clean } from './plan/paths.js';
import { PlanError } from './plan/plan-error.js';
import { SLOT, type Step } from './plan/step.js';
import { debug, type Failure, failure, warn } from './report.js';
import { absolute, stateRoot } from './root-dir.js';
import type { Capabilities, Process, Spec, User } from './spec.js';
import { liveStatus, loadState, type StateRecord, stateDirectory } from './state.js';
import { terminalOption } from './terminal-option.js';
import { walk } from './walk.js';

/** Decimal digits and nothing else, within 32 bits: a name is never taken for a number (CVE-2016-3697). */
function parseId(text: string, what: string): number {
  const id = /^\d{1,10}$/.test(text) ? Number(text) : -1;
  if (id < 0 || id >= 0xffffffff) throw failure(`${what} "${text}" is not a number from 0 to 4294967294`);
  return id;
}

function parseUser(text: string, user: User): User {
  const [uid, gid, ...more] = text.split(':');
  if (more.length > 0) throw failure(`--user "${text}" is not UID or UID:GID`);
  return {
    ...user,
    uid: parseId(uid!, 'the user id'),
    ...(gid === undefined ? {} : { gid: parseId(gid, 'the group id') }),
  };
}

/** `--cap` adds to what lets a capability be used; never to the inheritable set (CVE-2022-29162). */
function addCapabilities(before: Capabilities | undefined, names: readonly string[]): Capabilities {
  for (const name of names) {
    if (!CAPABILITIES.includes(name))
      throw failure(`--cap "${name}" is not the name of a capability, like CAP_NET_ADMIN`);
  }
  const more = (set: string[] | undefined): string[] => [...new Set([...(set ?? []), ...names])];
  const inheritable = before?.inheritable ?? [];
  return {
    ...before,
    bounding: more(before?.bounding),
    effective: more(before?.effective),
    permitted: more(before?.permitted),
    ambient: [...(before?.ambient ?? []), ...names.filter(name => inheritable.includes(name))],
  };
}

/** The process of the command line: the container's own, with what the options change. */
function processFromOptions(base: Process | undefined, options: ParsedOptions, args: string[]): Process {
  if (args.length === 0) throw failure('exec needs a command, or --process with a file');
  const { consoleSize: _size, ...kept } = base ?? { cwd: '/' };
  const process: Process = { ...kept, args, terminal: isSet(options, 'tty') };
  const cwd = textOf(options, 'cwd');
  if (cwd !== undefined) {
    if (!cwd.startsWith('/')) throw failure(`--cwd "${cwd}" is not an absolute path`);
    process.cwd = cwd;
  }
  const env = textsOf(options, 'env');
  const bad = env.find(entry => entry.indexOf('=') < 1);
  if (bad !== undefined) throw failure(`--env "${bad}" is not NAME=VALUE`);
  process.env = [...(process.env ?? []), ...env];
  const user = textOf(options, 'user');
  if (user !== undefined) process.user = parseUser(user, process.user ?? {});
  const groups = textsOf(options, 'additional-gids').map(text => parseId(text, 'the group id'));
  if (groups.length > 0)
    process.user = { ...process.user, additionalGids: [...(process.user?.additionalGids ?? []), ...groups] };
  const label = textOf(options, 'process-label');
  if (label !== undefined) process.selinuxLabel = label;
  const profile = textOf(options, 'apparmor');
  if (profile !== undefined) process.apparmorProfile = profile;
  if (isSet(options, 'no-new-privs')) process.noNewPrivileges = true;
  const caps = textsOf(options, 'cap');
  if (caps.length > 0) process.capabilities = addCapabilities(process.capabilities, caps);
  return process;
}

/** What a process file may leave out to get it as the container's first process has it, as with runc. */
const inheritedProperties = ['capabilities', 'apparmorProfile', 'selinuxLabel', 'oomScoreAdj'] as const;

function withDefaults(process: Process, base: Process | undefined): Process {
  const merged: Process = { ...process };
  for (const key of inheritedProperties) {
    if (merged[key] === undefined && base?.[key] !== undefined) Object.assign(merged, { [key]: base[key] });
  }
  return merged;
}

function chooseCgroup(record: StateRecord, options: ParsedOptions): ExecOptions['cgroup'] {
  const { cgroup } = record.teardown;
  const wanted = textsOf(options, 'cgroup');
  if (cgroup === null) {
    if (wanted.length > 0) throw failure('--cgroup: the container has no cgroup');
    return null;
  }
  if (wanted.length > 1) throw failure('--cgroup can be given once: cgroup v2 has one hierarchy');
  const sub = wanted[0] ?? '';
  if (sub.split('/').includes('..')) throw failure(`--cgroup "${sub}" leads out of the container's cgroup`);
  const path = clean(`${cgroup.path}/${sub}`);
  if (sub !== '') return { path, fallback: path };
  const now = cgroupOf(native.readText(`/proc/${record.pid}/cgroup`));
  return { path, fallback: now === undefined ? path : clean(`${cgroup.mount}${now}`) };
}

const stopped = () => failure('cannot exec in a stopped container');

function checkStatus(record: StateRecord, directory: string, ignorePaused: boolean): void {
  const status = liveStatus(record, directory);
  if (status === 'stopped') throw stopped();
  if (status === 'creating') throw failure('cannot exec in a container that is still being created');
  if (status === 'paused' && !ignorePaused)
    throw failure('cannot exec in a paused container (use --ignore-paused to override)');
}

/** The option that says what an entry of config.json says for the container's first process. */
const optionOf: { readonly [pointer: string]: string } = {
  '/process/cwd': 'cwd',
  '/process/user': 'user',
  '/process/terminal': 'tty',
  '/process/capabilities': 'cap',
  '/process/apparmorProfile': 'apparmor',
  '/process/selinuxLabel': 'process-label',
  '/linux/cgroupsPath': 'cgroup',
};

/** Where to look for the mistake when what a step or a refusal names as its origin is not in config.json. */
function origin(from: string, options: ParsedOptions): string {
  const option = optionOf[from];
  if (option !== undefined && options[option] !== undefined) return `--${option}`;
  const inFile = textOf(options, 'process') !== undefined && from.startsWith('/process/');
  return inFile ? `--process: ${from.slice('/process'.length)}` : from;
}

/** How long the end of a container may take that has already killed the process that joined it, in milliseconds. */
const endWait = 1000;

/** Whether the container has ended while the process was being made. */
const hasEnded = ({ pid, startTime }: StateRecord, error: unknown): boolean =>
  native.waitExit(pid, startTime, (error as Failure).initDied ? endWait : 0);

const withOrigins = (steps: readonly Step[], options: ParsedOptions): Step[] =>
  steps.map(one => {
    const changed: Step = { ...one, from: origin(one.from, options) };
    if (one.else) changed.else = withOrigins(one.else, options);
    return changed;
  });

export const exec: CommandFunction = (context, options, positionals) => {
  const [id, ...args] = positionals as [string, ...string[]];
  checkId(id);
  const root = stateRoot(context.global.root);
  const directory = stateDirectory(root, id);
  const record = loadState(root, id);
  checkStatus(record, directory, isSet(options, 'ignore-paused'));
  const spec = parseJson(native.readText(`${directory}/config.json`)) as Spec;
  const file = textOf(options, 'process');
  const process =
    file === undefined
      ? processFromOptions(spec.process, options, args)
      : withDefaults(readProcess(file), spec.process);
  const detached = isSet(options, 'detach');
  const pidfdSocket = textOf(options, 'pidfd-socket');
  const execOptions: ExecOptions = {
    pid: record.pid,
    startTime: record.startTime,
    id,
    bundle: record.bundle,
    cgroup: chooseCgroup(record, options),
    terminal: terminalOption(options, process.terminal === true, detached),
    pidfdSocket: pidfdSocket === undefined ? null : absolute(pidfdSocket),
    ...inherited(options),
  };
  let pid = 0;
  if (!detached) native.holdSignals();
  try {
    const facts = readExecFacts(spec, process, record.pid, id);
    const filter = record.filter === undefined ? undefined : recallFilter(root, record.filter);
    if (filter !== undefined) facts.filter = filter;
    const { steps, notes, warnings } = execPlan(spec, process, facts, execOptions);
    for (const note of notes) debug(note);
    walk(context.global, withOrigins(steps, options), () => {
      pid = native.slot(SLOT.pid);
      writePidFile(options, pid);
    });
    warnings.forEach(warn);
  } catch (error) {
    if (hasEnded(record, error)) throw stopped(); // whatever failed, that is why
    if (!(error instanceof PlanError)) throw error;
    throw failure(new PlanError(origin(error.pointer, options), error.reason).message);
  }
  return detached ? 0 : native.supervise(pid, native.slot(SLOT.master));
};
