/** The `create` part of `runts-test`: keeps something, so that loading it twice would show. */
import { argv } from '../../src/host.js';

let calls = 0;

export function count(): number {
  return ++calls;
}

export { argv };
