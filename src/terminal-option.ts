/** Where the terminal of a process goes, by the options of create, run and exec. */
import { isSet, textOf } from './args.js';
import type { ParsedOptions } from './commands.js';
import type { Options } from './plan/facts.js';
import { failure } from './report.js';
import { absolute } from './root-dir.js';

/** Whoever detaches needs a socket to send it to, and nobody else can use one. */
export function terminalOption(
  options: ParsedOptions,
  terminal: boolean,
  detached: boolean,
): Options['terminal'] {
  const socket = textOf(options, 'console-socket');
  if (socket !== undefined && !detached)
    throw failure('--console-socket is for a detached container: add --detach');
  if (!terminal) {
    if (socket !== undefined)
      throw failure('--console-socket given, but there is no terminal: process.terminal is not true');
    return null;
  }
  if (!detached) return 'relay';
  if (socket !== undefined) return { socket: absolute(socket) };
  throw failure('a detached process with a terminal needs --console-socket to send the terminal to', {
    hint: isSet(options, 'tty') ? 'or leave out --tty' : 'or set process.terminal to false',
  });
}
