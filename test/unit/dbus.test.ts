/** The bytes on the wire, written by hand from the D-Bus Specification ("Message Protocol", "Authentication Protocol"). */
import './fixtures/fake-host.js';

import t from 'tap';
import { native } from '../../src/host.js';

/** `6c 01 'text' 00` as bytes. */
function bytes(text: string): Uint8Array {
  const parts = [...text.matchAll(/'([^']*)'|([0-9a-f]{2})/g)];
  return new Uint8Array(
    parts.flatMap(([, quoted, hex]) => (hex ? [parseInt(hex, 16)] : [...Buffer.from(quoted!)])),
  );
}

/** What the other end sends, one chunk for each receive. */
let incoming: Uint8Array[] = [];
let sent: number[] = [];
Object.assign(native, {
  connectUnix: () => 7,
  close: () => {},
  receive: (_descriptor: number, _deadline: number) => incoming.shift() ?? new Uint8Array(0),
  write: (_descriptor: number, data: string | Uint8Array) =>
    void sent.push(...(typeof data === 'string' ? Buffer.from(data) : data)),
});
const { call, connect, waitFor } = await import('../../src/dbus.js');
const { startScope } = await import('../../src/systemd.js');

const ACCEPTED = `'DATA' 0d 0a 'OK 1234deadbeef' 0d 0a`;
const call1 = { destination: 'a.b', path: '/o', interface: 'a.b', member: 'M' };

/** A connection that has just been accepted. */
function connected(...chunks: string[]) {
  incoming = [bytes(ACCEPTED), ...chunks.map(bytes)];
  sent = [];
  const connection = connect('/socket', 1000);
  sent = [];
  return connection;
}

/** A method return with serial 9 to serial 1: no body. */
const EMPTY_REPLY = '6c 02 00 01  00 00 00 00  09 00 00 00  08 00 00 00  05 01 75 00  01 00 00 00';

t.test('who we are is what the kernel says', async t => {
  incoming = [bytes(`'DATA' 0d 0a`), bytes(`'OK 12'`), bytes(`'34' 0d 0a`)];
  sent = [];
  connect('/socket', 1000);
  t.equal(Buffer.from(sent).toString(), '\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n');
  for (const refusal of [`'REJECTED EXTERNAL' 0d 0a`, `'ERROR' 0d 0a`, '']) {
    incoming = [bytes(refusal)];
    t.throws(() => connect('/socket', 1000), { message: '/socket refuses the connection' }, refusal);
  }
});

t.test('a call: header, fields and body, each at its alignment', async t => {
  const connection = connected(EMPTY_REPLY);
  const body = ['x', [['B', { signature: 'b', value: true }]]] as const;
  call(connection, { ...call1, signature: 'sa(sv)', body }, 1000);
  t.strictSame(
    new Uint8Array(sent),
    bytes(
      `
      6c 01 00 01  20 00 00 00  01 00 00 00  4c 00 00 00
      01 01 'o' 00  02 00 00 00  '/o' 00 00 00 00 00 00
      02 01 's' 00  03 00 00 00  'a.b' 00 00 00 00 00
      03 01 's' 00  01 00 00 00  'M' 00 00 00 00 00 00 00
      06 01 's' 00  03 00 00 00  'a.b' 00 00 00 00 00
      08 01 'g' 00  06 'sa(sv)' 00  00 00 00 00
      01 00 00 00  'x' 00 00 00  10 00 00 00  00 00 00 00
      01 00 00 00  'B' 00 01 'b'  00 00 00 00  01 00 00 00`,
    ),
  );
});

/** Type, value, and its bytes as the only argument of a call. */
const VALUES: [signature: string, value: unknown, wire: string][] = [
  ['y', 255, 'ff'],
  ['b', true, '01 00 00 00'],
  ['b', false, '00 00 00 00'],
  ['q', 258, '02 01'],
  ['u', 7n, '07 00 00 00'],
  ['i', -2, 'fe ff ff ff'],
  ['x', -2n, 'fe ff ff ff ff ff ff ff'],
  ['t', 2n ** 64n - 1n, 'ff ff ff ff ff ff ff ff'],
  ['d', 1.5, '00 00 00 00 00 00 f8 3f'],
  ['s', '', '00 00 00 00 00'],
  ['g', 'a{sv}', `05 'a{sv}' 00`],
  ['ay', new Uint8Array([1, 2, 3]), '03 00 00 00 01 02 03'],
  ['au', [5], '04 00 00 00 05 00 00 00'],
  ['as', ['a', 'bc'], `0f 00 00 00  01 00 00 00 'a' 00 00 00  02 00 00 00 'bc' 00`],
  // an empty array is padded to what its items would be, which does not count as its length
  ['at', [], '00 00 00 00 00 00 00 00'],
  ['a(st)', [['a', 1n]], `10 00 00 00 00 00 00 00  01 00 00 00 'a' 00 00 00  01 00 00 00 00 00 00 00`],
  ['(yt)', [1, 2n], '01 00 00 00 00 00 00 00  02 00 00 00 00 00 00 00'],
  ['v', { signature: 't', value: 3n }, `01 't' 00 00 00 00 00 00  03 00 00 00 00 00 00 00`],
  ['v', { signature: 'a(ss)', value: [] }, `05 'a(ss)' 00 00  00 00 00 00  00 00 00 00`],
];

t.test('values of all types', async t => {
  for (const [signature, value, wire] of VALUES) {
    const connection = connected(EMPTY_REPLY);
    call(connection, { ...call1, signature, body: [value as never] }, 1000);
    const [size] = new Uint32Array(new Uint8Array(sent.slice(4, 8)).buffer);
    t.strictSame(
      new Uint8Array(sent.slice(sent.length - size!)),
      bytes(wire),
      `${signature} ${String(value)}`,
    );
    t.equal((sent.length - size!) % 8, 0, 'the body begins at a multiple of 8');
  }
});

t.test('text that is not ASCII is refused', async t => {
  for (const text of ['ü', 'a\nb', '\0'])
    t.throws(
      () => call(connected(), { ...call1, signature: 's', body: [text] }, 1000),
      /has characters that a unit property cannot have here/,
    );
});

/** A method return to serial 1 with the object path of a job; and the signal that the job is done. */
const JOB_REPLY = `
  6c 02 00 01  0b 00 00 00  05 00 00 00  0f 00 00 00
  05 01 'u' 00  01 00 00 00  08 01 'g' 00  01 'o' 00 00
  06 00 00 00  '/job/1' 00`;
const JOB_REMOVED = `
  6c 04 00 01  25 00 00 00  06 00 00 00  22 00 00 00
  03 01 's' 00  0a 00 00 00  'JobRemoved' 00  00 00 00 00 00
  08 01 'g' 00  04 'uoss' 00  00 00 00 00 00 00
  01 00 00 00  06 00 00 00  '/job/1' 00 00  07 00 00 00  'a.scope' 00  04 00 00 00  'done' 00`;

t.test('replies and signals, in whatever pieces they come', async t => {
  const wire = [...bytes(JOB_REPLY), ...bytes(JOB_REMOVED)];
  for (const size of [1, 7, 1000]) {
    const connection = connected();
    incoming = [];
    for (let at = 0; at < wire.length; at += size) incoming.push(new Uint8Array(wire.slice(at, at + size)));
    const reply = call(connection, { ...call1, signature: '', body: [] }, 1000);
    t.match(reply, { type: 2, replyTo: 1, signature: 'o', body: ['/job/1'] });
    const signal = waitFor(connection, message => message.member === 'JobRemoved', 1000);
    t.strictSame(signal.body, [1, '/job/1', 'a.scope', 'done']);
  }
});

t.test('a signal that comes before the reply is kept', async t => {
  const connection = connected(JOB_REMOVED, JOB_REPLY);
  t.strictSame(call(connection, { ...call1, signature: '', body: [] }, 1000).body, ['/job/1']);
  t.equal(waitFor(connection, ({ member }) => member === 'JobRemoved', 1000).body[3], 'done');
});

t.test('a message right behind the acceptance is not lost', async t => {
  const wire = bytes(`${ACCEPTED} ${JOB_REMOVED}`);
  incoming = [wire.slice(0, 60), wire.slice(60)];
  const connection = connect('/socket', 1000);
  t.equal(waitFor(connection, ({ member }) => member === 'JobRemoved', 1000).body[2], 'a.scope');
});

t.test('an error has its name and its words', async t => {
  const connection = connected(`
    6c 03 00 01  07 00 00 00  02 00 00 00  1f 00 00 00
    04 01 's' 00  03 00 00 00  'a.E' 00 00 00 00 00
    05 01 'u' 00  01 00 00 00  08 01 'g' 00  01 's' 00  00
    02 00 00 00  'no' 00`);
  const reply = call(connection, { ...call1, signature: '', body: [] }, 1000);
  t.match(reply, { type: 3, error: 'a.E', body: ['no'] });
});

t.test('the other end may go away, or count in the other order', async t => {
  t.throws(() => call(connected(), { ...call1, signature: '', body: [] }, 1000), /connection was closed/);
  const other = connected(EMPTY_REPLY.replace('6c', '42'));
  t.throws(() => call(other, { ...call1, signature: '', body: [] }, 1000), /another byte order/);
});

t.test('a systemd that knows no idle weight does without', async t => {
  const invalid = `
    6c 03 00 01  07 00 00 00  02 00 00 00  3f 00 00 00
    04 01 's' 00  26 00 00 00  'org.freedesktop.DBus.Error.InvalidArgs' 00 00
    05 01 'u' 00  01 00 00 00  08 01 'g' 00  01 's' 00  00
    02 00 00 00  'no' 00`;
  const second = JOB_REPLY.replace("05 01 'u' 00  01", "05 01 'u' 00  02");
  connected(invalid, second, JOB_REMOVED);
  incoming.unshift(bytes(ACCEPTED));
  const weight = { name: 'CPUWeight', signature: 't' as const, value: 0n };
  t.equal(startScope({ unit: 'a.scope', slice: '', path: '', properties: [weight] }, 5, false), undefined);
  t.equal(
    Buffer.from(sent).toString('latin1').split('CPUWeight').length,
    2,
    'the second time it is left out',
  );
});
