/** config-linux.md "Sysctl": only what belongs to a namespace of the container's own. */
import type { Context } from './context.js';
import { PlanError } from './plan-error.js';
import { SLOT, type Step, step } from './step.js';
import { sysctlNamespace, sysctlPath } from './sysctl-names.js';

function check(context: Context, path: string, from: string, key: string): void {
  const refuse: (why: string) => never = why => {
    throw new PlanError(from, `the sysctl "${key}" ${why}`);
  };
  if (path.split('/').some(part => part === '' || part === '.' || part === '..'))
    refuse('is not a name of a setting');
  if (path === 'kernel/hostname') refuse('is the hostname: use "hostname"');
  const needs = sysctlNamespace(path);
  if (needs === undefined) refuse('belongs to the whole machine, not to a namespace of the container');
  const namespace = context.namespaces.get(needs);
  if (!namespace) refuse(`needs a ${needs} namespace`);
  if (namespace?.path && context.facts.namespaces[namespace.path]?.same)
    refuse(`needs a ${needs} namespace other than the host's`);
}

/** One write below /proc/sys for each sysctl of the namespaces that the container has for itself. */
export function sysctlSteps(context: Context): Step[] {
  const sysctl = context.linux.sysctl ?? {};
  return Object.keys(sysctl).map(key => {
    const from = `/linux/sysctl/${key.replace(/~/g, '~0').replace(/\//g, '~1')}`;
    const path = sysctlPath(key);
    check(context, path, from, key);
    return step('sysctl', 'init', from, { slot: SLOT.proc, path: `sys/${path}`, value: sysctl[key]! });
  });
}
