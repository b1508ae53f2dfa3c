/**
 * What the host hands to each part of the program. Every bundle is one function `(__native, __argv, __load)`:
 * `native/embed/main.c` calls it in the static executable, `node.ts` in Node.js. The bundles are the same.
 */
import type { Native } from './native.js';

declare const __native: Native;
declare const __argv: readonly string[];
declare const __load: (part: string) => unknown;

export const native = __native;
/** Arguments without the program's own name. */
export const argv = __argv;

/** The bundles, besides `cli` which is there from the start. */
export type Part = 'create' | 'exec' | 'seccomp' | 'systemd' | 'cold';

/** Loads a part that most commands do not need; `Exports` is what its entry file exports. */
export function load<Exports>(part: Part): Exports {
  return __load(part) as Exports;
}
