/**
 * JSON without loss. `config.json` holds 64-bit integers (RLIM_INFINITY, seccomp values, memory limits) that
 * `JSON.parse` would round: an integer beyond 2^53 is read as a bigint and written back digit for digit.
 */

/** Deeper nesting is refused where we walk it ourselves, for the stack's sake; no document of ours comes near it. */
const MAX_DEPTH = 1000;

/** From this length on (UTF-16 units) a text is scanned for its depth before the engine's parser sees it. */
const SCAN_LENGTH = 1 << 20;

/**
 * Objects whose keys are data. Go reads a null in them as an empty value, so that the key counts: it is kept for
 * the validator to refuse. Everywhere else a null member is an unset one.
 */
const MAPS = new Set(['annotations', 'sysctl', 'unified', 'rdma', 'netDevices', 'timeOffsets']);

/** A text that is not JSON; `message` already names line and column. */
export class JsonError extends Error {
  /** from 1 */
  readonly line: number;
  /** from 1, in characters */
  readonly column: number;
  constructor(problem: string, line: number, column: number) {
    super(`line ${line}, column ${column}: ${problem}`);
    this.name = 'JsonError';
    this.line = line;
    this.column = column;
  }
}

/**
 * Reads a JSON text. Integers beyond ±2^53 become bigint, null members of objects are left out (Go's "unset"),
 * the last of equal keys wins, and a `__proto__` key is an ordinary own property.
 * Throws {@link JsonError}.
 */
export function parseJson(text: string): unknown {
  if (text.length >= SCAN_LENGTH) scan(text);
  try {
    const integers = findLongIntegers(text);
    const value = integers.length === 0 ? JSON.parse(text) : parseWithBigInts(text, integers);
    if (mayHoldNull(text)) dropNulls(value, false, 0);
    return value;
  } catch (error) {
    if (error instanceof JsonError) throw error;
    scan(text);
    throw new JsonError('the document is nested too deeply for the stack of this process', 1, 1);
  }
}

/**
 * Finds integers of 16 and more digits that look as if they stood outside of strings: pairs of start and end.
 * Such a run covers one of every 16 positions, so that only those are looked at: in QuickJS this costs half of what
 * `JSON.parse` costs, a regular expression more than twice of it.
 */
function findLongIntegers(text: string): number[] {
  const bounds: number[] = [];
  const length = text.length;
  for (let at = 15; at < length; at += 16) {
    const unit = text.charCodeAt(at);
    if (unit > 0x39 || unit < 0x30) continue;
    let start = at;
    while (isDigit(text.charCodeAt(start - 1))) start--;
    while (isDigit(text.charCodeAt(at + 1))) at++;
    if (at + 1 - start < 16) continue;
    if (text[start - 1] === '-') start--;
    const before = text[skipSpaceBack(text, start)];
    const after = text[skipSpace(text, at + 1)];
    if ((before === undefined || ':,['.includes(before)) && (after === undefined || ',]}'.includes(after))) {
      bounds.push(start, at + 1);
    }
  }
  return bounds;
}

function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39;
}

/**
 * Quotes the long integers, parses, and turns the marked strings into bigints. What only looked like standing
 * outside of a string breaks the syntax when it is quoted: then all tokens are told apart.
 */
function parseWithBigInts(text: string, bounds: number[]): unknown {
  const marker = unusedCharacter(text);
  const quote = (digits: string) =>
    !/^-?[1-9]/.test(digits) || Number.isSafeInteger(Number(digits)) ? digits : `"${marker}${digits}"`;
  let quoted = '';
  let from = 0;
  for (let i = 0; i < bounds.length; i += 2) {
    quoted += text.slice(from, bounds[i]) + quote(text.slice(bounds[i], bounds[i + 1]));
    from = bounds[i + 1]!;
  }
  let value: unknown;
  try {
    value = JSON.parse(quoted + text.slice(from));
  } catch {
    const tokens = /"(?:[^"\\]+|\\.)*"|-?\d[\d.eE+-]*/g;
    value = JSON.parse(text.replace(tokens, token => (/^-?\d{16,}$/.test(token) ? quote(token) : token)));
  }
  return unmark({ value }, marker, 0).value;
}

/** A character of the private use area that the text holds neither as such nor as an escape. */
function unusedCharacter(text: string): string {
  let code = 0xe000;
  while (text.includes(String.fromCharCode(code)) || text.toLowerCase().includes(escaped(code))) code++;
  return String.fromCharCode(code);
}

function unmark<T extends object>(container: T, marker: string, depth: number): T {
  if (depth > MAX_DEPTH) throw tooDeep(1, 1);
  const members = container as Record<string, unknown>;
  for (const key of Object.keys(members)) {
    const value = members[key];
    if (typeof value === 'string') {
      if (value.startsWith(marker)) members[key] = BigInt(value.slice(1));
    } else if (typeof value === 'object' && value !== null) {
      unmark(value, marker, depth + 1);
    }
  }
  return container;
}

function mayHoldNull(text: string): boolean {
  for (let at = text.indexOf('null'); at !== -1; at = text.indexOf('null', at + 4)) {
    if (text[skipSpaceBack(text, at)] === ':') return true;
  }
  return false;
}

function dropNulls(value: unknown, isMap: boolean, depth: number): void {
  if (depth > MAX_DEPTH) throw tooDeep(1, 1);
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    for (const item of value) dropNulls(item, false, depth + 1);
    return;
  }
  const members = value as Record<string, unknown>;
  for (const key of Object.keys(members)) {
    const member = members[key];
    if (member === null) {
      if (!isMap) delete members[key];
    } else {
      dropNulls(member, MAPS.has(key), depth + 1);
    }
  }
}

/**
 * Writes a value as `JSON.stringify` does, bigints as plain digits. `indent` is a number of spaces or the text of
 * one level (`'\t'`); 0 writes one line.
 */
export function stringifyJson(value: unknown, indent: number | string = 0): string {
  try {
    return JSON.stringify(value, null, indent);
  } catch {
    const step = typeof indent === 'number' ? ' '.repeat(indent) : indent;
    return write(value, step, '\n', 0) ?? 'null';
  }
}

function write(value: unknown, step: string, newline: string, depth: number): string | undefined {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (depth > MAX_DEPTH) throw tooDeep(1, 1);
  const inner = newline + step;
  const parts: string[] = [];
  if (Array.isArray(value)) {
    for (const item of value) parts.push(write(item, step, inner, depth + 1) ?? 'null');
  } else {
    for (const key of Object.keys(value)) {
      const text = write((value as Record<string, unknown>)[key], step, inner, depth + 1);
      if (text !== undefined) parts.push(`${JSON.stringify(key)}:${step === '' ? '' : ' '}${text}`);
    }
  }
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  if (parts.length === 0) return `${open}${close}`;
  return step === ''
    ? `${open}${parts.join(',')}${close}`
    : `${open}${inner}${parts.join(`,${inner}`)}${newline}${close}`;
}

function tooDeep(line: number, column: number): JsonError {
  return new JsonError(`the document is nested more than ${MAX_DEPTH} levels deep`, line, column);
}

/**
 * Walks a text by the grammar of RFC 8259, without recursion, and throws at the first error. The engines' own
 * messages differ; this one is the same everywhere. Returns when there is nothing wrong. (QuickJS's parser lets a few
 * broken texts pass, `1.`, `-01`, `"\\'"`: they never come here, and what they mean is plain.)
 */
function scan(text: string): void {
  const fail = (at: number, problem: string): never => {
    throw errorAt(text, at, problem);
  };
  if (text.charCodeAt(0) === 0xfeff) fail(0, 'the document starts with a byte order mark');
  const closers: string[] = [];
  let at = skipSpace(text, 0);
  if (at === text.length) fail(at, 'the document is empty');
  for (;;) {
    const opener = text[at];
    if (opener === '{' || opener === '[') {
      if (closers.length >= MAX_DEPTH) throw tooDeep(...position(text, at));
      closers.push(opener === '{' ? '}' : ']');
      at = skipSpace(text, at + 1);
      if (text[at] !== closers[closers.length - 1]) {
        if (opener === '{') at = scanKey(text, at, fail);
        continue;
      }
    }
    at = opener === '{' || opener === '[' ? at : scanScalar(text, at, fail);
    for (at = skipSpace(text, at); closers.length > 0 && text[at] === closers[closers.length - 1]; ) {
      closers.pop();
      at = skipSpace(text, at + 1);
    }
    if (closers.length === 0) break;
    if (text[at] !== ',')
      fail(at, `expected "," or "${closers[closers.length - 1]}", found ${found(text, at)}`);
    at = skipSpace(text, at + 1);
    if (closers[closers.length - 1] === '}') at = scanKey(text, at, fail);
  }
  if (at < text.length) fail(at, `expected the end of the document, found ${found(text, at)}`);
}

type Fail = (at: number, problem: string) => never;

/** Reads `"key" :` and returns where the value starts. */
function scanKey(text: string, at: number, fail: Fail): number {
  if (text[at] !== '"') fail(at, `expected a key in double quotes, found ${found(text, at)}`);
  const colon = skipSpace(text, scanString(text, at, fail));
  if (text[colon] !== ':') fail(colon, `expected ":" after the key, found ${found(text, colon)}`);
  return skipSpace(text, colon + 1);
}

function scanScalar(text: string, at: number, fail: Fail): number {
  if (text[at] === '"') return scanString(text, at, fail);
  const scalar = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.+-])/y;
  scalar.lastIndex = at;
  if (!scalar.test(text)) fail(at, `expected a value, found ${found(text, at)}`);
  return scalar.lastIndex;
}

function scanString(text: string, start: number, fail: Fail): number {
  for (let at = start + 1; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === 0x22) return at + 1;
    if (unit < 0x20) fail(at, `a string holds a control character; write it as ${escaped(unit)}`);
    if (unit === 0x5c) {
      const known = /["\\/bfnrt]|u[0-9a-fA-F]{4}/y;
      known.lastIndex = at + 1;
      if (!known.test(text)) fail(at, 'a string holds an escape that JSON does not know');
      at = known.lastIndex - 1;
    }
  }
  return fail(start, 'a string has no closing quote');
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at++;
  return at;
}

/** The last position before `from` that is not white space; -1 when there is none. */
function skipSpaceBack(text: string, from: number): number {
  let at = from - 1;
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at--;
  return at;
}

/** Names what stands at a place of the text: a word, a number or a single character. */
function found(text: string, at: number): string {
  if (at >= text.length) return 'the end of the document';
  const word = /[\w.+-]{1,40}/y;
  word.lastIndex = at;
  const token = word.exec(text)?.[0] ?? String.fromCodePoint(text.codePointAt(at)!);
  return token === '"' ? 'a string' : token < ' ' ? escaped(token.charCodeAt(0)) : `"${token}"`;
}

function escaped(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`;
}

function errorAt(text: string, at: number, problem: string): JsonError {
  return new JsonError(problem, ...position(text, at));
}

function position(text: string, at: number): [line: number, column: number] {
  const before = text.slice(0, at);
  const lineStart = before.lastIndexOf('\n') + 1;
  return [before.split('\n').length, [...before.slice(lineStart)].length + 1];
}
