/**
 * The error report: exactly one record per invocation.
 *
 * The text goes to standard error as it is, because podman and buildah show that; with `--log` one line is appended to
 * the log file as well, because containerd and docker show that. The log file of a container is shared by all calls, so
 * it is only ever appended to, one write(2) per line; it may be a fifo, whose reader goes when it is closed, so it is
 * opened once. Nothing else is written before an error: podman takes the whole
 * file for one JSON object.
 */
import type { GlobalOptions } from './commands.js';
import { errnoText } from './errno.js';
import { native } from './host.js';
import type { NativeError } from './native.js';
import { rfc3339 } from './rfc3339.js';

/** An error that is meant for the user. */
export interface Failure extends Error {
  isFailure: true;
  /** what to do about it; shown in parentheses behind the message */
  hint?: string;
  /** exit status, when it is not the command's usual one */
  exit?: number;
  /** what failed is that somebody killed init during the walk */
  initDied?: boolean;
}

/** Makes the error to throw: message in lower case, one sentence, without full stop. */
export function failure(message: string, more?: Pick<Failure, 'hint' | 'exit' | 'initDied'>): Failure {
  return Object.assign(new Error(message), { isFailure: true as const }, more);
}

/** Whether error came from the host with one of these errno names. */
export function isErrno(error: unknown, ...codes: string[]): error is NativeError {
  return error instanceof Error && codes.includes((error as NativeError).code);
}

/** The errno of a host error in words; the message of any other error. */
export function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { errno } = error as NativeError;
  return typeof errno === 'number' ? errnoText(errno) : error.message;
}

/** What to tell the user about anything that was thrown. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return `internal error: ${String(error)}`;
  const { isFailure, hint } = error as Failure;
  if (isFailure) return hint === undefined ? error.message : `${error.message} (${hint})`;
  const { errno, syscall, path } = error as NativeError;
  if (typeof errno !== 'number') return `internal error: ${error.message}`;
  if (isErrno(error, 'EILSEQ')) return `${path} is not valid UTF-8`;
  if (syscall === 'write' && path === '1') return `cannot write to standard output: ${errnoText(errno)}`;
  const call = syscall.replace(/^(open|mkdir|unlink|rename|readlink|fchmod|fchown|faccess)at2?$/, '$1');
  return path ? `${call} ${path}: ${errnoText(errno)}` : `${call}: ${errnoText(errno)}`;
}

interface Destination {
  /** descriptor of the log file */
  file: number | undefined;
  json: boolean;
  debug: boolean;
}

/** Every bundle has its own copy of this module; what they all share is the host, so the destination is kept there. */
const shared: { log?: Destination } = native as object;
const silent: Destination = { file: undefined, json: false, debug: false };
const destination = (): Destination => shared.log ?? silent;

/** Says where records go, and makes sure that the log file can be written; throws a failure when it cannot. */
export function openLog(global: Pick<GlobalOptions, 'log' | 'logFormat' | 'debug'>): void {
  const log: Destination = { file: undefined, json: global.logFormat === 'json', debug: global.debug };
  shared.log = log;
  if (global.log === undefined) return;
  try {
    log.file = native.openAppend(global.log, 0o644);
  } catch (error) {
    throw failure(`cannot open log file ${global.log}: ${reason(error)}`);
  }
}

/** What is quoted may be megabytes long: of such a message both ends are told. */
const MOST = 4000;
function shortened(text: string): string {
  if (text.length <= 2 * MOST) return text;
  const [head, tail] = [text.slice(0, MOST), text.slice(-MOST)];
  return `${head.replace(/[\ud800-\udbff]$/, '')} … ${tail.replace(/^[\udc00-\udfff]/, '')}`; // no half surrogate pairs
}

/** What terminals obey: control characters, and those that end lines or turn the direction of text around. */
const COMMANDS = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

function escaped(character: string): string {
  const code = character.charCodeAt(0).toString(16);
  return code.length > 2 ? `\\u${code.padStart(4, '0')}` : `\\x${code.padStart(2, '0')}`;
}

/** One line of mere text, whatever a hook printed or a file is called: callers show the last line only. */
function oneLine(message: string): string {
  const joined = shortened(message.trim()).replace(/\s*[\r\n]\s*/g, '; ');
  return joined.replace(COMMANDS, escaped);
}

/** A value of logfmt: quoted unless it is a bare word. */
function quote(text: string): string {
  return /^[A-Za-z0-9\-._/@^+]+$/.test(text) ? text : JSON.stringify(text);
}

function record(level: 'error' | 'warning' | 'debug', message: string): string {
  const time = rfc3339(native.clock());
  return destination().json
    ? `${JSON.stringify({ level, msg: message, time })}\n`
    : `time=${JSON.stringify(time)} level=${level} msg=${quote(message)}\n`;
}

/** Writes where a failure to write cannot be told to anybody. */
function write(text: string, descriptor: number): void {
  try {
    native.write(descriptor, text);
  } catch {
    // the other place has the message, or nobody listens
  }
}

/** A record for people who look for a mistake; nothing without `--debug`. */
export function debug(message: string): void {
  const log = destination();
  if (!log.debug) return;
  if (log.file === undefined) write(`debug: ${oneLine(message)}\n`, 2);
  else write(record('debug', message), log.file);
}

/**
 * A record of what the specification wants to be warned of, once all has succeeded: an error is to be alone. Without a
 * log file only `--debug` shows it, because standard error may be the container's.
 */
export function warn(message: string): void {
  const log = destination();
  if (log.file !== undefined) write(record('warning', oneLine(message)), log.file);
  else if (log.debug) write(`warning: ${oneLine(message)}\n`, 2);
}

/** The one error record. Returns the exit status: the error's own, else `usual`. */
export function report(error: unknown, usual: number): number {
  const log = destination();
  const message = oneLine(messageOf(error));
  if (log.debug && error instanceof Error && message.startsWith('internal error')) debug(String(error.stack));
  if (log.file !== undefined) write(record('error', message), log.file);
  write(`${message}\n`, 2);
  return (error instanceof Error ? (error as Failure).exit : undefined) ?? usual;
}
