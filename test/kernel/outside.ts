/** Looking at the machine from outside the containers: processes, mounts, cgroups. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

function readOr(path: string, otherwise = ''): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise; // gone meanwhile, or not ours to read
  }
}

function linkOr(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** Where cgroup v2 is mounted; undefined when it is not. */
export function cgroupMount(): string | undefined {
  return /^(?:\S+ ){4}(\S+) .* - cgroup2 /m.exec(readFileSync('/proc/self/mountinfo', 'utf8'))?.[1];
}

/** All pids of this pid namespace. */
const pids = (): number[] =>
  readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number);

/** A line of /proc/PID/status. */
export const statusLine = (pid: number | string, key: string): string | undefined =>
  new RegExp(`^${key}:\\s*(.*)$`, 'm').exec(readOr(`/proc/${pid}/status`))?.[1];

/** Not there any more, or a zombie that its parent has not waited for. */
export const isGone = (pid: number): boolean => (statusLine(pid, 'State') ?? 'Z').startsWith('Z');

/** The children of a process. */
export const childrenOf = (pid: number): number[] =>
  pids().filter(one => statusLine(one, 'PPid') === String(pid));

/** The inode of a namespace, as `ls -l /proc/PID/ns` prints it: `pid:[4026531836]`. */
export const namespaceOf = (pid: number | string, name: string): string => linkOr(`/proc/${pid}/ns/${name}`);

/** The cgroup v2 path of a process, below the mount. */
export const cgroupOf = (pid: number | string): string | undefined =>
  /^0::(.*)$/m.exec(readOr(`/proc/${pid}/cgroup`))?.[1];

/** Living processes that have to do with a token: in their cgroup, environment, command line, directory or root. */
function processesOf(token: string): string[] {
  return pids()
    .filter(pid => pid !== process.pid && !isGone(pid))
    .filter(pid =>
      [
        readOr(`/proc/${pid}/cgroup`),
        readOr(`/proc/${pid}/environ`),
        readOr(`/proc/${pid}/cmdline`),
        linkOr(`/proc/${pid}/cwd`),
        linkOr(`/proc/${pid}/root`),
        readOr(`/proc/${pid}/mountinfo`),
      ].some(text => text.includes(token)),
    )
    .map(pid => `process ${pid}: ${readOr(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}`);
}

function cgroupsOf(token: string, directory: string): string[] {
  let entries: string[];
  try {
    entries = readdirSync(directory, { withFileTypes: true })
      .filter(entry => entry.isDirectory())
      .map(entry => `${directory}/${entry.name}`);
  } catch {
    return [];
  }
  return entries.flatMap(path =>
    path.includes(token) ? [`cgroup ${path}`, ...cgroupsOf(token, path)] : cgroupsOf(token, path),
  );
}

const mountsOf = (token: string): string[] =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter(line => line.includes(token))
    .map(line => `mount ${line}`);

function stateOf(root: string): string[] {
  try {
    return readdirSync(root)
      .filter(name => name !== '.filters') // compiled profiles, kept for the next container
      .map(name => `state ${root}/${name}`);
  } catch {
    return [];
  }
}

/** Everything that a test with this token and this state root has left behind. */
export function leftovers(token: string, root: string): string[] {
  const mount = cgroupMount();
  return [
    ...processesOf(token),
    ...mountsOf(token),
    ...(mount === undefined ? [] : cgroupsOf(token, mount)),
    ...stateOf(root),
  ];
}
