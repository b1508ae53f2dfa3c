/** Mistakes on the command line, and places that cannot be written. */
import { execFileSync } from 'node:child_process';
import { type Args, type Change, type Failing, failures } from './failures.js';

const create =
  (...flags: string[]): Args =>
  ({ bundle, id }) => ['create', '--bundle', bundle, ...flags, id];
const id =
  (name: string): Args =>
  ({ bundle }) => ['create', '--bundle', bundle, name];
const terminal: Change = config => {
  config.process.terminal = true;
};
const letters = 'only letters, digits and _ + - . are allowed';

const names: Failing[] = [
  { name: 'an id with a slash', args: id('a/b'), says: `invalid container ID format: "a/b": ${letters}` },
  {
    name: 'an id that leads up',
    args: id('..'),
    says: 'invalid container ID format: "..": it must not begin with a dot',
  },
  { name: 'an empty id', args: id(''), says: 'container id cannot be empty' },
  { name: 'an id with a space', args: id('a b'), says: `invalid container ID format: "a b": ${letters}` },
  {
    name: 'an id that is too long',
    args: id('x'.repeat(256)),
    says: 'invalid container ID format: 256 characters, but a file name has at most 255',
  },
];

const words: Failing[] = [
  {
    name: 'an unknown command',
    args: () => ['crate'],
    says: 'unknown command "crate" (did you mean create?)',
    status: 3,
  },
  {
    name: 'an unknown command unlike any other',
    args: () => ['zzzzzz'],
    says: 'unknown command "zzzzzz" (runts --help lists the commands)',
    status: 3,
  },
  { name: 'no command', args: () => [], says: 'no command given (runts --help lists the commands)' },
  {
    name: 'an unknown option',
    args: create('--bundel', 'x'),
    says: 'flag provided but not defined: --bundel (did you mean --bundle?)',
  },
  {
    name: 'an unknown global option',
    args: () => ['--rot', 'x', 'list'],
    says: 'flag provided but not defined: --rot (did you mean --root?)',
  },
  {
    name: 'an option without its value',
    args: () => ['create', 'ID', '--bundle'],
    says: 'flag needs an argument: --bundle',
  },
  {
    name: 'too few arguments',
    args: () => ['create'],
    says: 'wrong number of arguments: "runts create" takes CONTAINER, and none is given',
  },
  {
    name: 'too many arguments',
    args: () => ['state', 'a', 'b'],
    says: 'wrong number of arguments: "runts state" takes CONTAINER, and 2 are given',
  },
  {
    name: 'a number of descriptors that is no number',
    args: create('--preserve-fds', 'x'),
    says: 'invalid value "x" for --preserve-fds: not a whole number',
  },
  {
    name: 'a negative number of descriptors',
    args: create('--preserve-fds', '-1'),
    says: '--preserve-fds -1 is not a number of descriptors',
  },
  {
    name: 'a log format that nobody knows',
    args: () => ['--log-format', 'xml', 'list'],
    says: 'unknown log-format "xml": text and json are known',
  },
];

const places: Failing[] = [
  {
    name: 'a log file that cannot be made',
    args: ({ bundle, directory, id: name }) => [
      '--log',
      `${directory}/log`,
      'create',
      '--bundle',
      bundle,
      name,
    ],
    says: 'cannot open log file DIRECTORY/log: no such file or directory',
  },
  {
    name: 'a state root that cannot be made',
    args: ({ bundle, id: name }) => ['--root', '/proc/x', 'create', '--bundle', bundle, name],
    says: 'cannot make the state directory /proc/x: no such file or directory (--root or XDG_RUNTIME_DIR can name a directory that is yours)',
  },
  {
    name: 'a state root that is a file',
    args: ({ bundle, id: name }) => ['--root', '/etc/passwd', 'create', '--bundle', bundle, name],
    says: 'cannot make the state directory /etc/passwd/ID: not a directory (--root or XDG_RUNTIME_DIR can name a directory that is yours)',
  },
  {
    name: 'a state root that is the root',
    args: () => ['--root', '/', 'list'],
    says: 'the state directory (--root) cannot be /',
  },
  {
    name: 'a pid file that cannot be written',
    args: ({ bundle, directory, id: name }) => [
      'create',
      '--bundle',
      bundle,
      '--pid-file',
      `${directory}/pid`,
      name,
    ],
    says: 'cannot write the pid file DIRECTORY/pid: no such file or directory',
  },
  {
    name: 'a pid file that is a directory',
    args: ({ bundle, id: name }) => ['create', '--bundle', bundle, '--pid-file', bundle, name],
    says: 'cannot write the pid file BUNDLE: is a directory',
  },
  {
    name: 'a pid file that is a fifo, which is not replaced',
    prepare: ({ bundle }) => void execFileSync('mkfifo', [`${bundle}/fifo`]),
    args: ({ bundle, id: name }) => ['create', '--bundle', bundle, '--pid-file', `${bundle}/fifo`, name],
    says: 'cannot write the pid file BUNDLE/fifo: it is not a regular file',
  },
  {
    name: 'a trace that cannot be written',
    change: config => {
      config.process.args = ['echo', 'it ran'];
    },
    args: ({ bundle, directory, id: name }) => [
      '--trace',
      `${directory}/trace`,
      'run',
      '--bundle',
      bundle,
      name,
    ],
    says: 'cannot write the trace DIRECTORY/trace: no such file or directory',
  },
];

const terminals: Failing[] = [
  {
    name: 'a terminal without a socket for it',
    change: terminal,
    says: 'a detached process with a terminal needs --console-socket to send the terminal to (or set process.terminal to false)',
  },
  {
    name: 'a console socket that is missing',
    change: terminal,
    args: create('--console-socket', '/no/socket'),
    says: 'cannot connect to the console socket /no/socket: connect: no such file or directory',
  },
  {
    name: 'a console socket that is a file',
    change: terminal,
    args: create('--console-socket', '/etc/passwd'),
    says: 'cannot connect to the console socket /etc/passwd: connect: connection refused',
  },
  {
    name: 'a console socket with a name beyond what a socket can have',
    change: terminal,
    args: create('--console-socket', `/tmp/${'x'.repeat(200)}`),
    says: `cannot connect to the console socket /tmp/${'x'.repeat(200)}: connect: file name too long`,
  },
  {
    name: 'a console socket without a terminal',
    args: create('--console-socket', '/no/socket'),
    says: '--console-socket given, but there is no terminal: process.terminal is not true',
  },
  {
    name: 'a console socket for a container in the foreground',
    change: terminal,
    args: ({ bundle, id: name }) => ['run', '--bundle', bundle, '--console-socket', '/no/socket', name],
    says: '--console-socket is for a detached container: add --detach',
  },
  {
    name: 'a terminal in a container without devpts',
    change: config => {
      config.process.terminal = true;
      config.mounts = config.mounts.filter(({ destination }) => destination !== '/dev/pts');
    },
    args: ({ bundle, id: name }) => ['run', '--bundle', bundle, name],
    says: /^cannot open a terminal of the container's devpts[^\n]*: openat2 \/dev\/pts\/ptmx: no such file or directory \(a terminal needs a devpts mounted on \/dev\/pts\)$/m,
  },
];

const verbs: Failing[] = ['start', 'state', 'kill', 'delete', 'pause', 'resume', 'ps'].map(verb => ({
  name: `${verb} of a container that is not there`,
  args: () => [verb, 'nope'],
  says: 'container does not exist',
}));

failures([...names, ...words, ...places, ...terminals, ...verbs]);
