/** A bundle: a directory with config.json (runtime-spec bundle.md). Reads it, or says what is wrong with it. */

import { textOf } from './args.js';
import type { ParsedOptions } from './commands.js';

import { load, native } from './host.js';
import { JsonError, parseJson } from './json.js';
import { failure, isErrno, reason } from './report.js';
import { absolute } from './root-dir.js';
import type { Process, Spec } from './spec.js';
import { checkProcess, checkSpec } from './validate/quick.js';

interface Cold {
  describeIssues(part: 'config' | 'process', document: unknown): string;
}

export interface Bundle {
  /** absolute path of the directory */
  directory: string;
  /** absolute path of the configuration */
  file: string;
  /** the configuration as it is in the file */
  text: string;
  spec: Spec;
}

/** A JSON file with its text; throws a failure that says what is wrong with it. */
export function readJson(file: string): { text: string; document: unknown } {
  let text: string;
  try {
    text = native.readText(file);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) throw failure(`${file} does not exist`);
    if (isErrno(error, 'EILSEQ')) throw failure(`${file} is not JSON: it is not valid UTF-8`);
    throw failure(`cannot read ${file}: ${reason(error)}`);
  }
  try {
    return { text, document: parseJson(text) };
  } catch (error) {
    if (error instanceof JsonError) throw failure(`${file} is not JSON: ${error.message}`);
    throw error;
  }
}

/** Throws what is wrong with a document. The quick check also says no to what only deserves a warning. */
function refuseErrors(part: 'config' | 'process', document: unknown, file: string): void {
  const errors = load<Cold>('cold').describeIssues(part, document);
  if (errors !== '') throw failure(`${file}: ${errors}`);
}

/** The bundle and the configuration that the options name, absolute. */
export function bundleFiles(options: ParsedOptions): { directory: string; file: string } {
  const directory = absolute(textOf(options, 'bundle') ?? '.');
  if (native.stat(directory)?.kind !== 'd') throw failure(`the bundle ${directory} is not a directory`);
  const name = textOf(options, 'config') ?? 'config.json';
  return { directory, file: name.startsWith('/') ? name : `${directory}/${name}` };
}

/** The bundle that the options name, its configuration checked. */
export function readBundle(options: ParsedOptions): Bundle {
  const { directory, file } = bundleFiles(options);
  const { text, document } = readJson(file);
  if (!checkSpec(document, text)) refuseErrors('config', document, file);
  return { directory, file, text, spec: document as Spec };
}

/** The process of `exec --process`. */
export function readProcess(file: string): Process {
  const { text, document } = readJson(file);
  if (!checkProcess(document, text)) refuseErrors('process', document, file);
  return document as Process;
}
