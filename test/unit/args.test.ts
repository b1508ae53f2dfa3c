import './fixtures/fake-host.js';

import t from 'tap';
import { checkGlobal, noOptions, parseCommand, takeGlobal, takeOptions } from '../../src/args.js';
import * as mistakes from '../../src/mistakes.js';
import { host } from './fixtures/fake-host.js';

host.parts.cold = mistakes;

function parse(...args: string[]) {
  const given = noOptions();
  const at = takeGlobal(args, given);
  return parseCommand(args, at, checkGlobal(given));
}

t.test('the calls of containerd, podman and buildah', async t => {
  const shim = parse(
    ...[
      '--root',
      '/run/containerd/runc/default',
      '--log',
      '/b/log.json',
      '--log-format',
      'json',
      '--systemd-cgroup',
    ],
    ...['create', '--bundle', '/b', '--pid-file', '/b/init.pid', '--console-socket', '/tmp/s', 'id1'],
  );
  t.match(shim.context, {
    command: 'create',
    global: {
      root: '/run/containerd/runc/default',
      log: '/b/log.json',
      logFormat: 'json',
      cgroupManager: 'systemd',
    },
  });
  t.match(shim.options, { bundle: '/b', 'pid-file': '/b/init.pid', 'console-socket': '/tmp/s' });
  t.same(shim.positionals, ['id1']);

  const conmon = parse(
    ...['--debug', '--log-format=json', '--log', '/l', '--cgroup-manager', 'disabled'],
    ...['create', '--bundle', '/b', '--pid-file', '/p', '--preserve-fds', '5', 'id1'],
  );
  t.match(conmon.context.global, { debug: true, log: '/l', logFormat: 'json', cgroupManager: 'disabled' });
  t.equal(conmon.options['preserve-fds'], 5);

  t.same(parse('kill', '--all', 'id', '9').positionals, ['id', '9']);
  t.equal(parse('kill', 'id', '9', '--all').options.all, true, 'an option may follow');
  t.equal(parse('delete', 'id', '--force').options.force, true);
  t.same(parse('state', 'buildah-x').positionals, ['buildah-x']);
});

t.test('options that stay with the program of the container', async t => {
  const exec = parse('exec', '-e', 'A=1', '--env=B=2,3', '-d', 'id', 'ls', '-l', '--', '--detach=x');
  t.same(exec.options.env, ['A=1', 'B=2,3'], 'a comma is no separator');
  t.equal(exec.options.detach, true);
  t.same(exec.positionals, ['id', 'ls', '-l', '--', '--detach=x']);
  t.same(parse('exec', 'id', '--', '-c', 'x').positionals, ['id', '-c', 'x']);
  t.same(parse('exec', '--', 'id', 'sh').positionals, ['id', 'sh']);
  t.same(parse('exec', '--process', 'p.json', 'id').positionals, ['id']);
  t.same(parse('ps', '-f', 'json', 'id', '-aux').positionals, ['id', '-aux']);
});

t.test('spellings of options', async t => {
  t.equal(parse('-root', '/x', 'state', 'a').context.global.root, '/x', 'one dash');
  t.equal(parse('--root=', 'state', 'a').context.global.root, undefined, 'an empty value is none');
  t.equal(parse('delete', '--force=false', 'a').options.force, false);
  t.equal(parse('delete', '-f', '-f', 'a').options.force, true, 'repeated');
  t.equal(parse('create', '--bundle', '--pid-file', 'a').options.bundle, '--pid-file', 'a value with dashes');
  t.equal(parse('create', '-b=/x', 'a').options.bundle, '/x');
  t.equal(parse('create', 'a').options.config, 'config.json', 'default');
  t.equal(parse('create', '--preserve-fds', '-1', 'a').options['preserve-fds'], -1);
  t.same(parse('state', '--', '-a').positionals, ['-a']);
  t.same(parse('state', '-').positionals, ['-']);
  for (const word of ['FALSE', 'auto', 'Auto', '1', ''])
    t.equal(parse('--rootless', word, 'state', 'a').context.command, 'state', word);
});

t.test('help stops the parsing', async t => {
  t.equal(parse('kill', '--help').options.help, true);
  t.equal(parse('kill', '-h', '--nonsense').options.help, true);
});

t.test('mistakes', async t => {
  const says = (message: string, ...args: string[]) =>
    t.throws(() => parse(...args), { message }, args.join(' '));
  says('no command given');
  says('no command given', '--debug');
  says('flag needs an argument: --bundle', 'create', '--bundle');
  says('flag needs an argument: -b', 'create', '-b');
  says('flag needs an argument: --root', '--root');
  says('invalid boolean value "maybe" for --force', 'delete', '--force=maybe', 'a');
  says('invalid value "x" for --preserve-fds: not a whole number', 'create', '--preserve-fds', 'x', 'a');
  says('flag provided but not defined: --detach', 'create', '--detach', 'a');
  says('flag provided but not defined: --__proto__', 'create', '--__proto__', 'a');
  says('unknown log-format "xml": text and json are known', '--log-format', 'xml', 'list');
  says('wrong number of arguments: "runts state" takes CONTAINER, and none is given', 'state');
  says(
    'wrong number of arguments: "runts kill" takes CONTAINER [SIGNAL], and 3 are given',
    'kill',
    'a',
    'b',
    'c',
  );
  says('wrong number of arguments: "runts list" takes no arguments, and one is given', 'list', 'a');
  says('unknown command "constructor"', 'constructor');
  t.throws(() => parse('creat', 'x'), {
    message: 'unknown command "creat"',
    hint: 'did you mean create?',
    exit: 3,
  });
  t.throws(() => parse('create', '--bunlde', 'x'), { message: /--bunlde$/, hint: 'did you mean --bundle?' });
  t.throws(() => parse('--rot', '/x', 'list'), { message: /--rot$/, hint: 'did you mean --root?' });
});

t.test('what was understood before a mistake is kept', async t => {
  const given = noOptions();
  t.throws(() => takeGlobal(['--log', '/l', '--nonsense', 'list'], given));
  t.equal(given.log, '/l');
});

t.test('takeOptions leaves what follows the limit', async t => {
  const positionals: string[] = [];
  t.equal(takeOptions(['a', 'b', 'c'], 0, [], 2, noOptions(), positionals), 2);
  t.same(positionals, ['a', 'b']);
});
