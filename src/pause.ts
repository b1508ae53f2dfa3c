/** `runts pause CONTAINER` and `runts resume CONTAINER`. */
import type { CommandFunction, Context } from './commands.js';
import { native } from './host.js';
import { checkId } from './id.js';
import { failure, isErrno, reason } from './report.js';
import { stateRoot } from './root-dir.js';
import { liveStatus, loadState, type Status, stateDirectory } from './state.js';

/** How long the kernel may take to stop or wake all processes, in milliseconds. */
const freezeWait = 10_000;

function find(context: Context, positionals: string[]): { status: Status; id: string; cgroup: string } {
  const id = positionals[0]!;
  checkId(id);
  const root = stateRoot(context.global.root);
  const record = loadState(root, id);
  const status = liveStatus(record, stateDirectory(root, id));
  if (record.teardown.cgroup === null && status !== 'stopped') {
    throw failure(`cannot ${context.command} container ${id}: it has no cgroup`);
  }
  return { status, id, cgroup: record.teardown.cgroup?.path ?? '' };
}

function writeFreeze(cgroup: string, value: '0' | '1', complaint: string): void {
  try {
    native.writeFile(`${cgroup}/cgroup.freeze`, value);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENODEV')) throw failure('container not running');
    throw failure(`${complaint}: write ${cgroup}/cgroup.freeze: ${reason(error)}`);
  }
}

export const pause: CommandFunction = (context, _options, positionals) => {
  const { status, id, cgroup } = find(context, positionals);
  if (status !== 'running' && status !== 'created') throw failure('container not running');
  const complaint = `cannot pause container ${id}`;
  writeFreeze(cgroup, '1', complaint);
  if (native.waitCgroup(cgroup, 'frozen 1', freezeWait)) return 0;
  writeFreeze(cgroup, '0', complaint);
  throw failure(`${complaint}: not all of its processes have stopped after ${freezeWait / 1000} seconds`);
};

export const resume: CommandFunction = (context, _options, positionals) => {
  const { status, id, cgroup } = find(context, positionals);
  if (status !== 'paused') throw failure('container not paused');
  const complaint = `cannot resume container ${id}`;
  writeFreeze(cgroup, '0', complaint);
  if (native.waitCgroup(cgroup, 'frozen 0', freezeWait)) return 0;
  throw failure(`${complaint}: its cgroup is still frozen after ${freezeWait / 1000} seconds`, {
    hint: 'a cgroup above it may be frozen',
  });
};
