import './fixtures/fake-host.js';

import { readFileSync, statSync } from 'node:fs';
import t from 'tap';
import { errnoName, errnoText } from '../../src/errno.js';
import { debug, failure, isErrno, messageOf, openLog, reason, report } from '../../src/report.js';
import { rfc3339 } from '../../src/rfc3339.js';
import { host, nativeError, resetHost } from './fixtures/fake-host.js';

t.beforeEach(resetHost);

t.test('a failure goes to standard error as it is', async t => {
  openLog({ log: undefined, logFormat: 'text', debug: false });
  t.equal(report(failure('exec: "x": executable file not found in $PATH'), 1), 1);
  t.equal(host.written[2], 'exec: "x": executable file not found in $PATH\n');
  t.equal(host.written[1], '');
});

t.test('hint and exit status', async t => {
  openLog({ log: undefined, logFormat: 'text', debug: false });
  t.equal(report(failure('no', { hint: 'do that', exit: 3 }), 1), 3);
  t.equal(host.written[2], 'no (do that)\n');
});

t.test('of a message without end both ends are told', async t => {
  openLog({ log: undefined, logFormat: 'text', debug: false });
  report(failure(`begin${'\u{1f4a9}'.repeat(100_000)}end`), 1);
  const { length } = host.written[2]!;
  t.ok(length < 10_000, `${length} characters`);
  t.match(host.written[2], /^begin\p{So}+ … \p{So}+end\n$/u);
});

t.test('the log is appended to, one JSON object per line', async t => {
  const log = `${t.testdir({ log: '{"level":"error","msg":"old"}\n' })}/log`;
  openLog({ log, logFormat: 'json', debug: false });
  t.equal(report(failure('container not running'), 255), 255);
  const lines = readFileSync(log, 'utf8').split('\n');
  t.equal(lines.length, 3);
  t.equal(lines[1], '{"level":"error","msg":"container not running","time":"2023-11-14T22:13:20.12Z"}');
  t.equal(host.written[2], 'container not running\n', 'on standard error too');
});

t.test('terminals are given no commands', async t => {
  openLog({ log: undefined, logFormat: 'text', debug: true });
  report(failure('a\x1b[2Jb\x9bc\u202ed\u2028e\nf ü 👍'), 1);
  t.equal(host.written[2], 'a\\x1b[2Jb\\x9bc\\u202ed\\u2028e; f ü 👍\n');
  debug('g\x07\nh');
  t.equal(host.written[2]!.split('\n')[1], 'debug: g\\x07; h');
});

t.test('the log as text', async t => {
  const log = `${t.testdir()}/log`;
  openLog({ log, logFormat: 'text', debug: true });
  t.equal(statSync(log).mode & 0o777, 0o644, 'it is made at once');
  debug('first');
  report(failure('exec: "x": not there'), 1);
  t.equal(
    readFileSync(log, 'utf8'),
    'time="2023-11-14T22:13:20.12Z" level=debug msg=first\n' +
      'time="2023-11-14T22:13:20.12Z" level=error msg="exec: \\"x\\": not there"\n',
  );
  t.equal(host.written[2], 'exec: "x": not there\n', 'debug records are in the log only');
});

t.test('debug records', async t => {
  openLog({ log: undefined, logFormat: 'json', debug: false });
  debug('not wanted');
  t.equal(host.written[2], '');
  openLog({ log: undefined, logFormat: 'json', debug: true });
  debug('wanted');
  t.equal(host.written[2], 'debug: wanted\n');
});

t.test('a log that cannot be opened', async t => {
  const log = `${t.testdir()}/none/log`;
  t.throws(() => openLog({ log, logFormat: 'json', debug: false }), {
    message: `cannot open log file ${log}: no such file or directory`,
  });
  t.equal(report(failure('x'), 1), 1, 'reporting goes on without it');
});

t.test('errors that nobody has put in words', async t => {
  t.equal(
    messageOf(nativeError('ENOENT', 2, 'openat2', '/b/config.json')),
    'open /b/config.json: no such file or directory',
  );
  t.equal(messageOf(nativeError('EPERM', 1, 'clone3')), 'clone3: operation not permitted');
  t.equal(messageOf(nativeError('ENOENT', 2, 'stat', '/x')), 'stat /x: no such file or directory');
  t.equal(messageOf(nativeError('EILSEQ', 84, 'getenv', 'HOME')), 'HOME is not valid UTF-8');
  t.equal(messageOf(nativeError('EPIPE', 32, 'write', '1')), 'cannot write to standard output: broken pipe');
  t.equal(messageOf(new TypeError('x is not a function')), 'internal error: x is not a function');
  t.equal(messageOf('thrown'), 'internal error: thrown');
  t.equal(reason(nativeError('EACCES', 13, 'open')), 'permission denied');
  t.equal(reason(failure('own words')), 'own words');
  t.ok(isErrno(nativeError('EACCES', 13, 'open'), 'EPERM', 'EACCES'));
  t.notOk(isErrno(failure('x'), 'EPERM'));
});

t.test('errno in words', async t => {
  const known = {
    ENOENT: 2,
    EAGAIN: 11,
    EISDIR: 21,
    EDEADLK: 35,
    ENOSYS: 38,
    ELOOP: 40,
    ENOMSG: 42,
    EOPNOTSUPP: 95,
  };
  for (const [name, number] of Object.entries({ ...known, EHWPOISON: 133, ESTALE: 116, EPERM: 1 })) {
    t.equal(errnoName(number), name);
  }
  t.equal(errnoText(2), 'no such file or directory');
  t.equal(errnoText(13), 'permission denied');
  t.equal(errnoText(133), 'memory page has hardware error');
  for (const none of [0, 41, 58, 134, -1]) {
    t.equal(errnoName(none), `errno ${none}`);
    t.equal(errnoText(none), `errno ${none}`);
  }
});

t.test('time', async t => {
  t.equal(rfc3339([0, 0]), '1970-01-01T00:00:00Z');
  t.equal(rfc3339([1_700_000_000, 1]), '2023-11-14T22:13:20.000000001Z');
  t.equal(rfc3339([1_700_000_000, 100_000_000]), '2023-11-14T22:13:20.1Z');
});
