/** `--pid-file` of create, run and exec. */
import { textOf } from './args.js';
import type { ParsedOptions } from './commands.js';
import { native } from './host.js';
import { failure, reason } from './report.js';

/**
 * The pid file is complete or absent, and has no line break: Go callers convert it as it is. A file takes the place of
 * whatever has that name, which must not be /dev/null.
 */
export function writePidFile(options: ParsedOptions, pid: number): void {
  const file = textOf(options, 'pid-file');
  if (file === undefined) return;
  const kind = native.lstat(file)?.kind ?? 'f';
  if (!'fld'.includes(kind)) throw failure(`cannot write the pid file ${file}: it is not a regular file`);
  try {
    native.replaceFile(file, String(pid), 0o644);
  } catch (error) {
    throw failure(`cannot write the pid file ${file}: ${reason(error)}`);
  }
}
