/**
 * What the bundles `create` and `exec` have for `seccomp-bpf-ts` (scripts/bundle.mjs puts it in its place): the planner calls
 * the compiler as if it were there, and it is loaded when that happens.
 */
import type { Compiled, SeccompProfile } from 'seccomp-bpf-ts';
import { load } from './host.js';

interface SeccompPart {
  compile(profile: SeccompProfile, nativeArchitecture: string): Compiled;
}

export const compile: SeccompPart['compile'] = (profile, nativeArchitecture) =>
  load<SeccompPart>('seccomp').compile(profile, nativeArchitecture);
