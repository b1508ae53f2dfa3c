/**
 * config-linux.md "IntelRdt": the container's class of service and its monitoring group, directories of resctrl
 * (Documentation/filesystems/resctrl.rst in the kernel).
 */
import type { IntelRdt, Linux } from '../spec.js';
import type { Facts, ResctrlFacts } from './facts.js';
import { PlanError } from './plan-error.js';
import { type Step, step } from './step.js';

/** Directory of the class below the mount: the root is the default class. */
export const classDirectory = (mount: string, { closID }: IntelRdt, id: string): string =>
  closID === '/' ? mount : `${mount}/${closID || id}`;

/** Its lines for the schemata file. A line for MB in the L3 schema gives way to that of memBwSchema; `schemata` come last. */
function wantedLines({ l3CacheSchema = '', memBwSchema = '', schemata = [] }: IntelRdt): string[] {
  const l3 = l3CacheSchema.split('\n').filter(line => memBwSchema === '' || !/^\s*MB:/.test(line));
  return [...l3, memBwSchema, ...schemata].map(line => line.trim()).filter(Boolean);
}

/** `L3:0=00f;1=7` as `L3 0` → `f` and so on: blanks and leading zeros mean nothing. */
function values(lines: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of lines) {
    const [resource = '', list = ''] = line.split(':');
    for (const entry of list.split(';')) {
      const [domain = '', value = ''] = entry.split('=');
      found.set(
        `${resource.trim()} ${Number(domain)}`,
        value
          .trim()
          .replace(/^0+(?=.)/, '')
          .toLowerCase(),
      );
    }
  }
  return found;
}

/** A class that is there already is others' too: it is not changed, only compared. */
function isAsWanted(wanted: readonly string[], schemata: string): boolean {
  const actual = values(schemata.split('\n'));
  return [...values(wanted)].every(([domain, value]) => actual.get(domain) === value);
}

const needed = (facts: Facts): ResctrlFacts => {
  if (!facts.resctrl) throw new PlanError('/linux/intelRdt', 'resctrl is not mounted on this host');
  return facts.resctrl;
};

/** Makes the class, with its schemata, and the monitoring group: before the container's first process is there. */
export function makeClass({ intelRdt }: Linux, facts: Facts, id: string): Step[] {
  if (!intelRdt) return [];
  const { mount, schemata } = needed(facts);
  const from = '/linux/intelRdt';
  const path = classDirectory(mount, intelRdt, id);
  const wanted = wantedLines(intelRdt);
  const steps: Step[] = [];
  if (schemata === null) {
    if (intelRdt.closID && wanted.length === 0)
      throw new PlanError(
        `${from}/closID`,
        `there is no class ${intelRdt.closID} in ${mount}, and no schema to make it with`,
      );
    const text = wanted.map(line => `${line}\n`).join('');
    steps.push(step('resctrl_make', 'host', from, { path, schemata: text }));
  } else if (!isAsWanted(wanted, schemata)) {
    throw new PlanError(
      from,
      `the class ${path} is there already, with other schemata: ${schemata
        .trim()
        .split(/\s*\n\s*/)
        .join(' ')}`,
    );
  }
  if (intelRdt.enableMonitoring)
    steps.push(
      step('resctrl_make', 'host', `${from}/enableMonitoring`, {
        path: `${path}/mon_groups/${id}`,
        schemata: '',
      }),
    );
  return steps;
}

/** Puts a process into the class and the monitoring group; what it starts inherits both. */
export function joinClass({ intelRdt }: Linux, facts: Facts, id: string): Step[] {
  if (!intelRdt) return [];
  const path = classDirectory(needed(facts).mount, intelRdt, id);
  const join = (directory: string, from: string): Step =>
    step('resctrl_join', 'host', from, { path: directory });
  return [
    join(path, '/linux/intelRdt'),
    ...(intelRdt.enableMonitoring
      ? [join(`${path}/mon_groups/${id}`, '/linux/intelRdt/enableMonitoring')]
      : []),
  ];
}

/** What delete removes: the monitoring group, and the class when it is the container's own. */
export function madeGroups({ intelRdt }: Linux, facts: Facts, id: string): string[] {
  if (!intelRdt) return [];
  const { mount, schemata } = needed(facts);
  const path = classDirectory(mount, intelRdt, id);
  return [
    ...(intelRdt.enableMonitoring ? [`${path}/mon_groups/${id}`] : []),
    ...(intelRdt.closID || schemata !== null ? [] : [path]),
  ];
}
