/** `runts kill CONTAINER [SIGNAL]`. */
import { isSet } from './args.js';
import type { CommandFunction } from './commands.js';
import { native } from './host.js';
import { checkId } from './id.js';
import { failure, isErrno } from './report.js';
import { stateRoot } from './root-dir.js';
import { parseSignal, SIGKILL } from './signals.js';
import { loadState, type StateRecord } from './state.js';

/**
 * Sends a signal to init; false when it is not there. No pid that was reused is ever hit, and SIGKILL needs no thawing:
 * a frozen cgroup v2 lets its processes die (cgroup-v2.rst, cgroup.freeze).
 */
export function signalInit(record: StateRecord, signal: number): boolean {
  return record.pid > 0 && native.signal(record.pid, record.startTime, signal);
}

/** What the kernel says of a cgroup that is not there, was just removed, or could never be made under that name. */
export const isNoCgroup = (error: unknown): boolean =>
  isErrno(error, 'ENOENT', 'ENODEV', 'ENOTDIR', 'ENAMETOOLONG');

/** Kills every process in a cgroup and below; false when the cgroup is not there. */
export function killCgroup(path: string): boolean {
  try {
    native.writeFile(`${path}/cgroup.kill`, '1');
    return true;
  } catch (error) {
    if (isNoCgroup(error)) return false;
    throw error;
  }
}

/** Without a pid namespace of its own, killing init leaves the others: all of the cgroup have to be killed. */
function send(record: StateRecord, signal: number): boolean {
  const { cgroup } = record.teardown;
  if (signal !== SIGKILL || record.pidNamespace || cgroup === null) return signalInit(record, signal);
  const killed = killCgroup(cgroup.path);
  return signalInit(record, signal) || killed;
}

export const kill: CommandFunction = ({ global }, options, positionals) => {
  const id = positionals[0]!;
  checkId(id);
  const signal = parseSignal(positionals[1] || 'TERM');
  const record = loadState(stateRoot(global.root), id);
  if (!send(record, signal) && !isSet(options, 'all')) throw failure('container not running');
  return 0;
};
