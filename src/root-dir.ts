/** The directory of the container states. */
import { native } from './host.js';
import { failure, isErrno, reason } from './report.js';

/** Whether this process is in a user namespace other than the first; that one maps all ids to themselves. */
function inUserNamespace(): boolean {
  return !/^\s*0\s+0\s+4294967295\s*$/.test(native.readText('/proc/self/uid_map'));
}

/**
 * $XDG_RUNTIME_DIR when it is to be used, else undefined. runc's rule: for whoever is not root, and for a root of a user
 * namespace unless USER says that he logged in as root there. Podman calls with and without USER for one container, and
 * gives the root of the first namespace an empty XDG_RUNTIME_DIR, which counts as none.
 */
function runtimeDirectory(): string | undefined {
  const directory = native.env('XDG_RUNTIME_DIR');
  if (directory === undefined || directory === '') return undefined;
  if (native.identity()[2] !== 0) return directory;
  return native.env('USER') !== 'root' && inUserNamespace() ? directory : undefined;
}

function currentDirectory(): string {
  try {
    return native.cwd();
  } catch (error) {
    if (isErrno(error, 'ENOENT')) throw failure('the current directory has been removed');
    throw isErrno(error, 'EILSEQ') ? failure('the path of the current directory is not valid UTF-8') : error;
  }
}

/** An absolute path without `.`, `..`, and double slashes, by its letters alone (Go's filepath.Abs). */
export function absolute(path: string): string {
  const names: string[] = [];
  for (const name of (path[0] === '/' ? path : `${currentDirectory()}/${path}`).split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return `/${names.join('/')}`;
}

/** The state root as an absolute path; `given` is the value of `--root`. Nothing is made. */
export function stateRoot(given: string | undefined): string {
  if (given === undefined) {
    const runtime = runtimeDirectory();
    return runtime === undefined ? '/run/runts' : absolute(`${runtime}/runts`);
  }
  const root = absolute(given);
  if (root === '/') throw failure('the state directory (--root) cannot be /');
  return root;
}

function makeParents(path: string): void {
  const parent = path.slice(0, path.lastIndexOf('/'));
  if (parent !== '' && native.stat(parent) === null) {
    makeParents(parent);
    makeDirectory(parent);
  }
}

function makeDirectory(path: string): void {
  try {
    native.mkdir(path, 0o700);
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
  }
}

/** Makes the state root and what is above it, mode 0700. Throws a failure when that is not allowed. */
export function makeStateRoot(root: string): void {
  try {
    makeParents(root);
    makeDirectory(root);
    // The XDG base directory specification has files in there removed when they are old, unless they are sticky.
    if (root === `${runtimeDirectory()}/runts`) native.chmod(root, 0o1700);
  } catch (error) {
    throw failure(`cannot make the state directory ${root}: ${reason(error)}`, {
      hint: '--root or XDG_RUNTIME_DIR can name a directory that is yours',
    });
  }
}
