/** config.md "POSIX-platform Hooks": six kinds, run one after the other, with the container's state on their stdin. */
import type { Hook, Hooks } from '../spec.js';
import { type Actor, type Step, step } from './step.js';

export const HOOK_KINDS = [
  'prestart',
  'createRuntime',
  'createContainer',
  'startContainer',
  'poststart',
  'poststop',
] as const;
export type HookKind = (typeof HOOK_KINDS)[number];

export interface HookState {
  id: string;
  bundle: string;
  annotations: Readonly<Record<string, string>>;
}

/** The state as two texts: between them goes the pid as whoever runs the hook sees it. */
export function stateTexts(state: HookState, status: string): { before: string; after: string } {
  const head = { ociVersion: '1.3.0', id: state.id, status };
  const tail: Record<string, unknown> = { bundle: state.bundle };
  if (Object.keys(state.annotations).length > 0) tail.annotations = state.annotations;
  return {
    before: `${JSON.stringify(head).slice(0, -1)},"pid":`,
    after: `,${JSON.stringify(tail).slice(1)}`,
  };
}

/** Steps for all hooks of one kind. A failing one ends the walk; its message names it. */
export function hookSteps(
  hooks: Hooks | undefined,
  kind: HookKind,
  actor: Actor,
  state: HookState,
  status: string,
): Step[] {
  return (hooks?.[kind] ?? []).map((hook, index) =>
    hookStep(hook, kind, actor, state, status, `/hooks/${kind}/${index}`),
  );
}

/** One hook; `from` is its place in the configuration. */
export function hookStep(
  hook: Hook,
  kind: HookKind,
  actor: Actor,
  state: HookState,
  status: string,
  from: string,
): Step {
  return step('hook', actor, from, {
    timeout: hook.timeout ?? 0,
    kind,
    path: hook.path,
    args: hook.args?.length ? hook.args : [hook.path],
    env: hook.env ?? [],
    ...stateTexts(state, status),
  });
}
