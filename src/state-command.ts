/** `runts state CONTAINER`, and the JSON that it shares with `runts list`. */
import type { CommandFunction } from './commands.js';
import { native } from './host.js';
import { checkId } from './id.js';
import { stateRoot } from './root-dir.js';
import { liveStatus, loadState, type StateRecord, type Status, stateDirectory } from './state.js';
import { specVersion } from './version.js';

/** The State object of runtime-spec, runtime.md, with runc's additions rootfs, created and owner. */
export function publicState(record: StateRecord, status: Status, owner: string) {
  let annotated = false;
  for (const _ in record.annotations) annotated = true;
  return {
    ociVersion: specVersion,
    id: record.id,
    pid: status === 'stopped' ? 0 : record.pid,
    status,
    bundle: record.bundle,
    rootfs: record.rootfs,
    created: record.created,
    ...(annotated ? { annotations: record.annotations } : undefined),
    owner,
  };
}

export const state: CommandFunction = ({ global }, _options, positionals) => {
  const id = positionals[0]!;
  checkId(id);
  const root = stateRoot(global.root);
  const record = loadState(root, id);
  const status = liveStatus(record, stateDirectory(root, id));
  native.write(1, JSON.stringify(publicState(record, status, ''), null, 2));
  return 0;
};
