/** config-linux.md "Control groups": where the container's cgroup is. */
import type { Spec } from '../spec.js';
import type { CgroupFacts, Facts, Options } from './facts.js';
import { clean, parent, within } from './paths.js';
import { PlanError } from './plan-error.js';
import { resourceFiles } from './resources.js';
import { makeScope, type Scope } from './systemd.js';

/** The cgroup v2 line of a /proc/PID/cgroup (cgroups(7)): the path below the mount. */
export const cgroupOf = (text: string): string | undefined => /^0::(.*)$/m.exec(text)?.[1];

/**
 * The container's cgroup, relative to the mount: cgroupsPath below the root when it is absolute, else below the parent of
 * our own cgroup (ours has processes, so it could not have controllers for children), by default named after the id.
 */
export function cgroupPath(spec: Spec, own: string, id: string): string {
  const wanted = spec.linux?.cgroupsPath ?? '';
  return wanted.startsWith('/') ? clean(wanted) : clean(`${parent(own)}/${wanted || id}`);
}

/** Whether it is the user's systemd that makes our scopes, not the system's. */
export const hasUserManager = (facts: Facts): boolean => facts.euid !== 0 || !facts.initialUserNamespace;

/** With --systemd-cgroup: the unit to start. */
export function chooseScope(spec: Spec, facts: Facts, options: Options): Scope | null {
  if (options.cgroupManager !== 'systemd') return null;
  return makeScope({
    id: options.id,
    cgroupsPath: spec.linux?.cgroupsPath,
    resources: spec.linux?.resources,
    annotations: spec.annotations ?? {},
    user: hasUserManager(facts),
  });
}

/**
 * Where the manager keeps its units: a user's below its own cgroup. Ours lies in it, or beside it in a session of the same
 * user (systemd's user@.service is always in the slice of its user), or has nothing to do with it (su, a system service).
 */
function managerCgroup(facts: Facts, own: string): string {
  if (!hasUserManager(facts)) return '';
  const within = /^(.*\/user@\d+\.service)(\/|$)/.exec(own)?.[1];
  if (within !== undefined) return within;
  const [, slice, owner] = /^(.*\/user-(\d+)\.slice)(?:\/|$)/.exec(own) ?? [];
  if (slice !== undefined) return `${slice}/user@${owner}.service`;
  const user = facts.euid;
  if (facts.initialUserNamespace) return `/user.slice/user-${user}.slice/user@${user}.service`;
  throw new PlanError(
    '/linux/cgroupsPath',
    `the systemd cgroup manager needs a login session: this process is in ${own}, not below user-UID.slice`,
  );
}

/** Who is root on the host may reach every device; in a user namespace the kernel lets nobody make nodes anyway. */
const needsDeviceFilter = (spec: Spec, facts: Facts): boolean =>
  facts.euid === 0 && facts.initialUserNamespace && (spec.linux?.resources?.devices ?? []).length > 0;

/** Absolute path of the cgroup, or null when the container shall have none. */
export function chooseCgroup(
  spec: Spec,
  facts: Facts,
  options: Options,
  scope: Scope | null,
  notes: string[],
): string | null {
  if (options.cgroupManager === 'disabled') return null;
  if (scope && facts.cgroup)
    return clean(`${facts.cgroup.mount}${managerCgroup(facts, facts.cgroup.own)}${scope.path}`);
  const asked =
    Boolean(spec.linux?.cgroupsPath) ||
    resourceFiles(spec.linux?.resources).length > 0 ||
    needsDeviceFilter(spec, facts);
  const from = spec.linux?.cgroupsPath ? '/linux/cgroupsPath' : '/linux/resources';
  if (!facts.cgroup) {
    if (asked) throw new PlanError(from, 'cgroup v2 is not mounted on this host');
    return null;
  }
  if (!facts.cgroup.writable) {
    if (!asked) {
      notes.push('the container has no cgroup of its own: this user may not make one');
      return null;
    }
    throw new PlanError(
      from,
      'this user may not make cgroups here; without root that takes a delegated cgroup (systemd: a user service with Delegate=yes)',
    );
  }
  const path = cgroupPath(spec, facts.cgroup.own, options.id);
  if (path === '/') throw new PlanError('/linux/cgroupsPath', 'the container cannot live in the root cgroup');
  return clean(`${facts.cgroup.mount}${path}`);
}

/** Directories from the mount down to the cgroup, the mount first. */
export function levels(mount: string, cgroup: string): string[] {
  const list = [];
  for (let path = cgroup; within(path, mount); path = parent(path)) {
    list.unshift(path);
    if (path === mount) break;
  }
  return list;
}

/** The directories that we make, deepest first: what delete removes. */
export const madeLevels = (facts: CgroupFacts, cgroup: string): string[] =>
  levels(facts.mount, cgroup)
    .filter(path => !Object.hasOwn(facts.levels, path))
    .reverse();
