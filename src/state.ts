/**
 * The state of a container: a directory `ROOT/ID`, mode 0700, with
 *
 * - `state.json`, the record below, always replaced as a whole (`state.json.new` until then);
 * - `config.json`, the bundle's configuration as it was at create;
 * - `start.sock`, there from create to start: init waits behind it.
 *
 * The directory itself is the lock (flock(2)). Who creates holds it until he exits, so a record that says `creating`
 * while the lock is free belongs to a creator that was killed.
 */
import { native } from './host.js';
import type { Teardown } from './plan/plan.js';
import { failure, isErrno, reason } from './report.js';
import { makeStateRoot } from './root-dir.js';
import type { Hook } from './spec.js';

export interface StateRecord {
  version: 1;
  id: string;
  /** absolute */
  bundle: string;
  /** absolute */
  rootfs: string;
  /** RFC 3339 with nanoseconds, UTC */
  created: string;
  /** effective user id of the creator */
  owner: number;
  /** what the creator wrote last; liveStatus() says what is true now */
  status: 'creating' | 'created';
  /** of the container's init; 0 until it is known */
  pid: number;
  /** of that process, in clock ticks since boot; 0 until it is known */
  startTime: number;
  annotations: { [key: string]: string };
  /** the container has a pid namespace of its own: the kernel kills all when init dies (pid_namespaces(7)) */
  pidNamespace: boolean;
  /** there is a program to execute: a container may be created without (config.md "Process") */
  program: boolean;
  /** under which the compiled seccomp profile is kept (filter-cache.ts) */
  filter?: string;
  /** hooks that `start` runs when the program has been executed */
  poststart: Hook[];
  /** all that delete has to undo, known before the first step of create */
  teardown: Teardown;
}

export type Status = 'creating' | 'created' | 'running' | 'paused' | 'stopped';

export const stateDirectory = (root: string, id: string): string => `${root}/${id}`;
export const startSocket = (directory: string): string => `${directory}/start.sock`;

/** How long delete and others wait for one who holds the lock. */
const lockWait = 10_000;
const lockPoll = 10;

/** Whether the descriptor still is the directory of that name, and not one that was removed meanwhile. */
function isStill(descriptor: number, directory: string): boolean {
  const held = native.stat(`/proc/self/fd/${descriptor}`);
  const named = native.stat(directory);
  return held !== null && named !== null && held.ino === named.ino && held.dev === named.dev;
}

/** Whether nobody else can have made the directory of that name, nor made that name a link to it. */
function isOurs(directory: string): boolean {
  const named = native.lstat(directory);
  return named !== null && named.kind === 'd' && named.uid === native.identity()[2];
}

/** Takes the lock, waiting up to `milliseconds`; -1 when another keeps it, null when there is no such directory. */
function takeLock(directory: string, milliseconds: number): number | null {
  for (let left = milliseconds; ; left -= lockPoll) {
    let descriptor: number;
    try {
      descriptor = native.lock(directory, false);
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR')) return null;
      throw error;
    }
    if (descriptor >= 0) {
      if (isStill(descriptor, directory)) return descriptor;
      native.close(descriptor);
    } else {
      if (left <= 0) return -1;
      native.sleep(lockPoll);
    }
  }
}

/**
 * Locks a container for changing it, until unlockState() or exit. Waits up to 10 seconds. Returns the lock, or null when
 * there is no such container.
 */
export function lockState(directory: string): number | null {
  const lock = takeLock(directory, lockWait);
  if (lock === -1)
    throw failure(`${directory} is locked: another runts works on this container for 10 seconds`);
  return lock;
}

/** Gives back what createState() or lockState() returned. */
export function unlockState(lock: number): void {
  native.close(lock);
}

/** Throws a failure when a container of that id is there. createState() has the last word; this is for a clear message. */
export function refuseTaken(root: string, id: string): void {
  if (native.lstat(`${stateDirectory(root, id)}/state.json`) !== null) throw exists();
}

const exists = () => failure('container with given ID already exists');

function tryMkdir(directory: string): boolean {
  try {
    native.mkdir(directory, 0o700);
    return true;
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false;
    throw error;
  }
}

/**
 * Makes the state directory and locks it. A directory of ours without state.json that nobody holds is what a killed
 * creator left. In a root that others can write to, what they put there instead must be neither emptied nor believed.
 */
function claimDirectory(root: string, directory: string): number {
  if (native.stat(root) === null) makeStateRoot(root);
  for (;;) {
    const isNew = tryMkdir(directory);
    const lock = takeLock(directory, 0);
    if (lock === null) continue;
    if (lock === -1) throw exists();
    if (isNew) return lock;
    if (native.lstat(`${directory}/state.json`) !== null || !isOurs(directory)) {
      native.close(lock);
      throw exists();
    }
    for (const name of native.list(directory)) native.removeTree(`${directory}/${name}`);
    return lock;
  }
}

/**
 * Makes the state of a new container and writes its first record. Returns the lock, which the caller holds until the
 * container is created. Throws a failure when the id is taken or the root cannot be written.
 */
export function createState(root: string, record: StateRecord): number {
  const directory = stateDirectory(root, record.id);
  let lock: number;
  try {
    lock = claimDirectory(root, directory);
  } catch (error) {
    if (!isErrno(error, 'EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'ENAMETOOLONG', 'ENOTDIR')) throw error;
    throw failure(`cannot make the state directory ${directory}: ${reason(error)}`, {
      hint: '--root or XDG_RUNTIME_DIR can name a directory that is yours',
    });
  }
  try {
    draftState(root, record);
    publishState(root, record.id);
  } catch (error) {
    native.removeTree(directory);
    throw error;
  }
  return lock;
}

const draftFile = (directory: string): string => `${directory}/state.json.new`;

/** Changes the state directory of a container; a disk that is full is a failure that says so. */
function writeState(root: string, id: string, write: (directory: string) => void): void {
  const directory = stateDirectory(root, id);
  try {
    write(directory);
  } catch (error) {
    throw failure(`cannot write the state of container ${id} to ${directory}: ${reason(error)}`);
  }
}

/** Keeps the configuration for later commands: the bundle's may change. */
export function keepConfig(root: string, id: string, text: string): void {
  writeState(root, id, directory => native.createFile(`${directory}/config.json`, text, 0o600));
}

/** Writes a record that counts from publishState() on. */
export function draftState(root: string, record: StateRecord): void {
  const text = JSON.stringify(record);
  writeState(root, record.id, directory => native.createFile(draftFile(directory), text, 0o600));
}

/** Puts what draftState() has written into its place: readers see the old record or the new one. */
export function publishState(root: string, id: string): void {
  writeState(root, id, directory => native.rename(draftFile(directory), `${directory}/state.json`));
}

/** The record of a container; throws a failure when there is none or it cannot be read. */
export function loadState(root: string, id: string): StateRecord {
  const file = `${stateDirectory(root, id)}/state.json`;
  let text: string;
  try {
    text = native.readText(file);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) throw failure('container does not exist');
    throw failure(`cannot read the state of container ${id}: open ${file}: ${reason(error)}`);
  }
  return parseState(text, id, file);
}

function parseState(text: string, id: string, file: string): StateRecord {
  const hint = 'runts delete --force removes it';
  let record: StateRecord;
  try {
    record = JSON.parse(text) as StateRecord;
  } catch {
    throw failure(`the state of container ${id} is damaged: ${file} is not JSON`, { hint });
  }
  if (record?.version !== 1) {
    throw failure(`the state of container ${id} is of another version: ${file} is not version 1`, { hint });
  }
  if (record.id !== id || typeof record.pid !== 'number' || typeof record.teardown !== 'object') {
    throw failure(`the state of container ${id} is damaged: ${file} lacks what it must hold`, { hint });
  }
  return record;
}

/** Whether the init process is there and not a zombie. A pid that was given to another process does not count. */
export function isAlive(record: StateRecord): boolean {
  if (record.pid <= 0) return false;
  const process = native.processState(record.pid);
  return process !== null && process[1] === record.startTime && process[0] !== 'Z' && process[0] !== 'X';
}

function isFrozen(cgroup: string): boolean {
  try {
    return native.readText(`${cgroup}/cgroup.freeze`).trim() === '1';
  } catch {
    return false; // gone, or the root cgroup, which cannot be frozen
  }
}

/**
 * What a container is doing now (runtime-spec, runtime.md, State). `locked` says that the caller holds the lock, so that
 * nobody can be creating it.
 */
export function liveStatus(record: StateRecord, directory: string, locked = false): Status {
  if (record.status === 'creating') {
    if (locked) return 'stopped';
    const lock = takeLock(directory, 0);
    if (lock === -1) return 'creating';
    if (lock !== null) native.close(lock);
    return 'stopped';
  }
  if (!isAlive(record)) return 'stopped';
  if (record.teardown.cgroup !== null && isFrozen(record.teardown.cgroup.path)) return 'paused';
  return native.lstat(startSocket(directory)) === null ? 'running' : 'created';
}
