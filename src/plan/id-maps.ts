/** config-linux.md "User namespace mappings". */
import type { IdMapping, Linux } from '../spec.js';
import { type Context, isNew } from './context.js';
import type { Facts } from './facts.js';
import { PlanError } from './plan-error.js';
import { GROUPS, type Step, step } from './step.js';

/** As /proc/PID/uid_map wants it: "inside outside count" lines (user_namespaces(7)). */
export const idMap = (mappings: readonly IdMapping[]): string =>
  mappings.map(map => `${map.containerID} ${map.hostID} ${map.size}\n`).join('');

/** newuidmap's arguments: the same numbers, one each. */
const helperArguments = (mappings: readonly IdMapping[]): string[] =>
  mappings.flatMap(map => [String(map.containerID), String(map.hostID), String(map.size)]);

const CAP_SETGID = 6n;
const CAP_SETUID = 7n;

/** Needed over the parent of a user namespace to map any ids there (user_namespaces(7)). */
const mayMapIds = ({ capabilities }: Facts): boolean =>
  ((capabilities >> CAP_SETUID) & (capabilities >> CAP_SETGID) & 1n) === 1n;

/** A single id, our own, may be mapped by anybody; more need CAP_SETUID over the parent, or the helpers. */
const isOwnId = (mappings: readonly IdMapping[], id: number): boolean =>
  mappings.length === 1 && mappings[0]!.size === 1 && mappings[0]!.hostID === id;

/** Writes the maps of a new user namespace, and makes init its root. */
export function mapIds(context: Context): Step[] {
  if (!isNew(context, 'user')) return [];
  const { facts, linux } = context;
  const uids = linux.uidMappings ?? [];
  const gids = linux.gidMappings ?? [];
  if (uids.length === 0 || gids.length === 0) {
    throw new PlanError(
      uids.length === 0 ? '/linux/uidMappings' : '/linux/gidMappings',
      'a new user namespace needs uidMappings and gidMappings',
    );
  }
  const privileged = mayMapIds(facts);
  const steps: Step[] = [];
  if (privileged || (isOwnId(uids, facts.euid) && isOwnId(gids, facts.egid))) {
    steps.push(
      step('id_map', 'host', '/linux/uidMappings', {
        deny_setgroups: privileged ? 0 : 1,
        uid_map: idMap(uids),
        gid_map: idMap(gids),
      }),
    );
  } else {
    if (!facts.mapHelpers.uid || !facts.mapHelpers.gid) {
      throw new PlanError(
        '/linux/uidMappings',
        'mapping more than your own id needs newuidmap and newgidmap; install the package uidmap and give yourself ids in /etc/subuid and /etc/subgid',
      );
    }
    steps.push(
      step('id_map_helper', 'host', '/linux/gidMappings', {
        program: facts.mapHelpers.gid,
        arguments: helperArguments(gids),
      }),
      step('id_map_helper', 'host', '/linux/uidMappings', {
        program: facts.mapHelpers.uid,
        arguments: helperArguments(uids),
      }),
    );
  }
  steps.push(...becomeRoot(linux));
  return steps;
}

/** Container root, or when that is not mapped the first id that is: what runs until the user's own ids are taken. */
export function becomeRoot({ uidMappings = [], gidMappings = [] }: Linux): Step[] {
  const first = (maps: readonly IdMapping[]): number =>
    maps.some(map => map.containerID === 0) ? 0 : (maps[0]?.containerID ?? 0);
  const from = uidMappings.length > 0 ? '/linux/uidMappings' : '/linux/namespaces';
  return [step('become', 'init', from, { uid: first(uidMappings), gid: first(gidMappings) })];
}

/**
 * What setgroups(2) allows, one of GROUPS: nothing where it is denied already, and who maps a group of his own without
 * privileges must give it up (user_namespaces(7)). `gids`: the maps of the container's user namespace, when it has one.
 * `joined`: it was made by others, who may have denied it.
 */
export function groupsOf(facts: Facts, gids: readonly IdMapping[] | undefined, joined: boolean): number {
  if (facts.setgroupsDenied || (!mayMapIds(facts) && gids?.length === 1 && gids[0]!.size === 1))
    return GROUPS.keep;
  return joined ? GROUPS.dropIfAllowed : GROUPS.set;
}

/** The same for a container's first process. */
export const containerGroups = (context: Context): number =>
  isNew(context, 'user')
    ? groupsOf(context.facts, context.linux.gidMappings, false)
    : groupsOf(context.facts, undefined, context.userNamespace);

/** The id on the host of an id in the container; undefined when it is not mapped. */
export function hostId(mappings: readonly IdMapping[] | undefined, id: number): number | undefined {
  const map = (mappings ?? []).find(one => id >= one.containerID && id < one.containerID + one.size);
  return map && map.hostID + id - map.containerID;
}
