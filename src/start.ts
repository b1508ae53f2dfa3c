/** `runts start CONTAINER`: init, which waits behind its socket, executes the program. */
import type { CommandFunction } from './commands.js';
import { load, native } from './host.js';
import { checkId } from './id.js';
import type { WalkResult } from './native.js';
import { failure } from './report.js';
import { stateRoot } from './root-dir.js';
import { SIGKILL } from './signals.js';
import {
  liveStatus,
  loadState,
  lockState,
  type Status,
  startSocket,
  stateDirectory,
  unlockState,
} from './state.js';

const refusals: { readonly [status in Status]?: string } = {
  creating: 'cannot start a container that is still being created',
  running: 'cannot start an already running container',
  paused: 'cannot start a paused container',
  stopped: 'cannot start a container that has stopped',
};

export const start: CommandFunction = ({ global }, _options, positionals) => {
  const id = positionals[0]!;
  checkId(id);
  const root = stateRoot(global.root);
  const directory = stateDirectory(root, id);
  const lock = lockState(directory);
  if (lock === null) throw failure('container does not exist');
  const record = loadState(root, id);
  const refusal = refusals[liveStatus(record, directory, true)];
  if (refusal !== undefined) throw failure(refusal);
  if (!record.program)
    throw failure('cannot start a container without a process: its configuration has no "process"');
  const result = native.startInit(startSocket(directory));
  if (result.status === 'failed') {
    if (result.call === 'init') throw failure(`cannot start container ${id}: its init was killed meanwhile`);
    throw load<{ startFailure(result: WalkResult): Error }>('create').startFailure(result);
  }
  if (record.poststart.length > 0) {
    try {
      load<{ runPoststart(state: typeof record): void }>('create').runPoststart(record);
    } catch (error) {
      native.signal(record.pid, record.startTime, SIGKILL); // a poststart hook that fails stops the container
      throw error;
    }
  }
  unlockState(lock);
  return 0;
};
