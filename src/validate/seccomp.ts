/** Rules on `linux.seccomp`: config-linux.md "Seccomp", seccomp(2), seccomp_unotify(2). */
import type { Seccomp, SeccompAction, Spec } from '../spec.js';
import { each, type Report } from './report.js';

/** MAX_ERRNO; SECCOMP_RET_ERRNO with more returns this */
const MAX_ERRNO = 4095;

export function seccomp(spec: Spec, _at: string, report: Report): void {
  const profile = spec.linux?.seccomp;
  if (profile === undefined) return;
  const at = '/linux/seccomp';
  errnoRet(profile.defaultAction, profile.defaultErrnoRet, `${at}/defaultErrnoRet`, report);
  if (profile.defaultAction === 'SCMP_ACT_NOTIFY') {
    report('notify-default', `${at}/defaultAction`, profile.defaultAction);
  }
  each(profile.syscalls, `${at}/syscalls`, report, (rule, under) => {
    errnoRet(rule.action, rule.errnoRet, `${under}/errnoRet`, report);
    // The thread that hands the listener over is filtered already and must write.
    if (rule.action === 'SCMP_ACT_NOTIFY' && rule.names.includes('write')) {
      report('notify-write', `${under}/names/${rule.names.indexOf('write')}`, 'write');
    }
  });
  listener(profile, at, report);
}

function errnoRet(action: SeccompAction, errno: number | undefined, at: string, report: Report): void {
  if (errno === undefined) return;
  if (action !== 'SCMP_ACT_ERRNO' && action !== 'SCMP_ACT_TRACE') report('errno-action', at, errno, action);
  else if (action === 'SCMP_ACT_ERRNO' && errno > MAX_ERRNO) report('errno-range', at, errno);
}

function listener(profile: Seccomp, at: string, report: Report): void {
  const path = profile.listenerPath ?? '';
  if (path !== '') return;
  if ((profile.listenerMetadata ?? '') !== '') {
    report('listener-metadata', `${at}/listenerMetadata`, profile.listenerMetadata);
  }
  if (profile.syscalls?.some(rule => rule.action === 'SCMP_ACT_NOTIFY')) {
    report('listener-path', `${at}/listenerPath`, profile.listenerPath);
  }
}
