/**
 * As much of D-Bus as it takes to call a method and to wait for a signal: the wire format of the D-Bus Specification
 * ("Message Protocol"), little-endian, over a Unix socket. Synchronous, with a deadline on every wait.
 */
import { native } from './host.js';
import { failure } from './report.js';

export type Value = boolean | string | number | bigint | Uint8Array | readonly Value[] | Variant;
export interface Variant {
  signature: string;
  value: Value;
}

export interface Message {
  type: number;
  serial: number;
  replyTo: number;
  error: string;
  member: string;
  signature: string;
  body: Value[];
}

export interface Connection {
  descriptor: number;
  serial: number;
  received: Uint8Array;
  /** signals that came while a reply was waited for */
  pending: Message[];
}

const ALIGN: { readonly [type: string]: number } = {
  y: 1,
  b: 4,
  n: 2,
  q: 2,
  i: 4,
  u: 4,
  x: 8,
  t: 8,
  d: 8,
  s: 4,
  o: 4,
  g: 1,
  a: 4,
  '(': 8,
  '{': 8,
  v: 1,
};

/** The first complete type of a signature. */
function firstType(signature: string): string {
  if (signature[0] === 'a') return `a${firstType(signature.slice(1))}`;
  if (signature[0] !== '(' && signature[0] !== '{') return signature[0] ?? '';
  let depth = 0;
  for (let i = 0; i < signature.length; i++) {
    if ('({'.includes(signature[i]!)) depth++;
    if (')}'.includes(signature[i]!) && --depth === 0) return signature.slice(0, i + 1);
  }
  return signature;
}

function typesOf(signature: string): string[] {
  const types: string[] = [];
  for (let rest = signature; rest; rest = rest.slice(types.at(-1)!.length)) types.push(firstType(rest));
  return types;
}

type Bytes = number[];

function pad(bytes: Bytes, alignment: number): void {
  while (bytes.length % alignment !== 0) bytes.push(0);
}

function putInteger(bytes: Bytes, value: bigint, size: number): void {
  for (let i = 0; i < size; i++) bytes.push(Number((value >> BigInt(8 * i)) & 0xffn));
}

/** ASCII is all that unit names and properties need; anything else is escaped by the caller or refused. */
function putString(bytes: Bytes, text: string, lengthSize: number): void {
  if (/[^\x20-\x7e]/.test(text))
    throw failure(`${JSON.stringify(text)} has characters that a unit property cannot have here`);
  putInteger(bytes, BigInt(text.length), lengthSize);
  for (let i = 0; i < text.length; i++) bytes.push(text.charCodeAt(i));
  bytes.push(0);
}

function putArray(bytes: Bytes, inner: string, items: readonly Value[] | Uint8Array): void {
  const at = bytes.length;
  putInteger(bytes, 0n, 4);
  pad(bytes, ALIGN[inner[0]!]!);
  const begin = bytes.length;
  for (const item of items) put(bytes, inner, item);
  const length = bytes.length - begin;
  for (let i = 0; i < 4; i++) bytes[at + i] = (length >>> (8 * i)) & 0xff;
}

function put(bytes: Bytes, type: string, value: Value): void {
  const kind = type[0]!;
  const alignment = ALIGN[kind]!;
  pad(bytes, alignment);
  if (kind === 's' || kind === 'o') putString(bytes, value as string, 4);
  else if (kind === 'g') putString(bytes, value as string, 1);
  else if (kind === 'b') putInteger(bytes, value ? 1n : 0n, 4);
  else if (kind === 'd') bytes.push(...new Uint8Array(new Float64Array([value as number]).buffer));
  else if (kind === 'a') putArray(bytes, type.slice(1), value as readonly Value[]);
  else if (kind === 'v') {
    const { signature, value: inner } = value as Variant;
    putString(bytes, signature, 1);
    put(bytes, signature, inner);
  } else if (kind === '(' || kind === '{') {
    for (const [i, inner] of typesOf(type.slice(1, -1)).entries())
      put(bytes, inner, (value as readonly Value[])[i]!);
  } else putInteger(bytes, BigInt(value as number | bigint), alignment);
}

interface Reader {
  bytes: Uint8Array;
  at: number;
}

function getInteger(reader: Reader, size: number): bigint {
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(reader.bytes[reader.at + i] ?? 0);
  reader.at += size;
  return value;
}

function getString(reader: Reader, lengthSize: number): string {
  const length = Number(getInteger(reader, lengthSize));
  let text = '';
  for (let i = 0; i < length; i++) text += String.fromCharCode(reader.bytes[reader.at + i] ?? 0);
  reader.at += length + 1;
  return text;
}

function get(reader: Reader, type: string): Value {
  const kind = type[0]!;
  const alignment = ALIGN[kind] ?? 1;
  reader.at = Math.ceil(reader.at / alignment) * alignment;
  if (kind === 's' || kind === 'o') return getString(reader, 4);
  if (kind === 'g') return getString(reader, 1);
  if (kind === 'v') return get(reader, getString(reader, 1));
  if (kind === '(' || kind === '{') return typesOf(type.slice(1, -1)).map(inner => get(reader, inner));
  if (kind !== 'a') {
    const value = getInteger(reader, alignment);
    return alignment === 8 ? value : Number(value);
  }
  const length = Number(getInteger(reader, 4));
  const inner = type.slice(1);
  const step = ALIGN[inner[0]!]!;
  reader.at = Math.ceil(reader.at / step) * step;
  const end = reader.at + length;
  const items: Value[] = [];
  while (reader.at < end && reader.at < reader.bytes.length) items.push(get(reader, inner));
  return items;
}

const FIELDS = {
  path: 1,
  interface: 2,
  member: 3,
  error: 4,
  replyTo: 5,
  destination: 6,
  signature: 8,
} as const;

/** Connects and says who we are: the kernel tells the other end (EXTERNAL without an identity of our own choice). */
export function connect(path: string, deadline: number): Connection {
  const descriptor = native.connectUnix(path);
  const connection: Connection = { descriptor, serial: 0, received: new Uint8Array(0), pending: [] };
  native.write(descriptor, '\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n');
  let lines = '';
  for (let end = 0; end === 0; ) {
    const bytes = native.receive(descriptor, deadline);
    for (const byte of bytes) lines += String.fromCharCode(byte);
    if (bytes.length === 0 || /^(?:REJECTED|ERROR)/m.test(lines))
      throw failure(`${path} refuses the connection`);
    const accepted = /^OK [^\r]*\r\n/m.exec(lines);
    if (accepted === null) continue;
    end = accepted.index + accepted[0].length;
    connection.received = bytes.slice(bytes.length - (lines.length - end)); // the first messages may come with it
  }
  return connection;
}

export interface Call {
  destination: string;
  path: string;
  interface: string;
  member: string;
  signature: string;
  body: readonly Value[];
}

function send(connection: Connection, call: Call): number {
  const serial = ++connection.serial;
  const body: Bytes = [];
  for (const [i, type] of typesOf(call.signature).entries()) put(body, type, call.body[i]!);
  const fields: Value[] = [
    [FIELDS.path, { signature: 'o', value: call.path }],
    [FIELDS.interface, { signature: 's', value: call.interface }],
    [FIELDS.member, { signature: 's', value: call.member }],
    [FIELDS.destination, { signature: 's', value: call.destination }],
  ];
  if (call.signature) fields.push([FIELDS.signature, { signature: 'g', value: call.signature }]);
  const bytes: Bytes = ['l'.charCodeAt(0), 1, 0, 1];
  putInteger(bytes, BigInt(body.length), 4);
  putInteger(bytes, BigInt(serial), 4);
  put(bytes, 'a(yv)', fields);
  pad(bytes, 8);
  native.write(connection.descriptor, new Uint8Array([...bytes, ...body]));
  return serial;
}

/** One message from what has been received, or undefined when it is not complete yet. */
function take(connection: Connection): Message | undefined {
  const bytes = connection.received;
  if (bytes.length < 16) return undefined;
  if (bytes[0] !== 'l'.charCodeAt(0))
    throw failure('the D-Bus connection sends numbers in another byte order');
  const header: Reader = { bytes, at: 4 };
  const bodySize = Number(getInteger(header, 4));
  const serial = Number(getInteger(header, 4));
  const fieldsSize = Number(getInteger(header, 4));
  const begin = Math.ceil((16 + fieldsSize) / 8) * 8;
  if (bytes.length < begin + bodySize) return undefined;
  const message: Message = {
    type: bytes[1]!,
    serial,
    replyTo: 0,
    error: '',
    member: '',
    signature: '',
    body: [],
  };
  for (const field of get({ bytes: bytes.subarray(0, begin), at: 12 }, 'a(yv)') as [number, Value][]) {
    const [code, value] = field;
    if (code === FIELDS.replyTo) message.replyTo = Number(value);
    if (code === FIELDS.member) message.member = String(value);
    if (code === FIELDS.error) message.error = String(value);
    if (code === FIELDS.signature) message.signature = String(value);
  }
  const reader: Reader = { bytes: bytes.slice(begin, begin + bodySize), at: 0 };
  message.body = typesOf(message.signature).map(type => get(reader, type));
  connection.received = bytes.slice(begin + bodySize);
  return message;
}

function milliseconds(): number {
  const [seconds, nanoseconds] = native.clock();
  return seconds * 1000 + Math.floor(nanoseconds / 1_000_000);
}

/** The next message that `wanted` accepts; signals before it are kept. Throws ETIMEDOUT when it does not come within `deadline` ms. */
export function waitFor(
  connection: Connection,
  wanted: (message: Message) => boolean,
  deadline: number,
): Message {
  const kept = connection.pending.findIndex(wanted);
  if (kept >= 0) return connection.pending.splice(kept, 1)[0]!;
  const end = milliseconds() + deadline;
  for (;;) {
    for (let message = take(connection); message; message = take(connection)) {
      if (wanted(message)) return message;
      if (message.type === 4) connection.pending.push(message);
    }
    const more = native.receive(connection.descriptor, Math.max(0, end - milliseconds()));
    if (more.length === 0) throw failure('the D-Bus connection was closed');
    const joined = new Uint8Array(connection.received.length + more.length);
    joined.set(connection.received);
    joined.set(more, connection.received.length);
    connection.received = joined;
  }
}

/** Calls a method and returns its reply, which may be an error: `error` then is its name and the body says why. */
export function call(connection: Connection, what: Call, deadline: number): Message {
  const serial = send(connection, what);
  return waitFor(
    connection,
    message => message.replyTo === serial && (message.type === 2 || message.type === 3),
    deadline,
  );
}
