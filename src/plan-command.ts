/** What `runts plan` prints. */
import { native } from './host.js';
import { stringifyJson } from './json.js';
import { explainStep } from './plan/explain.js';
import type { Plan } from './plan/plan.js';
import type { Step } from './plan/step.js';

const ACTOR = { host: 'host', init: 'init', runtime: 'host' } as const;

function lines(steps: readonly Step[], indent: string): string[] {
  return steps.flatMap(step => {
    const from = step.from ? `  [${step.from}]` : '';
    const tolerated = step.tolerate && !step.else ? `; ${step.tolerate.join(', ')} is no failure` : '';
    const parallel = step.meanwhile ? '; init goes on meanwhile' : '';
    const line = `${indent}${ACTOR[step.actor]}  ${explainStep(step)}${tolerated}${parallel}${from}`;
    return step.else
      ? [line, ...lines(step.else, `${indent}      on ${step.tolerate?.join(', ')}: `)]
      : [line];
  });
}

const plain = (value: unknown): unknown => (value instanceof Uint8Array ? [...value] : value);
const plainScope = (scope: Plan['scope']): unknown =>
  scope && { ...scope, properties: scope.properties.map(one => ({ ...one, value: plain(one.value) })) };

function toJson(step: Step): unknown {
  const args: { [name: string]: unknown } = {};
  for (const name of Object.keys(step.with)) args[name] = plain(step.with[name]!);
  return {
    step: step.kind,
    actor: step.actor,
    from: step.from,
    words: explainStep(step),
    with: args,
    ...(step.meanwhile ? { meanwhile: true } : {}),
    ...(step.tolerate ? { tolerate: step.tolerate } : {}),
    ...(step.else ? { else: step.else.map(toJson) } : {}),
  };
}

/** Prints a plan as lines of text, or as the JSON of schemas/plan.schema.json; returns the exit status. */
export function printPlan(plan: Plan, json: boolean): number {
  if (json) {
    const { rootfs, teardown, notes } = plan;
    const steps = plan.steps.map(toJson);
    native.write(
      1,
      `${stringifyJson({ rootfs, steps, teardown, scope: plainScope(plan.scope), notes }, 2)}\n`,
    );
    return 0;
  }
  const { cgroup, poststop } = plan.teardown;
  const undo = [
    ...(cgroup ? [`remove the cgroup ${cgroup.path}`] : []),
    ...poststop.map(hook => `run the poststop hook ${hook.path}`),
    'remove the state directory',
  ];
  const text = [
    ...lines(plan.steps, ''),
    ...undo.map(line => `delete  ${line}`),
    ...plan.notes.map(note => `note  ${note}`),
  ];
  native.write(1, `${text.join('\n')}\n`);
  return 0;
}
