/**
 * Compiling a profile takes longer than all the rest of a plan, and most containers have the same one. So compiled
 * filters are kept in `ROOT/.filters` (no container can be called so), each under a digest of all that it depends on:
 * the profile, the architecture, and the compiler itself.
 */
import type { Compiled } from 'seccomp-bpf-ts';
import { native } from './host.js';
import { stringifyJson } from './json.js';
import { debug, isErrno, messageOf } from './report.js';
import type { Seccomp } from './spec.js';

/** Set by the build: a digest of the compiler's bundle. */
declare const __compiler: string;

/** A host has a few profiles; who has more than this many starts anew. */
const MOST = 64;
const HEADER = 12;

const directoryOf = (root: string): string => `${root}/.filters`;

/**
 * A profile as a text that no other profile has. Its hundreds of names go behind the rest, each with an end that no text
 * of a configuration holds (validate/container.ts): as JSON they cost four times as much.
 */
function profileText(seccomp: Seccomp): string {
  let names = '';
  const syscalls = seccomp.syscalls?.map(rule => {
    names += `${rule.names.join('\0')}\0`;
    return { ...rule, names: rule.names.length };
  });
  return stringifyJson({ ...seccomp, syscalls }) + names;
}

/** The name under which a profile's filter is kept. */
export const filterKey = (seccomp: Seccomp, architecture: string): string =>
  native.digest(`${__compiler}\n${architecture}\n${profileText(seccomp)}`);

/** The filter that was kept under that key, or undefined. */
export function recallFilter(root: string, key: string): Compiled | undefined {
  try {
    const bytes = native.readBytes(`${directoryOf(root)}/${key}`);
    const [size = 0, flags = 0, notify = 0] = new Uint32Array(bytes.buffer, bytes.byteOffset, HEADER / 4);
    const program = bytes.subarray(HEADER, HEADER + size);
    const warnings = JSON.parse(String.fromCharCode(...bytes.subarray(HEADER + size))) as string[];
    return { program, flags, notify: notify === 1, warnings };
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'ENOTDIR')) debug(`the kept filter ${key}: ${messageOf(error)}`);
    return undefined;
  }
}

/** Keeps a filter. That this may fail costs time only. */
export function keepFilter(root: string, key: string, filter: Compiled): void {
  const warnings = JSON.stringify(filter.warnings);
  if (!/^[\x20-\x7e]*$/.test(warnings) || warnings.length > 10_000) return;
  const { program } = filter;
  const bytes = new Uint8Array(HEADER + program.length + warnings.length);
  new Uint32Array(bytes.buffer, 0, HEADER / 4).set([program.length, filter.flags, filter.notify ? 1 : 0]);
  bytes.set(program, HEADER);
  for (let i = 0; i < warnings.length; i++) bytes[HEADER + program.length + i] = warnings.charCodeAt(i);
  const directory = directoryOf(root);
  try {
    if (native.stat(directory) === null) native.mkdir(directory, 0o700);
    else if (native.list(directory).length >= MOST) native.removeTree(directory);
    native.replaceFile(`${directory}/${key}`, bytes, 0o600);
  } catch (error) {
    debug(`the filter is not kept: ${messageOf(error)}`);
  }
}
