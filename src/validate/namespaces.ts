/** Rules on namespaces and on what needs one of its own: config-linux.md "Namespaces" and what follows. */
import { sysctlNamespace, sysctlPath } from '../plan/sysctl-names.js';
import type { IdMapping, Namespace, NamespaceType, Spec } from '../spec.js';
import { each, isAbsolute, type Report, step } from './report.js';

/** Lines of uid_map and gid_map, user_namespaces(7). */
const MAX_MAPPINGS = 340;

function namespaceOf(spec: Spec, type: NamespaceType): Namespace | undefined {
  return spec.linux?.namespaces?.find(namespace => namespace.type === type);
}

export function namespaces(spec: Spec, _at: string, report: Report): void {
  const seen = new Set<string>();
  each(spec.linux?.namespaces, '/linux/namespaces', report, ({ type, path = '' }, at) => {
    if (seen.has(type)) report('namespace-once', `${at}/type`, type);
    if (path !== '' && !isAbsolute(path)) report('namespace-path', `${at}/path`, path);
    seen.add(type);
  });
}

export function hostNames(spec: Spec, _at: string, report: Report): void {
  for (const key of ['hostname', 'domainname'] as const) {
    const name = spec[key] ?? '';
    if (name === '') continue;
    if (namespaceOf(spec, 'uts') === undefined) report('name-needs-uts', `/${key}`, name);
    // __NEW_UTS_LEN; a length in UTF-16 units is never more than that in bytes
    if (name.length > 64) report('name-length', `/${key}`, name);
  }
}

/**
 * A joined user namespace may come with mappings: engines repeat the ones it has. That they are equal is checked
 * where the namespace is at hand.
 */
export function userMappings(spec: Spec, _at: string, report: Report): void {
  const { uidMappings = [], gidMappings = [] } = spec.linux ?? {};
  const namespace = namespaceOf(spec, 'user');
  const isNew = namespace !== undefined && (namespace.path ?? '') === '';
  for (const [key, mappings] of [
    ['uidMappings', uidMappings],
    ['gidMappings', gidMappings],
  ] as const) {
    if (mappings.length === 0) {
      if (isNew) report('user-needs-mappings', `/linux/${key}`, spec.linux?.[key]);
    } else {
      if (namespace === undefined) report('mappings-need-user', `/linux/${key}`, mappings);
      idMappings(mappings, `/linux/${key}`, report);
    }
  }
}

/** What the kernel accepts in uid_map and gid_map. */
export function idMappings(mappings: IdMapping[], at: string, report: Report): void {
  if (mappings.length > MAX_MAPPINGS) report('mapping-count', at, mappings);
  for (let i = 0; i < mappings.length && i < MAX_MAPPINGS; i++) {
    const mapping = mappings[i]!;
    if (mapping.size === 0) report('mapping-size', `${at}/${i}/size`, 0);
    for (const key of ['containerID', 'hostID'] as const) {
      const end = mapping[key] + mapping.size;
      if (end > 0xffffffff) report('mapping-range', `${at}/${i}`, mapping, key);
      for (let j = 0; j < i; j++) {
        const other = mappings[j]!;
        if (mapping[key] < other[key] + other.size && other[key] < end) {
          report('mapping-overlap', `${at}/${i}/${key}`, mapping[key], `${at}/${j}`);
        }
      }
    }
  }
}

export function timeOffsets(spec: Spec, _at: string, report: Report): void {
  const offsets = spec.linux?.timeOffsets;
  if (offsets === undefined) return;
  const clocks = Object.keys(offsets) as (keyof typeof offsets)[];
  const namespace = namespaceOf(spec, 'time');
  if (clocks.length > 0 && (namespace === undefined || (namespace.path ?? '') !== '')) {
    report('offsets-need-time', '/linux/timeOffsets', offsets);
  }
  for (const clock of clocks) {
    const at = `/linux/timeOffsets${step(clock)}`;
    const nanosecs = offsets[clock]?.nanosecs ?? 0;
    if (clock !== 'boottime' && clock !== 'monotonic') report('clock-known', at, clock);
    if (nanosecs > 999999999) report('clock-nanosecs', `${at}/nanosecs`, nanosecs);
  }
}

export function sysctl(spec: Spec, _at: string, report: Report): void {
  const parameters = spec.linux?.sysctl;
  if (parameters === undefined) return;
  for (const name of Object.keys(parameters)) {
    const at = `/linux/sysctl${step(name)}`;
    const path = sysctlPath(name);
    const namespace = sysctlNamespace(path);
    if (path.split('/').some(part => part === '' || part === '.' || part === '..'))
      report('sysctl-name', at, name);
    else if (path === 'kernel/hostname') report('sysctl-hostname', at, name);
    else if (namespace === undefined) report('sysctl-namespaced', at, name);
    else if (namespaceOf(spec, namespace) === undefined) report('sysctl-needs', at, name, namespace);
  }
}

/** dev_valid_name() of the kernel; `%d` only in the new name */
function isInterfaceName(name: string): boolean {
  return /^[^\s/:%]+$/.test(name) && name.length < 16 && name !== '.' && name !== '..';
}

export function netDevices(spec: Spec, _at: string, report: Report): void {
  const devices = spec.linux?.netDevices;
  if (devices === undefined) return;
  const hosts = Object.keys(devices);
  if (hosts.length > 0 && namespaceOf(spec, 'network') === undefined) {
    report('devices-need-network', '/linux/netDevices', devices);
  }
  const taken = new Set<string>();
  for (const host of hosts) {
    const at = `/linux/netDevices${step(host)}`;
    const name = devices[host]?.name || host;
    if (!isInterfaceName(host)) report('interface-name', at, host);
    else if (!isInterfaceName(name.replace('%d', '0'))) report('interface-new-name', `${at}/name`, name);
    else if (taken.has(name) && !name.includes('%d')) report('interface-once', `${at}/name`, name);
    taken.add(name);
  }
}

export function restrictedPaths(spec: Spec, _at: string, report: Report): void {
  for (const key of ['maskedPaths', 'readonlyPaths'] as const) {
    const paths = spec.linux?.[key];
    if (paths === undefined || paths.length === 0) continue;
    if (namespaceOf(spec, 'mount') === undefined) report('paths-need-mount', `/linux/${key}`, paths);
    for (let i = 0; i < paths.length; i++) {
      if (!isAbsolute(paths[i]!)) report('path-absolute', `/linux/${key}/${i}`, paths[i]);
    }
  }
}
