/** sysctl(8): which file a parameter is, and which namespace it belongs to. */
import type { NamespaceType } from '../spec.js';

/**
 * The file below /proc/sys. `a.b/c` and `a/b.c` name the same one: the separator that comes first separates, the other one
 * stands for a dot in a name (sysctl.d(5)).
 */
export function sysctlPath(key: string): string {
  const separator = /[./]/.exec(key)?.[0] ?? '.';
  return separator === '/' ? key : key.replace(/[./]/g, found => (found === '.' ? '/' : '.'));
}

const IPC = /^kernel\/(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)$|^fs\/mqueue\//;

/** The namespace that has the parameter in this file for itself; undefined when it is the whole machine's. */
export function sysctlNamespace(path: string): NamespaceType | undefined {
  if (IPC.test(path)) return 'ipc';
  if (path.startsWith('net/')) return 'network';
  if (path.startsWith('user/')) return 'user';
  return path === 'kernel/domainname' ? 'uts' : undefined;
}
