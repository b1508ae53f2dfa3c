/** getrlimit(2): resources by name. */
import type { Rlimit } from '../spec.js';
import { PlanError } from './plan-error.js';
import { type Step, step } from './step.js';

/** The index is the number (asm-generic/resource.h). */
export const RLIMITS: readonly string[] =
  'CPU FSIZE DATA STACK CORE RSS NPROC NOFILE MEMLOCK AS LOCKS SIGPENDING MSGQUEUE NICE RTPRIO RTTIME'
    .split(' ')
    .map(name => `RLIMIT_${name}`);

/** Set from outside: inside a user namespace hard limits could not be raised. */
export function rlimitSteps(rlimits: readonly Rlimit[], actor: 'host' | 'init'): Step[] {
  return rlimits.map((limit, index) => {
    const resource = RLIMITS.indexOf(limit.type);
    const from = `/process/rlimits/${index}`;
    if (resource < 0) throw new PlanError(`${from}/type`, `"${limit.type}" is not a resource limit of Linux`);
    return step('rlimit', actor, from, { resource, soft: limit.soft, hard: limit.hard });
  });
}
