import './fixtures/fake-host.js';

import { existsSync, readFileSync } from 'node:fs';
import t from 'tap';
import { main } from '../../src/cli.js';
import * as cold from '../../src/cold-part.js';
import { failure } from '../../src/report.js';
import { createState, unlockState } from '../../src/state.js';
import { host, nativeError, resetHost } from './fixtures/fake-host.js';
import { record } from './fixtures/record.js';

t.beforeEach(resetHost);

function runts(...args: string[]): { status: number; out: string; err: string } {
  host.parts.cold = cold;
  host.argv.push(...args);
  const status = main();
  const { 1: out, 2: err } = host.written;
  resetHost();
  return { status, out: out!, err: err! };
}

t.test('nothing to do', async t => {
  t.match(runts(), { status: 1, out: '', err: /^no command given/ });
  t.match(runts('nonsense'), { status: 3, out: '', err: /^unknown command "nonsense"/ });
  t.match(runts('--nonsense', 'list'), { status: 1, out: '', err: /not defined: --nonsense/ });
});

t.test('version', async t => {
  for (const word of ['--version', '-v']) {
    const { status, out } = runts(word);
    t.equal(status, 0);
    t.match(out, /^runts version \S+\ncommit: \S+\nspec: 1\.3\.0\n$/);
  }
});

t.test('help', async t => {
  t.match(runts('--help'), { status: 0, out: /^Usage: runts /, err: '' });
  t.match(runts('-h'), { status: 0, out: /^Usage: runts / });
  t.match(runts('help'), { status: 0, out: /^Usage: runts / });
  t.match(runts('kill', '--help'), { status: 0, out: /^runts kill / });
  t.match(runts('help', 'kill'), { status: 0, out: /^runts kill / });
  t.match(runts('help', 'kil'), { status: 3, err: /did you mean kill/ });
  t.match(runts('completion'), { status: 0, out: /complete/ });
  t.match(runts('--get-yargs-completions', 'runts', 'sta'), { status: 0, out: /^state$/m });
});

t.test('a command', async t => {
  const root = t.testdir();
  unlockState(createState(root, record()));
  t.match(runts('--root', root, 'state', 'box'), { status: 0, out: /"stopped"/, err: '' });
  t.match(runts('--root', root, 'list', '-q'), { status: 0, out: 'box\n', err: '' });
  t.match(runts('--root', root, 'ps', '-f', 'json', 'box'), { status: 0, out: 'null\n', err: '' });
  t.match(runts('--root', root, 'delete', 'box'), { status: 0, out: '', err: '' });
  t.match(runts('--root', root, 'state', 'box'), { status: 1, out: '', err: 'container does not exist\n' });
  t.match(runts('--root', root, 'delete', '--force', 'box'), { status: 0, out: '', err: '' });
});

t.test('a command of another part', async t => {
  const calls: unknown[] = [];
  host.parts.create = {
    create: (...given: unknown[]) => {
      calls.push(given);
      return 42;
    },
    run: () => {
      throw nativeError('EPERM', 1, 'clone3');
    },
  };
  host.parts.exec = {
    exec: () => {
      throw failure('exec failed: container does not exist');
    },
  };
  t.equal(runts('--debug', 'create', '-b', '/b', 'box').status, 42);
  t.match(calls, [
    [{ command: 'create', global: { debug: true } }, { bundle: '/b', config: 'config.json' }, ['box']],
  ]);
  t.match(runts('exec', 'box', 'ls'), { status: 255, err: 'exec failed: container does not exist\n' });
  t.match(runts('exec', '--nonsense'), { status: 1 }, 'a mistake of the caller');
  t.match(runts('run', 'box'), { status: 1, err: 'clone3: operation not permitted\n' });
});

t.test('the log has every failure', async t => {
  const directory = t.testdir();
  const log = `${directory}/log.json`;
  const last = () => JSON.parse(readFileSync(log, 'utf8').trim().split('\n').at(-1)!).msg;
  const G = ['--root', directory, '--log', log, '--log-format', 'json'];
  t.match(runts(...G, 'state', 'none'), { status: 1, err: 'container does not exist\n' });
  t.equal(last(), 'container does not exist');
  runts(...G, 'stat');
  t.match(last(), 'unknown command "stat"');
  runts('--nonsense', ...G, 'state', 'x');
  t.match(last(), /--nonsense/, 'a mistake before --log');
  runts(`--log=${log}`, '--log-format=json', '--cgroup-manager', 'x', 'state', 'x');
  t.match(last(), /unknown cgroup-manager "x"/);
  t.equal(readFileSync(log, 'utf8').trim().split('\n').length, 4, 'one record for each');
});

t.test('a log that cannot be opened', async t => {
  const directory = t.testdir();
  const log = `${directory}/gone/log.json`;
  t.match(runts('--log', log, '--root', directory, 'state', 'x'), {
    status: 1,
    err: /^cannot open log file /,
  });
  t.match(runts('--log', log, '--root', directory, 'delete', '--force', 'x'), { status: 0, err: '' });
  t.match(runts('--log', log, '--log-format', 'xml', 'state', 'x'), {
    status: 1,
    err: /unknown log-format "xml"/,
  });
});

t.test("options of the container's program are not ours", async t => {
  const directory = t.testdir();
  runts('--nonsense', 'exec', 'box', 'x', '--log', `${directory}/log`);
  t.notOk(existsSync(`${directory}/log`));
});
