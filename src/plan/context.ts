/** What the parts of the planner share while one plan is made. */
import type { Linux, Namespace, NamespaceType, Spec } from '../spec.js';
import { chooseCgroup, chooseScope } from './cgroup-place.js';
import type { Facts, Options } from './facts.js';
import { type MountEntry, readMounts } from './mount-options.js';
import { absolute } from './paths.js';
import { SLOT } from './step.js';
import type { Scope } from './systemd.js';

export interface Context {
  spec: Spec;
  linux: Linux;
  facts: Facts;
  options: Options;
  /** absolute path of the rootfs on the host */
  rootfs: string;
  mounts: readonly MountEntry[];
  /** by type, with its index in /linux/namespaces */
  namespaces: Map<NamespaceType, Namespace & { index: number }>;
  /** a user namespace other than ours is made or joined: most of the host is then out of reach */
  userNamespace: boolean;
  /** the cgroup's absolute path, or null without one */
  cgroup: string | null;
  /** the unit that systemd makes it for, with --systemd-cgroup */
  scope: Scope | null;
  /** things that a reader of the plan should know, and that are no steps */
  notes: string[];
  /** those of them that the specification wants to be logged */
  warnings: string[];
  nextSlot: number;
}

/** Brings together what the parts of a plan need to know. Throws PlanError. */
export function makeContext(spec: Spec, facts: Facts, options: Options): Context {
  const linux = spec.linux ?? {};
  const namespaces = new Map<NamespaceType, Namespace & { index: number }>();
  for (const [index, namespace] of (linux.namespaces ?? []).entries())
    namespaces.set(namespace.type, { ...namespace, index });
  const scope = chooseScope(spec, facts, options);
  const notes: string[] = [];
  return {
    spec,
    linux,
    facts,
    options,
    rootfs: absolute(options.bundle, spec.root?.path ?? 'rootfs'),
    mounts: readMounts(spec.mounts ?? []),
    namespaces,
    userNamespace: entersUserNamespace(namespaces.get('user'), facts),
    cgroup: chooseCgroup(spec, facts, options, scope, notes),
    scope,
    notes,
    warnings: [],
    nextSlot: SLOT.free,
  };
}

const entersUserNamespace = (user: Namespace | undefined, facts: Facts): boolean =>
  user !== undefined && !(user.path && facts.namespaces[user.path]?.same);

/** A namespace of that type is made, not joined. */
export const isNew = (context: Context, type: NamespaceType): boolean => {
  const found = context.namespaces.get(type);
  return found !== undefined && !found.path;
};

/** A slot of one's own among those that both actors know. */
export const takeSlot = (context: Context): number => context.nextSlot++;
