/**
 * The hot parser of the command line. It follows what runc's callers rely on, which is Go's flag syntax: `--name value`,
 * `--name=value`, one dash or two, `--` ends the options, a value may begin with a dash, and global options stand before
 * the command only.
 */
import {
  type Command,
  type Context,
  findCommand,
  type GlobalOptions,
  globalOptions,
  type Option,
  type ParsedOptions,
} from './commands.js';
import { load } from './host.js';
import { type Failure, failure } from './report.js';

export interface Invocation {
  context: Context;
  command: Command;
  options: ParsedOptions;
  positionals: string[];
}

/** What the cold part knows about mistakes. */
interface Mistakes {
  unknownCommand(name: string): Failure;
  unknownOption(word: string, table: Option[]): Failure;
  wrongArguments(name: string, command: Command, given: number): Failure;
}

export const isSet = (options: ParsedOptions, name: string): boolean => options[name] === true;
export const textOf = (options: ParsedOptions, name: string): string | undefined =>
  options[name] as string | undefined;
export const numberOf = (options: ParsedOptions, name: string): number | undefined =>
  options[name] as number | undefined;
export const textsOf = (options: ParsedOptions, name: string): string[] =>
  (options[name] as string[] | undefined) ?? [];

/** Go's strconv.ParseBool; undefined when it is none of its words. */
function parseBoolean(word: string): boolean | undefined {
  if (/^(1|t|T|true|TRUE|True)$/.test(word)) return true;
  if (/^(0|f|F|false|FALSE|False)$/.test(word)) return false;
  return undefined;
}

function convert(
  option: Option,
  word: string,
  given: string,
  before: ParsedOptions[string],
): ParsedOptions[string] {
  switch (option.type) {
    case 'string':
      // of a script's variable that is not set; runc takes it as not given, too
      return word === '' && !option.neverEmpty ? undefined : word;
    case 'array':
      return before === undefined ? [word] : [...(before as string[]), word];
    case 'boolean': {
      const value = parseBoolean(word);
      if (value === undefined) throw failure(`invalid boolean value ${JSON.stringify(word)} for ${given}`);
      return value;
    }
    case 'number':
      if (!/^[-+]?[0-9]{1,15}$/.test(word)) {
        throw failure(`invalid value ${JSON.stringify(word)} for ${given}: not a whole number`);
      }
      return Number(word);
  }
}

/**
 * Takes the options of a table from args, beginning at `from`, into `into`, and other words into `positionals`.
 * After `limit` positionals it stops, and so it does at `--help` and `--version`. Returns the index of the first word
 * that it left.
 */
export function takeOptions(
  args: readonly string[],
  from: number,
  table: Option[],
  limit: number,
  into: ParsedOptions,
  positionals: string[],
): number {
  let at = from;
  while (at < args.length) {
    const word = args[at]!;
    if (word === '--') {
      at++;
      break;
    }
    if (word.length < 2 || word[0] !== '-') {
      if (positionals.length === limit) return at;
      positionals.push(word);
      at++;
      if (positionals.length === limit) break;
      continue;
    }
    at++;
    const equals = word.indexOf('=');
    const given = equals < 0 ? word : word.slice(0, equals);
    const name = given.slice(given[1] === '-' ? 2 : 1);
    const option = table.find(candidate => candidate.name === name || candidate.alias === name);
    if (option === undefined) throw load<Mistakes>('cold').unknownOption(given, table);
    if (equals >= 0) {
      into[option.name] = convert(option, word.slice(equals + 1), given, into[option.name]);
    } else if (option.type === 'boolean') {
      into[option.name] = true;
      if (option.name === 'help' || option.name === 'version') return at;
    } else {
      const value = args[at++];
      if (value === undefined) throw failure(`flag needs an argument: ${given}`);
      into[option.name] = convert(option, value, given, into[option.name]);
    }
  }
  return at;
}

function fillDefaults(table: Option[], into: ParsedOptions): void {
  for (const option of table) {
    if (option.default !== undefined && into[option.name] === undefined) into[option.name] = option.default;
  }
}

/** Options without a prototype, so that no name is there by inheritance. */
export const noOptions = (): ParsedOptions => Object.create(null) as ParsedOptions;

/** Turns parsed global options into checked ones. */
export function checkGlobal(options: ParsedOptions): GlobalOptions {
  const logFormat = textOf(options, 'log-format') ?? 'text';
  if (logFormat !== 'text' && logFormat !== 'json') {
    throw failure(`unknown log-format ${JSON.stringify(logFormat)}: text and json are known`);
  }
  let manager = textOf(options, 'cgroup-manager') ?? 'cgroupfs';
  if (isSet(options, 'systemd-cgroup')) manager = 'systemd';
  if (manager !== 'cgroupfs' && manager !== 'systemd' && manager !== 'disabled') {
    throw failure(
      `unknown cgroup-manager ${JSON.stringify(manager)}: cgroupfs, systemd and disabled are known`,
    );
  }
  const rootless = textOf(options, 'rootless') ?? 'auto';
  if (rootless !== '' && rootless.toLowerCase() !== 'auto' && parseBoolean(rootless) === undefined) {
    throw failure(`invalid value ${JSON.stringify(rootless)} for --rootless: true, false and auto are known`);
  }
  return {
    root: textOf(options, 'root'),
    log: textOf(options, 'log'),
    logFormat,
    debug: isSet(options, 'debug'),
    cgroupManager: manager,
    trace: textOf(options, 'trace'),
  };
}

/**
 * Takes the global options from the head of args into `into`, which holds what was understood even when this throws.
 * Returns the index of the command's name.
 */
export function takeGlobal(args: readonly string[], into: ParsedOptions): number {
  return takeOptions(args, 0, globalOptions(), 0, into, []);
}

/** Parses the command at args[at] and what follows; the number of positionals is checked, their meaning is not. */
export function parseCommand(args: readonly string[], at: number, global: GlobalOptions): Invocation {
  const name = args[at];
  if (name === undefined) throw failure('no command given', { hint: 'runts --help lists the commands' });
  const command = findCommand(name);
  if (command === undefined) throw load<Mistakes>('cold').unknownCommand(name);
  const options = noOptions();
  const positionals: string[] = [];
  const limit = command.optionsFirst ? 1 : Number.POSITIVE_INFINITY;
  let rest = takeOptions(args, at + 1, command.options, limit, options, positionals);
  const invocation = { context: { command: name, global }, command, options, positionals };
  if (isSet(options, 'help')) return invocation;
  // `exec CONTAINER -- COMMAND`: one more `--` may stand between our words and the container's
  if (command.optionsFirst && positionals.length === 1 && args[rest] === '--') rest++;
  for (; rest < args.length; rest++) positionals.push(args[rest]!);
  const shape = command.positionals;
  const least = shape.filter(positional => !positional.optional && !positional.many).length;
  const most = shape.some(positional => positional.many) ? Number.POSITIVE_INFINITY : shape.length;
  if (positionals.length < least || positionals.length > most) {
    throw load<Mistakes>('cold').wrongArguments(name, command, positionals.length);
  }
  fillDefaults(command.options, options);
  return invocation;
}
