/** Removing the cgroup of a container. */
import { native } from './host.js';
import { isNoCgroup, killCgroup } from './kill.js';
import { failure, isErrno, reason } from './report.js';

/** How long the processes of a cgroup may take to die, in milliseconds. */
const deathWait = 10_000;
/** The kernel may call a cgroup busy for a moment after its last process is gone. */
const busyTries = 100;
const busyPoll = 10;

/** Removes one directory; false when it is busy. Absence is success. */
function tryRemove(path: string): boolean {
  try {
    native.rmdir(path);
    return true;
  } catch (error) {
    if (isNoCgroup(error)) return true;
    if (isErrno(error, 'EBUSY', 'ENOTEMPTY')) return false;
    throw failure(`cannot remove cgroup ${path}: ${reason(error)}`);
  }
}

/** The pids in a cgroup and below it. */
export const cgroupProcesses = (path: string): number[] =>
  native.cgroupProcesses(path).split('\n').filter(Boolean).map(Number);

/** Tries again and again: whoever was in there may have gone on until all were killed. */
function removeBusy(path: string, remove: (path: string) => boolean): void {
  for (let tries = busyTries; !remove(path); tries--) {
    if (tries === 0) {
      const pids = cgroupProcesses(path).join(' ');
      throw failure(
        `cannot remove cgroup ${path}: ${pids === '' ? 'it is busy' : `it holds the processes ${pids}`}`,
      );
    }
    native.sleep(busyPoll);
  }
}

/** Kills all in a cgroup and waits for their death. */
function empty(path: string): void {
  if (!killCgroup(path) || native.waitCgroup(path, 'populated 0', deathWait)) return;
  const pids = cgroupProcesses(path).join(' ');
  throw failure(
    `cannot remove cgroup ${path}: the processes ${pids} are still there ${deathWait / 1000} seconds after SIGKILL`,
  );
}

/**
 * Removes what was made for a container's cgroup, after killing what is in it. `path` is the cgroup; `remove` are the
 * directories made for it, deepest first. Those above `path` may have got other users meanwhile: they stay then, for
 * good, because who found them there does not remove them (runc leaves all that are above). Can be repeated at any
 * time; throws a failure when processes do not die.
 */
export function removeCgroup({ path, remove }: { path: string; remove: string[] }): void {
  const isOurs = remove.includes(path);
  if (!isOurs || !tryRemove(path)) {
    if (native.lstat(path) !== null) {
      empty(path);
      removeBusy(path, native.removeCgroupsBelow);
      if (isOurs) removeBusy(path, tryRemove);
    }
  }
  for (const directory of remove) {
    if (directory !== path && !tryRemove(directory)) return;
  }
}
