/** The D-Bus client against the reference implementation, which refuses every message that is not by the specification. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { makeScope } from '../../src/plan/systemd.js';
import { native } from './host.js';

Object.assign(globalThis, { __native: native, __argv: [] });
const { call, connect } = await import('../../src/dbus.js');

const missing = spawnSync('dbus-daemon', ['--version']).error ? 'dbus-daemon is not installed' : false;

const config = (socket: string): string => `<busconfig>
  <listen>unix:path=${socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>`;

t.test('a signal does not end the wait for an answer', async t => {
  const socket = `/tmp/dbus-${process.pid}-silent`;
  const server = createServer().listen(socket);
  await once(server, 'listening');
  t.teardown(() => server.close());
  process.once('SIGUSR2', () => {});
  const begin = Date.now();
  spawn('sh', ['-c', `sleep 0.1; kill -USR2 ${process.pid}`], { stdio: 'ignore' });
  const connection = native.connectUnix(socket);
  t.throws(() => native.receive(connection, 500), { code: 'ETIMEDOUT' });
  t.ok(Date.now() - begin >= 450);
  native.close(connection);
});

t.test('a message bus takes our messages', { skip: missing }, async t => {
  const directory = t.testdir({});
  const socket = `/tmp/dbus-${process.pid}`; // the path of a socket is short
  writeFileSync(`${directory}/bus.conf`, config(socket));
  const daemon = spawn('dbus-daemon', ['--nofork', '--nosyslog', `--config-file=${directory}/bus.conf`], {
    env: { PATH: process.env.PATH },
    stdio: 'ignore',
  });
  t.teardown(() => {
    daemon.kill('SIGKILL');
    rmSync(socket, { force: true });
  });
  for (let tries = 0; tries < 500 && !existsSync(socket); tries++) await sleep(10);

  const connection = connect(socket, 5000);
  const bus = {
    destination: 'org.freedesktop.DBus',
    path: '/org/freedesktop/DBus',
    interface: 'org.freedesktop.DBus',
  };
  const hello = call(connection, { ...bus, member: 'Hello', signature: '', body: [] }, 5000);
  t.match(hello.body, [/^:1\.\d+$/]);
  const owner = call(connection, { ...bus, member: 'GetNameOwner', signature: 's', body: ['no.body'] }, 5000);
  t.match(owner, { error: 'org.freedesktop.DBus.Error.NameHasNoOwner', body: [/no\.body/] });

  // every signature that a scope can have
  const { properties, unit } = makeScope({
    id: 'box',
    cgroupsPath: undefined,
    user: false,
    resources: {
      memory: { limit: 5 },
      cpu: { cpus: '0-99', quota: 5000 },
      blockIO: { throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 5 }] },
      devices: [{ allow: false }, { allow: true, type: 'c', major: 1, minor: 3, access: 'r' }],
    },
    annotations: Object.fromEntries(
      ['true', "'s'", '-5', '1.5', 'uint32 5', 'int64 -5', "['a', 'b']", '[]'].map((text, index) => [
        `org.systemd.property.Some${'abcdefgh'[index]}`,
        text,
      ]),
    ),
  });
  const values = [
    ...properties.map(({ name, signature, value }) => [name, { signature, value: value as never }] as const),
    ['PIDs', { signature: 'au', value: [1, 2] }] as const,
  ];
  t.strictSame([...new Set(values.map(([, { signature }]) => signature))].sort(), [
    'a(ss)',
    'a(st)',
    'as',
    'au',
    'ay',
    'b',
    'd',
    'i',
    's',
    't',
    'u',
    'x',
  ]);
  const start = {
    destination: 'no.body',
    path: '/a',
    interface: 'a.b',
    member: 'StartTransientUnit',
    signature: 'ssa(sv)a(sa(sv))',
    body: [unit, 'replace', values, [['aux', []]]],
  };
  t.match(call(connection, start, 5000), { error: 'org.freedesktop.DBus.Error.ServiceUnknown' });
  native.close(connection.descriptor);
});
