/** `runts delete [--force] CONTAINER`: undoes what create has recorded. Can be interrupted anywhere and repeated. */
import { isSet } from './args.js';
import { removeCgroup } from './cgroup-remove.js';
import type { CommandFunction } from './commands.js';
import { load, native } from './host.js';
import { checkId } from './id.js';
import { signalInit } from './kill.js';
import { debug, failure, isErrno, messageOf, reason } from './report.js';
import { stateRoot } from './root-dir.js';
import { SIGKILL } from './signals.js';
import { liveStatus, loadState, lockState, type StateRecord, stateDirectory, unlockState } from './state.js';

/** How long init may take to die, in milliseconds. */
const deathWait = 10_000;

/** Kills init and waits for its end; with its own pid namespace, that is the end of all. */
function killInit(record: StateRecord): void {
  if (!signalInit(record, SIGKILL) || native.waitExit(record.pid, record.startTime, deathWait)) return;
  throw failure(
    `cannot delete container ${record.id}: process ${record.pid} is still there ${deathWait / 1000} seconds after SIGKILL`,
  );
}

function removeResctrl(directory: string): void {
  try {
    native.rmdir(directory);
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw failure(`cannot remove ${directory}: ${reason(error)}`);
  }
}

function detach(path: string): void {
  try {
    native.detachMount(path);
  } catch (error) {
    if (!isErrno(error, 'EINVAL', 'ENOENT')) throw failure(`cannot unmount ${path}: ${reason(error)}`);
  }
}

/** Undoes all of the teardown; the state directory goes last, so that an interrupted delete can be repeated. */
export function destroy(record: StateRecord, directory: string): void {
  const { cgroup, intelRdt, mounts, poststop, unit } = record.teardown;
  if (cgroup !== null) removeCgroup(cgroup);
  // an empty scope goes by itself, and one that never came needs no systemd
  if (unit && cgroup !== null && native.stat(cgroup.path) !== null) {
    load<{ stopUnit(name: string, user: boolean): void }>('systemd').stopUnit(unit.name, unit.user);
  }
  intelRdt?.forEach(removeResctrl);
  mounts?.forEach(detach);
  if (poststop.length > 0) load<{ runPoststop(record: StateRecord): void }>('create').runPoststop(record);
  native.removeTree(directory);
}

/** The record; with force, null when there is none that makes sense. */
function loadOrNull(root: string, id: string, force: boolean): StateRecord | null {
  try {
    return loadState(root, id);
  } catch (error) {
    if (!force) throw error;
    debug(`container ${id}: ${messageOf(error)}; only its state directory is removed`);
    return null;
  }
}

/**
 * Deletes a container whose lock the caller holds. Throws a failure when it runs and force is not given; a created one
 * is killed without, as runc does.
 */
function deleteLocked(root: string, id: string, force: boolean): void {
  const directory = stateDirectory(root, id);
  const record = loadOrNull(root, id, force);
  if (record === null) {
    native.removeTree(directory);
    return;
  }
  const status = liveStatus(record, directory, true);
  if (!force && (status === 'running' || status === 'paused')) {
    throw failure(`cannot delete container ${id} that is not stopped: ${status}`);
  }
  killInit(record);
  destroy(record, directory);
}

const deleteCommand: CommandFunction = ({ global }, options, positionals) => {
  const id = positionals[0]!;
  checkId(id);
  const force = isSet(options, 'force');
  const root = stateRoot(global.root);
  const lock = lockState(stateDirectory(root, id));
  if (lock === null) {
    if (force) return 0;
    throw failure('container does not exist');
  }
  deleteLocked(root, id, force);
  unlockState(lock);
  return 0;
};

export { deleteCommand as delete };
