/** Help and completion: yargs, fed from the table that args.ts parses by. */
import type { Argv } from 'yargs';
import { type Command, commands, globalOptions, type Option, type Positional } from './commands.js';
import { yargs } from './yargs.js';

function addOption(to: Argv, option: Option): void {
  if (option.name === 'help') return;
  to.option(option.name, {
    type: option.type,
    describe: option.help,
    global: false,
    hidden: option.hidden === true,
    requiresArg: option.type !== 'boolean',
    ...(option.alias === undefined ? undefined : { alias: option.alias }),
    ...(option.default === undefined ? undefined : { default: option.default }),
  });
}

/** As yargs spells it: `<CONTAINER>`, `[SIGNAL]`, `[PS-ARGUMENT..]`. */
function pattern({ name, optional, many }: Positional): string {
  if (many) return `[${name}..]`;
  return optional ? `[${name}]` : `<${name}>`;
}

/** Adds a command; yargs calls the one that stands for the program itself `$0`. */
function addCommand(to: Argv, name: string, command: Command): void {
  const build = (inner: Argv): Argv => {
    for (const positional of command.positionals) {
      inner.positional(positional.name, { describe: positional.help, type: 'string' });
    }
    for (const option of command.options) addOption(inner, option);
    return inner;
  };
  to.command([name, ...command.positionals.map(pattern)].join(' '), command.summary, build, () => {});
}

const named = (name: string): Argv =>
  yargs().scriptName(name).version(false).help('help', 'print this help').alias('help', 'h');

function program(): Argv {
  const all = named('runts')
    .usage('Usage: runts [global options] <command> [options] [arguments]')
    .epilogue('runts <command> --help explains a command.');
  for (const option of globalOptions()) addOption(all, option);
  for (const name of Object.keys(commands)) addCommand(all, name, commands[name]!());
  return all;
}

function output(to: Argv, args: string[]): string {
  let text = '';
  to.parse(args, {}, (_error, _values, printed) => {
    text = printed;
  });
  return `${text}\n`;
}

/** Help for the program. */
export function programHelp(): string {
  return output(program(), ['--help']);
}

/** Help for one command of the table. */
export function commandHelp(name: string, command: Command): string {
  const alone = named(`runts ${name} [options]`);
  addCommand(alone, '$0', command);
  if (command.optionsFirst)
    alone.epilogue('Options stand before CONTAINER: what follows it is not for runts.');
  return output(alone, ['--help']);
}

/** The script for bash that asks completions(). */
export function completionScript(): string {
  return output(program().completion('completion', false), ['completion']);
}

/** Words that could stand at the end of a command line, one per line; what the script calls. */
export function completions(words: string[]): string {
  return output(program().completion('completion', false), ['--get-yargs-completions', ...words]);
}
