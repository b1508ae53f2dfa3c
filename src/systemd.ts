/** The systemd manager: one transient scope per container, made with all its properties in one call. */
import { type Connection, call, connect, type Message, type Value, waitFor } from './dbus.js';
import { native } from './host.js';
import type { Property, Scope } from './plan/systemd.js';
import { failure, isErrno, reason } from './report.js';

/** How long the manager may take for anything, in milliseconds. */
const deadline = 30_000;
const destination = 'org.freedesktop.systemd1';
const path = '/org/freedesktop/systemd1';

/**
 * The manager's own socket, which needs no message bus and sends its signals to all; else the bus. For a user's manager
 * the same below XDG_RUNTIME_DIR.
 */
function open(user: boolean): Connection {
  const runtime = user ? native.env('XDG_RUNTIME_DIR') || `/run/user/${native.identity()[1]}` : '/run';
  try {
    return connect(`${runtime}/systemd/private`, deadline);
  } catch (error) {
    const bus = user ? `${runtime}/bus` : '/run/dbus/system_bus_socket';
    try {
      const connection = connect(bus, deadline);
      const from = {
        destination: 'org.freedesktop.DBus',
        path: '/org/freedesktop/DBus',
        interface: 'org.freedesktop.DBus',
      };
      call(connection, { ...from, member: 'Hello', signature: '', body: [] }, deadline);
      const rule = `type='signal',sender='${destination}',member='JobRemoved'`;
      call(connection, { ...from, member: 'AddMatch', signature: 's', body: [rule] }, deadline);
      manager(connection, 'Subscribe', '', []);
      return connection;
    } catch {
      throw failure(
        `the systemd cgroup manager needs a running systemd: connect ${runtime}/systemd/private: ${reason(error)}`,
      );
    }
  }
}

function manager(connection: Connection, member: string, signature: string, body: readonly Value[]): Message {
  try {
    return call(
      connection,
      { destination, path, interface: 'org.freedesktop.systemd1.Manager', member, signature, body },
      deadline,
    );
  } catch (error) {
    if (isErrno(error, 'ETIMEDOUT'))
      throw failure(`systemd did not answer ${member} within ${deadline / 1000} seconds`);
    throw error;
  }
}

function waitForJob(connection: Connection, job: string, unit: string): void {
  let done: Message;
  try {
    done = waitFor(
      connection,
      message => message.member === 'JobRemoved' && message.body[1] === job,
      deadline,
    );
  } catch (error) {
    if (isErrno(error, 'ETIMEDOUT'))
      throw failure(`systemd did not finish job ${job} for ${unit} within ${deadline / 1000} seconds`);
    throw error;
  }
  if (done.body[3] !== 'done')
    throw failure(`systemd could not start ${unit}: its job ended with "${String(done.body[3])}"`);
}

const toValue = ({ name, signature, value }: Property): Value => [name, { signature, value: value as Value }];

function request(connection: Connection, scope: Scope, pid: number): Message {
  const properties = [
    ...scope.properties.map(toValue),
    ...(pid > 0 ? [['PIDs', { signature: 'au', value: [pid] }] as Value] : []),
  ];
  return manager(connection, 'StartTransientUnit', 'ssa(sv)a(sa(sv))', [
    scope.unit,
    'replace',
    properties,
    [],
  ]);
}

/** For systemd before 252, which refuses the weight that means idle. */
export const withoutIdle = (scope: Scope): Scope => ({
  ...scope,
  properties: scope.properties.filter(({ name, value }) => name !== 'CPUWeight' || value !== 0n),
});

/** Puts a process into a new scope; returns when systemd has really done so, or why it refuses to make one. */
export function startScope(scope: Scope, pid: number, user: boolean): string | undefined {
  const connection = open(user);
  try {
    let reply = request(connection, scope, pid);
    if (reply.error === 'org.freedesktop.systemd1.UnitExists') {
      // what is left of a scope whose processes were killed; a living one stays and refuses again
      manager(connection, 'ResetFailedUnit', 's', [scope.unit]);
      reply = request(connection, scope, pid);
    }
    if (reply.error === 'org.freedesktop.DBus.Error.InvalidArgs')
      reply = request(connection, withoutIdle(scope), pid);
    if (reply.error) return `systemd refuses to start ${scope.unit}: ${String(reply.body[0] ?? reply.error)}`;
    waitForJob(connection, String(reply.body[0]), scope.unit);
    return undefined;
  } finally {
    native.close(connection.descriptor);
  }
}

/** Stops and forgets a scope; one that is gone already is fine. */
export function stopUnit(unit: string, user: boolean): void {
  const connection = open(user);
  try {
    const reply = manager(connection, 'StopUnit', 'ss', [unit, 'replace']);
    if (reply.error && reply.error !== 'org.freedesktop.systemd1.NoSuchUnit') {
      throw failure(`systemd cannot stop ${unit}: ${String(reply.body[0] ?? reply.error)}`);
    }
    if (!reply.error) waitForJob(connection, String(reply.body[0]), unit);
    manager(connection, 'ResetFailedUnit', 's', [unit]);
  } finally {
    native.close(connection.descriptor);
  }
}
