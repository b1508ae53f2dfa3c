/** `runts ps CONTAINER [PS-ARGUMENT...]`. */
import { textOf } from './args.js';
import { cgroupProcesses } from './cgroup-remove.js';
import type { CommandFunction } from './commands.js';
import { native } from './host.js';
import { checkId } from './id.js';
import { failure } from './report.js';
import { stateRoot } from './root-dir.js';
import { isAlive, loadState, type StateRecord } from './state.js';

/** The pids of a container as this process sees them; without a cgroup only init's. */
function processes(record: StateRecord): number[] {
  const { cgroup } = record.teardown;
  if (cgroup !== null) return cgroupProcesses(cgroup.path);
  return isAlive(record) ? [record.pid] : [];
}

/** Where ps(1) is. Podman and containerd may call without PATH. */
function findPs(): string {
  for (const directory of (native.env('PATH') || '/usr/local/bin:/usr/bin:/bin').split(':')) {
    if (directory[0] === '/' && native.access(`${directory}/ps`, 1)) return `${directory}/ps`;
  }
  throw failure('exec: "ps": executable file not found in $PATH', { hint: '--format json needs no ps' });
}

/** The heading of ps(1)'s table and the lines whose PID is among pids. */
export function filterTable(table: string, pids: number[]): string {
  const [heading = '', ...lines] = table.split('\n');
  const column = heading.trim().split(/\s+/).indexOf('PID');
  if (column < 0)
    throw failure('the output of ps has no column PID', { hint: 'give ps arguments that print it' });
  const wanted = new Set(pids);
  const ours = lines.filter(line => wanted.has(Number(line.trim().split(/\s+/)[column])));
  return [heading, ...ours, ''].join('\n');
}

export const ps: CommandFunction = ({ global }, options, positionals) => {
  const [id = '', ...given] = positionals;
  checkId(id);
  const format = textOf(options, 'format');
  if (format !== 'table' && format !== 'json') {
    throw failure(`unknown format ${JSON.stringify(format)}: table and json are known`);
  }
  const pids = processes(loadState(stateRoot(global.root), id));
  if (format === 'json') {
    native.write(1, `${pids.length > 0 ? JSON.stringify(pids) : 'null'}\n`);
    return 0;
  }
  const { status, stdout, stderr } = native.run([findPs(), ...(given.length > 0 ? given : ['-ef'])]);
  if (status !== 0) throw failure(`ps: exit status ${status}: ${(stderr || stdout).trim()}`);
  native.write(1, filterTable(stdout, pids));
  return 0;
};
