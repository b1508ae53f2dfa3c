/** Rules on `mounts`: config.md "Mounts", "Linux mount options", "POSIX-platform Mounts". */
import type { Mount, Spec } from '../spec.js';
import { isDataOfTmpfs, MOUNT_OPTIONS } from './mount-option-names.js';
import { idMappings } from './namespaces.js';
import { each, isAbsolute, type Report } from './report.js';

export function mounts(spec: Spec, _at: string, report: Report): void {
  const hasUserNamespace = spec.linux?.namespaces?.some(namespace => namespace.type === 'user') ?? false;
  each(spec.mounts, '/mounts', report, (mount, at) => {
    place(mount, at, report);
    const isBind = options(mount, at, hasUserNamespace, report);
    if (isBind && (mount.source ?? '') === '') report('bind-source', `${at}/source`, mount.source);
  });
}

function place(mount: Mount, at: string, report: Report): void {
  const { destination } = mount;
  // the usual ones, without the cost of a regular expression
  if (isAbsolute(destination) && destination.length > 1 && !'/.'.includes(destination[1]!)) return;
  if (/^(?:\/|\.\/|\.$)*$/.test(destination)) report('mount-not-root', `${at}/destination`, destination);
  else if (!isAbsolute(destination)) report('mount-absolute', `${at}/destination`, destination);
}

/** Returns whether it is a bind mount, which the options alone decide. */
function options(mount: Mount, at: string, hasUserNamespace: boolean, report: Report): boolean {
  const names = mount.options ?? [];
  const isBind = names.includes('bind') || names.includes('rbind');
  if (isBind) {
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!;
      if (name !== '' && !MOUNT_OPTIONS.has(name)) {
        report(isDataOfTmpfs(name) ? 'bind-data' : 'bind-option', `${at}/options/${i}`, name);
      }
    }
  } else if (mount.type === 'bind') {
    report('bind-by-option', `${at}/options`, mount.options);
  } else if ((mount.type ?? '') === '' && !names.includes('remount')) {
    report('mount-type', `${at}/type`, mount.type);
  }
  mappings(mount, at, names, hasUserNamespace, report);
  return isBind;
}

function mappings(
  mount: Mount,
  at: string,
  names: string[],
  hasUserNamespace: boolean,
  report: Report,
): void {
  const uids = mount.uidMappings?.length ?? 0;
  const gids = mount.gidMappings?.length ?? 0;
  if (uids > 0 !== gids > 0) {
    const missing = uids > 0 ? 'gidMappings' : 'uidMappings';
    report('mount-both-mappings', `${at}/${missing}`, mount[missing]);
  }
  if (uids > 0) idMappings(mount.uidMappings!, `${at}/uidMappings`, report);
  if (gids > 0) idMappings(mount.gidMappings!, `${at}/gidMappings`, report);
  if (uids + gids > 0 || hasUserNamespace) return;
  const idmap = names.includes('idmap') ? 'idmap' : 'ridmap';
  const index = names.indexOf(idmap);
  if (index !== -1) report('idmap-mappings', `${at}/options/${index}`, idmap);
}
