/** Entry of the `cli` bundle: finds out what is wanted, does it or has it done by another part, reports what failed. */
import { checkGlobal, isSet, noOptions, parseCommand, takeGlobal } from './args.js';
import { type CommandFunction, findCommand, type GlobalOptions, type ParsedOptions } from './commands.js';
import { delete as deleteCommand } from './delete.js';
import { argv, load, native } from './host.js';
import { kill } from './kill.js';
import { list } from './list.js';
import { pause, resume } from './pause.js';
import { ps } from './ps.js';
import { openLog, report } from './report.js';
import { start } from './start.js';
import { state } from './state-command.js';
import { versionText } from './version.js';

interface Cold {
  showHelp(command?: string): number;
  complete(words: string[]): number;
}

const here: { [name: string]: CommandFunction } = {
  start,
  state,
  kill,
  delete: deleteCommand,
  pause,
  resume,
  list,
  ps,
};

/** Opens the log before the rest is looked at, so that every mistake is told there too. */
function openLogFirst(options: ParsedOptions, command: string | undefined): GlobalOptions {
  const global = checkGlobal(options);
  try {
    openLog(global);
  } catch (error) {
    // containerd's log directory may vanish before its last call, and what is to be deleted must not stay for that
    if (command !== 'delete') throw error;
  }
  return global;
}

/** After a mistake among the global options: the log file, if it can be made out. */
function findLog(): void {
  let log: string | undefined;
  let logFormat: 'text' | 'json' = 'text';
  for (let at = 0; at < argv.length && findCommand(argv[at]!) === undefined; at++) {
    const [, name, value] = /^--?(log|log-format)(?:=(.*))?$/s.exec(argv[at]!) ?? [];
    const given = value ?? argv[at + 1];
    if (name === 'log') log = given;
    if (name === 'log-format' && given === 'json') logFormat = 'json';
  }
  try {
    if (log !== undefined) openLog({ log, logFormat, debug: false });
  } catch {
    // standard error has to do
  }
}

function dispatch(global: GlobalOptions, at: number): number {
  const { context, command, options, positionals } = parseCommand(argv, at, global);
  if (isSet(options, 'help')) return load<Cold>('cold').showHelp(context.command);
  const part = command.part === 'cli' ? here : load<{ [name: string]: CommandFunction }>(command.part);
  try {
    return part[context.command]!(context, options, positionals);
  } catch (error) {
    return report(error, command.failure ?? 1);
  }
}

/** Runs the program; returns its exit status. */
export function main(): number {
  if (argv[0] === '--get-yargs-completions') return load<Cold>('cold').complete(argv.slice(1));
  const given = noOptions();
  let at: number;
  let global: GlobalOptions;
  try {
    at = takeGlobal(argv, given);
    global = openLogFirst(given, argv[at]);
  } catch (error) {
    findLog();
    return report(error, 1);
  }
  try {
    if (isSet(given, 'help')) return load<Cold>('cold').showHelp();
    if (isSet(given, 'version')) {
      native.write(1, versionText());
      return 0;
    }
    return dispatch(global, at);
  } catch (error) {
    return report(error, 1);
  }
}
