/** The process whose namespaces exec joins is the one that was recorded, not another that has got its pid since. */
import t from 'tap';
import { encode } from '../../src/plan/encode.js';
import { SLOT, step } from '../../src/plan/step.js';
import { native } from './host.js';

const walk = (pid: number, startTime: number) => {
  const open = step('open_process', 'host', '', { slot: SLOT.process, pid, start_time: startTime });
  const { records, texts } = encode([open]);
  native.walkBegin(records, texts);
  return native.walk();
};

t.test('a process is opened by its pid and its start time', async t => {
  const [, startTime] = native.processState(process.pid)!;
  t.match(walk(process.pid, startTime), { status: 'done' });
  t.ok(native.slot(SLOT.process) >= 0);
  t.match(walk(process.pid, startTime + 1), { status: 'failed', call: 'pidfd_open', errno: 3 });
  native.walkAbort();
});
