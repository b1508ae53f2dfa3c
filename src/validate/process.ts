/** Rules on `process`: config.md "Process", "POSIX process", "Linux Process", "POSIX-platform User". */
import { CAPABILITIES } from '../plan/capabilities.js';
import { RLIMITS } from '../plan/rlimits.js';
import type { Process } from '../spec.js';
import { parseRanges } from './ranges.js';
import { type Check, isAbsolute, type Report } from './report.js';

/** (uid_t)-1 is "no change" to the set*id(2) family: taken as an id it would keep the runtime's own. */
const NO_ID = 0xffffffff;

function cwd(process: Process, at: string, report: Report): void {
  if (!isAbsolute(process.cwd)) report('cwd-absolute', `${at}/cwd`, process.cwd);
}

function args(process: Process, at: string, report: Report): void {
  if (process.args === undefined || process.args.length === 0)
    report('args-required', `${at}/args`, process.args);
  else if (process.args[0] === '') report('args-program', `${at}/args/0`, '');
}

function env(process: Process, at: string, report: Report): void {
  const list = process.env ?? [];
  for (let i = 0; i < list.length; i++) {
    if (list[i]!.indexOf('=') < 1) report('env-entry', `${at}/env/${i}`, list[i]);
  }
}

function user(process: Process, at: string, report: Report): void {
  const { uid, gid, umask, additionalGids = [] } = process.user ?? {};
  if (process.user !== undefined) {
    if (uid === undefined) report('user-ids', `${at}/user/uid`, uid);
    if (gid === undefined) report('user-ids', `${at}/user/gid`, gid);
  }
  if (uid === NO_ID) report('user-valid-id', `${at}/user/uid`, uid);
  if (gid === NO_ID) report('user-valid-id', `${at}/user/gid`, gid);
  if (umask !== undefined && umask > 0o777) report('umask-bits', `${at}/user/umask`, umask);
  for (let i = 0; i < additionalGids.length; i++) {
    if (additionalGids[i] === NO_ID)
      report('user-valid-id', `${at}/user/additionalGids/${i}`, additionalGids[i]);
  }
}

function capabilities(process: Process, at: string, report: Report): void {
  const sets = process.capabilities;
  if (sets === undefined) return;
  const known = new Set(CAPABILITIES);
  for (const set of ['bounding', 'effective', 'inheritable', 'permitted', 'ambient'] as const) {
    const names = sets[set] ?? [];
    for (let i = 0; i < names.length; i++) {
      if (!known.has(names[i]!)) report('capability-known', `${at}/capabilities/${set}/${i}`, names[i]);
    }
  }
}

function rlimits(process: Process, at: string, report: Report): void {
  const seen = new Set<string>();
  const list = process.rlimits ?? [];
  for (let i = 0; i < list.length; i++) {
    const { type, soft, hard } = list[i]!;
    if (!RLIMITS.includes(type)) report('rlimit-known', `${at}/rlimits/${i}/type`, type);
    if (seen.has(type)) report('rlimit-once', `${at}/rlimits/${i}/type`, type);
    if (soft > hard) report('rlimit-order', `${at}/rlimits/${i}/soft`, soft, hard);
    seen.add(type);
  }
}

function consoleSize(process: Process, at: string, report: Report): void {
  if (process.terminal !== true || process.consoleSize === undefined) return;
  const { height, width } = process.consoleSize;
  if (height > 0xffff) report('console-size', `${at}/consoleSize/height`, height);
  if (width > 0xffff) report('console-size', `${at}/consoleSize/width`, width);
}

function oomScoreAdj(process: Process, at: string, report: Report): void {
  const value = process.oomScoreAdj ?? 0;
  if (value < -1000 || value > 1000) report('oom-score', `${at}/oomScoreAdj`, value);
}

/** sched_setattr(2) */
function scheduler(process: Process, at: string, report: Report): void {
  if (process.scheduler === undefined) return;
  const { policy, nice = 0, priority = 0, runtime = 0, deadline = 0, period = 0 } = process.scheduler;
  const under = `${at}/scheduler`;
  if (policy === 'SCHED_ISO') report('scheduler-iso', `${under}/policy`, policy);
  if (nice < -20 || nice > 19) report('scheduler-nice', `${under}/nice`, nice);
  if (policy === 'SCHED_FIFO' || policy === 'SCHED_RR') {
    if (priority < 1 || priority > 99) report('scheduler-realtime', `${under}/priority`, priority, policy);
  } else if (priority !== 0) {
    report('scheduler-priority', `${under}/priority`, priority, policy);
  }
  if (policy === 'SCHED_DEADLINE') {
    if (runtime < 1024) report('scheduler-runtime', `${under}/runtime`, runtime);
    if (deadline < runtime) report('scheduler-deadline', `${under}/deadline`, deadline, runtime);
    // A period of 0 stands for the deadline.
    if (Number(period) !== 0 && period < deadline)
      report('scheduler-period', `${under}/period`, period, deadline);
    return;
  }
  if (Number(runtime) !== 0) report('scheduler-not-deadline', `${under}/runtime`, runtime, policy);
  if (Number(deadline) !== 0) report('scheduler-not-deadline', `${under}/deadline`, deadline, policy);
  if (Number(period) !== 0) report('scheduler-not-deadline', `${under}/period`, period, policy);
}

function ioPriority(process: Process, at: string, report: Report): void {
  if (process.ioPriority === undefined) return;
  const { priority } = process.ioPriority;
  if (priority === undefined) report('io-priority-given', `${at}/ioPriority/priority`, priority);
  else if (priority < 0 || priority > 7) report('io-priority', `${at}/ioPriority/priority`, priority);
}

function execCpuAffinity(process: Process, at: string, report: Report): void {
  const { initial = '', final = '' } = process.execCPUAffinity ?? {};
  if (parseRanges(initial) === null) report('cpu-list', `${at}/execCPUAffinity/initial`, initial);
  if (parseRanges(final) === null) report('cpu-list', `${at}/execCPUAffinity/final`, final);
}

export const processChecks: readonly Check<Process>[] = [
  cwd,
  args,
  env,
  user,
  capabilities,
  rlimits,
  consoleSize,
  oomScoreAdj,
  scheduler,
  ioPriority,
  execCpuAffinity,
];
