/** What to say about a mistake on the command line. */
import { type Command, commands, type Option } from './commands.js';
import { type Failure, failure } from './report.js';
import { nearest } from './suggest.js';

/** runc's exit status for a command that does not exist. */
const unknownCommandStatus = 3;

/** For a word that is no command, with the one that was probably meant. */
export function unknownCommand(name: string): Failure {
  const near = nearest(name, Object.keys(commands));
  const hint = near === undefined ? 'runts --help lists the commands' : `did you mean ${near}?`;
  return failure(`unknown command ${JSON.stringify(name)}`, { hint, exit: unknownCommandStatus });
}

/** `word` is the option as given, with its dashes and without its value. */
export function unknownOption(word: string, table: Option[]): Failure {
  const name = word.replace(/^--?/, '');
  const near =
    name.length > 1
      ? nearest(
          name,
          table.filter(option => !option.hidden).map(option => option.name),
        )
      : undefined;
  const message = `flag provided but not defined: ${word}`;
  return near === undefined ? failure(message) : failure(message, { hint: `did you mean --${near}?` });
}

/** `CONTAINER [SIGNAL]` */
function argumentsOf(command: Command): string {
  return command.positionals
    .map(({ name, optional, many }) => (many ? `[${name}...]` : optional ? `[${name}]` : name))
    .join(' ');
}

/** For too few or too many arguments; `given` is how many there were. */
export function wrongArguments(name: string, command: Command, given: number): Failure {
  const wanted = argumentsOf(command) || 'no arguments';
  const takes = `"runts ${name}" takes ${wanted}`;
  const count = given === 0 ? 'none is' : given === 1 ? 'one is' : `${given} are`;
  return failure(`wrong number of arguments: ${takes}, and ${count} given`);
}
