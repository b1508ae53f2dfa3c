/** Runs a plan's steps: hands them to the native walker, does TypeScript's own, and explains what went wrong. */
import type { GlobalOptions } from './commands.js';
import { load, native } from './host.js';
import type { WalkResult } from './native.js';
import { encode } from './plan/encode.js';
import { flatten, type Step } from './plan/step.js';
import { debug, failure, reason } from './report.js';

interface Cold {
  explainFailure(steps: readonly Step[], result: WalkResult): { message: string; hint?: string };
  explainStep(step: Step): string;
}

function withTrace<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw failure(`cannot write the trace ${file}: ${reason(error)}`);
  }
}

/** One line of JSON for each step that was done. */
function traceText(flat: readonly Step[]): string {
  const numbers = native.traceEnd();
  let text = '';
  for (let i = 0; i < numbers.length; i += 4) {
    const [index, inside, begin, end] = numbers.slice(i, i + 4) as [number, number, number, number];
    const { kind, from } = flat[index]!;
    const line = {
      step: index,
      kind,
      from,
      actor: inside ? 'init' : 'host',
      start: begin / 1000,
      duration: (end - begin) / 1000,
    };
    text += `${JSON.stringify(line)}\n`;
  }
  return text;
}

/** The message for a walk that failed; the cold part knows the words. */
function walkFailure(steps: readonly Step[], result: WalkResult): Error {
  const { message, hint } = load<Cold>('cold').explainFailure(steps, result);
  return failure(message, { ...(hint === undefined ? {} : { hint }), initDied: result.call === 'init' });
}

/**
 * Walks all steps. `own` does the steps that are the runtime's (in TypeScript). When anything fails nothing that was
 * started is alive any more, and a failure that explains it is thrown.
 */
export function walk(
  global: GlobalOptions,
  steps: readonly Step[],
  own: (step: Step) => void,
  slots: { [slot: number]: number } = {},
): void {
  const flat = flatten(steps);
  const file = global.trace;
  // opened before anything is done: a mistake is told then
  const trace = file === undefined ? -1 : withTrace(file, () => native.openAppend(file, 0o644));
  if (global.debug) for (const one of flat) debug(load<Cold>('cold').explainStep(one));
  const { records, texts } = encode(flat);
  native.walkBegin(records, texts);
  for (const slot of Object.keys(slots)) native.setSlot(Number(slot), slots[Number(slot)]!);
  if (file !== undefined) native.traceBegin();
  try {
    for (let result = native.walk(); result.status !== 'done'; result = native.walk()) {
      if (result.status === 'failed') throw walkFailure(steps, result);
      own(flat[result.step]!);
    }
    if (file !== undefined) withTrace(file, () => native.write(trace, traceText(flat)));
  } catch (error) {
    native.walkAbort();
    throw error;
  }
}

/** The message for an init that could not execute its program, or whose startContainer hook failed. */
export const startFailure = (result: WalkResult): Error => walkFailure([], result);
