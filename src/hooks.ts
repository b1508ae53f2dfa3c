/** Hooks that run when no plan is walked any more: poststart by `start`, poststop by `delete`. */
import type { GlobalOptions } from './commands.js';
import { type HookKind, hookStep } from './plan/hooks.js';
import { SLOT, type Step } from './plan/step.js';
import { messageOf, warn } from './report.js';
import type { Hook } from './spec.js';
import type { StateRecord } from './state.js';
import { walk } from './walk.js';

const quiet: GlobalOptions = {
  root: undefined,
  log: undefined,
  logFormat: 'text',
  debug: false,
  cgroupManager: 'cgroupfs',
  trace: undefined,
};

const steps = (record: StateRecord, hooks: readonly Hook[], kind: HookKind, status: string): Step[] =>
  hooks.map((hook, index) => hookStep(hook, kind, 'host', record, status, `/hooks/${kind}/${index}`));

/** Throws at the first hook that fails. */
export function runPoststart(record: StateRecord): void {
  // The pid even of a program that has ended by now: with the status "running" it is required (runtime-spec, "State").
  walk(quiet, steps(record, record.poststart, 'poststart', 'running'), () => {}, { [SLOT.pid]: record.pid });
}

/** A failing poststop hook is told and the others run all the same (runtime-spec, "Lifecycle", step 13). */
export function runPoststop(record: StateRecord): void {
  for (const one of steps(record, record.teardown.poststop, 'poststop', 'stopped')) {
    try {
      walk(quiet, [one], () => {});
    } catch (error) {
      warn(messageOf(error));
    }
  }
}
