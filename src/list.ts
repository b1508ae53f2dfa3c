/** `runts list`. */
import { isSet, textOf } from './args.js';
import type { CommandFunction, GlobalOptions } from './commands.js';
import { native } from './host.js';
import { debug, failure, isErrno, messageOf, reason } from './report.js';
import { stateRoot } from './root-dir.js';
import { liveStatus, loadState, type StateRecord, type Status, stateDirectory } from './state.js';
import { publicState } from './state-command.js';

interface Entry {
  record: StateRecord;
  status: Status;
}

/** The names in the state root. Absence of the default root means no containers; of a root that was asked for, an error. */
function stateNames(root: string, global: GlobalOptions): string[] {
  try {
    return native.list(root).filter(name => name[0] !== '.'); // ".filters", and no id begins like that
  } catch (error) {
    if (isErrno(error, 'ENOENT') && !global.root) return [];
    throw failure(`cannot read the state directory ${root}: ${reason(error)}`);
  }
}

/** All containers that can be read; what cannot, another call may be making or removing right now. */
function entries(root: string, global: GlobalOptions): Entry[] {
  const found: Entry[] = [];
  for (const id of stateNames(root, global)) {
    try {
      const record = loadState(root, id);
      found.push({ record, status: liveStatus(record, stateDirectory(root, id)) });
    } catch (error) {
      debug(`container ${id} is left out: ${messageOf(error)}`);
    }
  }
  return found;
}

/** Names by user id from passwd(5); `#1000` for an id without a name. */
function ownerNames(): (uid: number) => string {
  const names = new Map<string, string>();
  try {
    for (const line of native.readText('/etc/passwd').split('\n')) {
      const [name, , uid] = line.split(':');
      if (name && uid && !names.has(uid)) names.set(uid, name);
    }
  } catch {
    // no names then
  }
  return uid => names.get(String(uid)) ?? `#${uid}`;
}

/** In characters; nearly always the number of UTF-16 units. */
const width = (text: string): number => (text.search(/[\ud800-\udbff]/) < 0 ? text.length : [...text].length);

/** Columns as Go's tabwriter lays them out with a minimal width of 12 and 3 blanks between; the last is not padded. */
export function layOut(rows: string[][]): string {
  const columns = rows[0]!.map((_, at) => {
    const sizes = rows.map(row => width(row[at]!));
    return { sizes, widest: Math.max(12, ...sizes.map(size => size + 3)) };
  });
  const last = columns.length - 1;
  const pad = (cell: string, line: number, at: number): string =>
    at === last ? cell : cell + ' '.repeat(columns[at]!.widest - columns[at]!.sizes[line]!);
  return rows.map((row, line) => `${row.map((cell, at) => pad(cell, line, at)).join('')}\n`).join('');
}

function table(found: Entry[], ownerName: (uid: number) => string): string {
  const rows = found.map(({ record, status }) => [
    record.id,
    String(status === 'stopped' ? 0 : record.pid),
    status,
    record.bundle,
    record.created,
    ownerName(record.owner),
  ]);
  return layOut([['ID', 'PID', 'STATUS', 'BUNDLE', 'CREATED', 'OWNER'], ...rows]);
}

export const list: CommandFunction = ({ global }, options) => {
  const format = textOf(options, 'format');
  if (format !== 'table' && format !== 'json') {
    throw failure(`unknown format ${JSON.stringify(format)}: table and json are known`);
  }
  const found = entries(stateRoot(global.root), global);
  if (isSet(options, 'quiet')) {
    native.write(1, found.map(({ record }) => `${record.id}\n`).join(''));
    return 0;
  }
  const ownerName = ownerNames();
  if (format === 'table') {
    native.write(1, table(found, ownerName));
    return 0;
  }
  const states = found.map(({ record, status }) => publicState(record, status, ownerName(record.owner)));
  native.write(1, `${states.length > 0 ? JSON.stringify(states) : 'null'}\n`);
  return 0;
};
