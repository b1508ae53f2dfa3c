/** Entry of the `cold` bundle: what few calls need. cli.ts calls it by name. */
import { type CommandFunction, findCommand } from './commands.js';
import { commandHelp, completionScript, completions, programHelp } from './help.js';
import { native } from './host.js';
import { unknownCommand } from './mistakes.js';

export { explainFailure } from './explain-failure.js';
export { features } from './features-command.js';
export { unknownCommand, unknownOption, wrongArguments } from './mistakes.js';
export { explainStep } from './plan/explain.js';
export { printPlan } from './plan-command.js';
export { spec } from './spec-command.js';
export { describeIssues, validate } from './validate-command.js';

/** Prints help for a command or, without one, for the program. */
export function showHelp(command?: string): number {
  if (command === undefined) {
    native.write(1, programHelp());
    return 0;
  }
  const found = findCommand(command);
  if (found === undefined) throw unknownCommand(command);
  native.write(1, commandHelp(command, found));
  return 0;
}

export const help: CommandFunction = (_context, _options, positionals) => showHelp(positionals[0]);

export const completion: CommandFunction = () => {
  native.write(1, completionScript());
  return 0;
};

/** `runts --get-yargs-completions WORD...`, which the completion script calls. */
export function complete(words: string[]): number {
  native.write(1, completions(words));
  return 0;
}
