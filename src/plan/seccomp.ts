/** config-linux.md "Seccomp": the compiled filter, where it is installed, and who hears of it. */
import { type Compiled, compile, type SeccompError } from 'seccomp-bpf-ts';
import type { Seccomp } from '../spec.js';
import type { Facts } from './facts.js';
import { type HookState, stateTexts } from './hooks.js';
import { PlanError } from './plan-error.js';
import { SLOT, type Step, step } from './step.js';

export interface Filter {
  steps: Step[];
  /** a rule asks a listener (SCMP_ACT_NOTIFY) */
  notify: boolean;
  /** null without a profile */
  compiled: Compiled | null;
}

/**
 * "The Container Process State" as three texts: between them goes the pid of the process that the filter is for, twice;
 * once when the container runs already and has another one, `running`.
 */
function listenerTexts(
  state: HookState,
  metadata: string | undefined,
  running: number | undefined,
): { before: string; between: string; after: string } {
  const { before, after } = stateTexts(state, running === undefined ? 'creating' : 'running');
  const told = metadata === undefined ? '' : `"metadata":${JSON.stringify(metadata)},`;
  const head = '{"ociVersion":"1.3.0","fds":["seccompFd"],"pid":';
  const between = `,${told}"state":${before}`;
  return running === undefined
    ? { before: head, between, after: `${after}}` }
    : { before: head, between: `${between}${running}${after}}`, after: '' };
}

/** By its name: the compiler may be another bundle's copy, with a class of its own. */
const isSeccompError = (error: unknown): error is SeccompError =>
  error instanceof Error && error.name === 'SeccompError';

function compileProfile(seccomp: Seccomp, facts: Facts, from: string): Compiled {
  try {
    return compile(seccomp, facts.architecture);
  } catch (error) {
    if (isSeccompError(error)) throw new PlanError(`${from}${error.pointer}`, error.message);
    throw error;
  }
}

/** `running`: the pid of the container's first process, when the filter is for a further one. */
export function makeFilter(
  seccomp: Seccomp | undefined,
  facts: Facts,
  notes: string[],
  state: HookState,
  running?: number,
): Filter {
  if (!seccomp) return { steps: [], notify: false, compiled: null };
  const from = '/linux/seccomp';
  const compiled = facts.filter ?? compileProfile(seccomp, facts, from);
  const { program, flags, warnings, notify } = compiled;
  notes.push(...warnings.map(warning => `${from}${warning}`));
  if (!notify) {
    const install = step('seccomp', 'init', from, { flags, slot: SLOT.none, program });
    return { steps: [install], notify, compiled };
  }
  const path = seccomp.listenerPath;
  if (!path) throw new PlanError(`${from}/listenerPath`, 'a rule with SCMP_ACT_NOTIFY needs a listenerPath');
  const texts = listenerTexts(state, seccomp.listenerMetadata, running);
  return {
    notify,
    compiled,
    steps: [
      step('connect', 'host', `${from}/listenerPath`, { slot: SLOT.listenerSocket, path }),
      step('seccomp', 'init', from, { flags, slot: SLOT.listener, program }),
      step('send_listener', 'host', `${from}/listenerPath`, {
        connection: SLOT.listenerSocket,
        slot: SLOT.listener,
        ...texts,
      }),
    ],
  };
}

/**
 * A filter is installed in one of three places. Without no_new_privs it needs CAP_SYS_ADMIN (seccomp(2)), so it comes
 * before the identity changes. With it, it comes last and binds as little of our own work as possible; except that one
 * with a listener must be handed over while whoever creates the container is still there.
 */
export function filterAt(
  filter: Filter,
  noNewPrivileges: boolean | undefined,
  place: 'early' | 'before record' | 'last',
): Step[] {
  const right = !noNewPrivileges ? 'early' : filter.notify ? 'before record' : 'last';
  return place === right ? filter.steps : [];
}
