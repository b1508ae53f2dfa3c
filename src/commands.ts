/**
 * The one description of the command line: what args.ts parses, what help.ts prints and completes.
 *
 * Names, aliases and meanings are runc's; `--config` and `--cgroup-manager` are crun's. Every command is a function so
 * that a call pays only for the command it names.
 */
export interface Option {
  name: string;
  /** one letter */
  alias?: string;
  /** `array`: may be given many times, each time one value; never split at commas */
  type: 'boolean' | 'string' | 'number' | 'array';
  help: string;
  default?: string | number;
  /** an empty value is a mistake, which would be dangerous to take as not given */
  neverEmpty?: true;
  /** accepted, but not worth a line of help */
  hidden?: true;
}

export interface Positional {
  name: string;
  help: string;
  /** may be left out */
  optional?: true;
  /** takes all that follows; implies optional */
  many?: true;
}

export interface Command {
  summary: string;
  /** the bundle that holds it; its function has the command's name */
  part: 'cli' | 'create' | 'exec' | 'cold';
  positionals: Positional[];
  options: Option[];
  /** after the first positional nothing is an option of ours: it belongs to the container's command or to ps(1) */
  optionsFirst?: true;
  /** exit status when it fails; 1 unless given */
  failure?: number;
}

export type OptionValue = string | number | boolean | string[];
/** Values by long option name; made without a prototype. */
export type ParsedOptions = { [name: string]: OptionValue | undefined };

/** The global options, checked. */
export interface GlobalOptions {
  /** as given; stateRoot() of root-dir.ts says what it means */
  root: string | undefined;
  log: string | undefined;
  logFormat: 'text' | 'json';
  debug: boolean;
  cgroupManager: 'cgroupfs' | 'systemd' | 'disabled';
  /** file for the time of each step */
  trace: string | undefined;
}

export interface Context {
  command: string;
  global: GlobalOptions;
}

/** What every command is: returns the exit status, throws what report() understands. */
export type CommandFunction = (context: Context, options: ParsedOptions, positionals: string[]) => number;

const help: Option = { name: 'help', alias: 'h', type: 'boolean', help: 'print this help' };

export const globalOptions = (): Option[] => [
  {
    name: 'root',
    type: 'string',
    help: 'directory of the container states (default /run/runts, or $XDG_RUNTIME_DIR/runts when rootless)',
  },
  { name: 'log', type: 'string', help: 'file to append errors and debug records to, beside standard error' },
  { name: 'log-format', type: 'string', default: 'text', help: 'format of the log file: text or json' },
  { name: 'debug', type: 'boolean', help: 'log what is done, step by step' },
  { name: 'systemd-cgroup', type: 'boolean', help: 'same as --cgroup-manager systemd' },
  {
    name: 'cgroup-manager',
    type: 'string',
    default: 'cgroupfs',
    help: 'who makes the cgroup: cgroupfs, systemd, or disabled for no cgroup at all',
  },
  {
    name: 'rootless',
    type: 'string',
    default: 'auto',
    help: 'true, false or auto; only checked: what the caller may do is found out',
  },
  { name: 'trace', type: 'string', help: 'file to write the time of each step to' },
  { name: 'criu', type: 'string', help: 'ignored; criu is looked up in PATH', hidden: true },
  { name: 'version', alias: 'v', type: 'boolean', help: 'print the version' },
  help,
];

const container: Positional = { name: 'CONTAINER', help: 'id of the container' };

const bundleOptions = (): Option[] => [
  {
    name: 'bundle',
    alias: 'b',
    type: 'string',
    help: 'directory of the bundle (default: the current directory)',
  },
  {
    name: 'config',
    alias: 'f',
    type: 'string',
    default: 'config.json',
    help: 'configuration file, in the bundle unless absolute',
  },
];

const sendOptions = (): Option[] => [
  {
    name: 'console-socket',
    type: 'string',
    help: 'unix socket to send the master end of the terminal to',
  },
  { name: 'pidfd-socket', type: 'string', help: 'unix socket to send a pidfd of the process to' },
  { name: 'pid-file', type: 'string', help: 'file to write the process id to' },
  {
    name: 'preserve-fds',
    type: 'number',
    default: 0,
    help: 'how many file descriptors to pass on besides standard input, output and error',
  },
];

const createOptions = (): Option[] => [
  ...bundleOptions(),
  ...sendOptions(),
  { name: 'no-pivot', type: 'boolean', help: 'do not use pivot_root; for a root file system on a ramdisk' },
  { name: 'no-new-keyring', type: 'boolean', help: 'keep the session keyring of the caller' },
];

const json: Option = { name: 'json', type: 'boolean', help: 'print JSON' };

const plain = (summary: string): Command => ({
  summary,
  part: 'cli',
  positionals: [container],
  options: [help],
});

export const commands: { readonly [name: string]: () => Command } = {
  create: () => ({
    summary: 'create a container; its program waits for "start"',
    part: 'create',
    positionals: [container],
    options: [...createOptions(), help],
  }),
  start: () => plain('execute the program of a created container'),
  state: () => plain('print the state of a container'),
  kill: () => ({
    summary: 'send a signal to the init process of a container',
    part: 'cli',
    positionals: [
      container,
      { name: 'SIGNAL', help: 'name or number of the signal (default SIGTERM)', optional: true },
    ],
    options: [
      {
        name: 'all',
        alias: 'a',
        type: 'boolean',
        help: 'obsolete; a container that does not run is no error then',
      },
      help,
    ],
  }),
  delete: () => ({
    summary: 'delete a stopped container and all that it holds',
    part: 'cli',
    positionals: [container],
    options: [
      {
        name: 'force',
        alias: 'f',
        type: 'boolean',
        help: 'kill the container if it runs; a container that does not exist is no error',
      },
      help,
    ],
  }),
  run: () => ({
    summary: 'create a container, start it, wait for its end and delete it',
    part: 'create',
    positionals: [container],
    options: [
      ...createOptions(),
      { name: 'detach', alias: 'd', type: 'boolean', help: 'do not wait for the end of the container' },
      { name: 'keep', type: 'boolean', help: 'do not delete the container after its end' },
      { name: 'no-subreaper', type: 'boolean', help: 'do not adopt the orphans of the container' },
      help,
    ],
  }),
  exec: () => ({
    summary: 'execute another process in a running container',
    part: 'exec',
    positionals: [
      container,
      { name: 'COMMAND', help: 'program to execute and its arguments; not with --process', many: true },
    ],
    options: [
      { name: 'process', alias: 'p', type: 'string', help: 'file with the process object of config.json' },
      { name: 'cwd', type: 'string', help: 'current directory of the process' },
      { name: 'env', alias: 'e', type: 'array', help: 'NAME=VALUE to add to the environment' },
      { name: 'tty', alias: 't', type: 'boolean', help: 'give the process a terminal' },
      { name: 'user', alias: 'u', type: 'string', neverEmpty: true, help: 'UID or UID:GID of the process' },
      { name: 'additional-gids', alias: 'g', type: 'array', help: 'supplementary group id of the process' },
      { name: 'detach', alias: 'd', type: 'boolean', help: 'do not wait for the end of the process' },
      ...sendOptions(),
      { name: 'process-label', type: 'string', help: 'SELinux label of the process' },
      { name: 'apparmor', type: 'string', help: 'AppArmor profile of the process' },
      { name: 'no-new-privs', type: 'boolean', help: 'the process can gain no privileges' },
      { name: 'cap', alias: 'c', type: 'array', help: 'capability to add' },
      { name: 'cgroup', type: 'array', help: 'cgroup for the process, below that of the container' },
      { name: 'ignore-paused', type: 'boolean', help: 'do not refuse a paused container' },
      help,
    ],
    optionsFirst: true,
    failure: 255,
  }),
  pause: () => plain('stop all processes of a container for a while'),
  resume: () => plain('let the processes of a paused container go on'),
  ps: () => ({
    summary: 'print the processes of a container',
    part: 'cli',
    positionals: [container, { name: 'PS-ARGUMENT', help: 'arguments for ps(1) (default -ef)', many: true }],
    options: [
      {
        name: 'format',
        alias: 'f',
        type: 'string',
        default: 'table',
        help: 'table, or json for process ids only',
      },
      help,
    ],
    optionsFirst: true,
  }),
  list: () => ({
    summary: 'print all containers',
    part: 'cli',
    positionals: [],
    options: [
      { name: 'format', alias: 'f', type: 'string', default: 'table', help: 'table or json' },
      { name: 'quiet', alias: 'q', type: 'boolean', help: 'print only the ids' },
      help,
    ],
  }),
  spec: () => ({
    summary: 'write a config.json to start from',
    part: 'cold',
    positionals: [],
    options: [
      {
        name: 'bundle',
        alias: 'b',
        type: 'string',
        help: 'directory to write to (default: the current directory)',
      },
      { name: 'rootless', type: 'boolean', help: 'for a caller without privileges' },
      help,
    ],
  }),
  validate: () => ({
    summary: 'check a bundle and print everything that is wrong with it',
    part: 'cold',
    positionals: [],
    options: [...bundleOptions(), json, help],
  }),
  plan: () => ({
    summary: 'print the steps that "create" would take, without taking them',
    part: 'create',
    positionals: [{ name: 'CONTAINER', help: 'id that the container would have', optional: true }],
    options: [...createOptions(), json, help],
  }),
  features: () => ({
    summary: 'print what this runtime can do, as JSON',
    part: 'cold',
    positionals: [],
    options: [help],
  }),
  completion: () => ({
    summary: 'print a completion script for bash',
    part: 'cold',
    positionals: [],
    options: [help],
  }),
  help: () => ({
    summary: 'print help for the program or for a command',
    part: 'cold',
    positionals: [{ name: 'COMMAND', help: 'the command to explain', optional: true }],
    options: [help],
  }),
};

/** The command of that name, or undefined. */
export function findCommand(name: string): Command | undefined {
  return Object.hasOwn(commands, name) ? commands[name]!() : undefined;
}
