/** Rules on the other parts of `linux`: config-linux.md, a function per section. */
import type { MemoryPolicy, Spec } from '../spec.js';
import { parseRanges } from './ranges.js';
import { each, isAbsolute, type Report } from './report.js';

/** The widths of a device number's halves in the kernel, MINORBITS: more would make another device. */
const MAX_MAJOR = 0xfff;
const MAX_MINOR = 0xfffff;

export function devices(spec: Spec, _at: string, report: Report): void {
  const seen = new Set<string>();
  const numbers = new Map<string, string>();
  each(spec.linux?.devices, '/linux/devices', report, ({ type, path, major, minor }, at) => {
    if (path === '') report('device-path', `${at}/path`, path);
    else if (!isAbsolute(path)) report('device-absolute', `${at}/path`, path);
    if (seen.has(path)) report('device-once', `${at}/path`, path);
    seen.add(path);
    if (type === 'p') return;
    if (major === undefined) report('device-number', `${at}/major`, major);
    else if (major < 0 || major > MAX_MAJOR) report('device-major', `${at}/major`, major);
    if (minor === undefined) report('device-number', `${at}/minor`, minor);
    else if (minor < 0 || minor > MAX_MINOR) report('device-minor', `${at}/minor`, minor);
    const number = `${type === 'b' ? 'b' : 'c'} ${major}:${minor}`;
    const other = numbers.get(number);
    if (other !== undefined && other !== path) report('device-number-once', `${at}/minor`, minor, other);
    numbers.set(number, path);
  });
}

export function cgroupsPath(spec: Spec, _at: string, report: Report): void {
  const path = spec.linux?.cgroupsPath ?? '';
  if (path.includes('..') && path.split('/').includes('..'))
    report('cgroup-inside', '/linux/cgroupsPath', path);
}

/** The class becomes a directory of resctrl; `/` is its root. */
export function intelRdt(spec: Spec, _at: string, report: Report): void {
  const { closID = '', schemata = [], l3CacheSchema = '' } = spec.linux?.intelRdt ?? {};
  if (closID !== '/' && (closID === '.' || closID === '..' || /[/\n]/.test(closID))) {
    report('rdt-class', '/linux/intelRdt/closID', closID);
  }
  for (let i = 0; i < schemata.length; i++) {
    if (schemata[i]!.includes('\n')) report('rdt-line', `/linux/intelRdt/schemata/${i}`, schemata[i]);
  }
  if (l3CacheSchema !== '' && !/^L3:[^\n]*$/.test(l3CacheSchema)) {
    report('rdt-l3', '/linux/intelRdt/l3CacheSchema', l3CacheSchema);
  }
}

/** set_mempolicy(2) */
export function memoryPolicy(spec: Spec, _at: string, report: Report): void {
  const policy = spec.linux?.memoryPolicy;
  if (policy === undefined) return;
  const { mode, nodes = '' } = policy;
  const ranges = parseRanges(nodes);
  if (ranges === null) {
    report('node-list', '/linux/memoryPolicy/nodes', nodes);
    return;
  }
  if (mode === 'MPOL_DEFAULT' || mode === 'MPOL_LOCAL') {
    if (ranges.length > 0) report('policy-no-nodes', '/linux/memoryPolicy/nodes', nodes, mode);
  } else if (ranges.length === 0 && mode !== 'MPOL_PREFERRED') {
    report('policy-nodes', '/linux/memoryPolicy/nodes', policy.nodes, mode);
  }
  memoryPolicyFlags(policy, ranges.length > 0, report);
}

function memoryPolicyFlags({ mode, flags = [] }: MemoryPolicy, hasNodes: boolean, report: Report): void {
  const isLocal = mode === 'MPOL_LOCAL' || (mode === 'MPOL_PREFERRED' && !hasNodes);
  for (let i = 0; i < flags.length; i++) {
    const flag = flags[i]!;
    const at = `/linux/memoryPolicy/flags/${i}`;
    if (flag === 'MPOL_F_NUMA_BALANCING') {
      if (mode !== 'MPOL_BIND' && mode !== 'MPOL_PREFERRED_MANY') report('policy-balancing', at, flag, mode);
    } else if (isLocal) report('policy-node-flag', at, flag);
    else if (flag === 'MPOL_F_RELATIVE_NODES' && flags.includes('MPOL_F_STATIC_NODES')) {
      report('policy-one-flag', at, flag);
    }
  }
}

export function personality(spec: Spec, _at: string, report: Report): void {
  const flags = spec.linux?.personality?.flags ?? [];
  if (flags.length > 0) report('personality-flags', '/linux/personality/flags', flags);
}
