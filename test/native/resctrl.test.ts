/** The steps of resctrl, on a directory that looks like it: what they write, and where. */
import { existsSync, readFileSync } from 'node:fs';
import t from 'tap';
import { encode } from '../../src/plan/encode.js';
import { type Step, step } from '../../src/plan/step.js';
import { native } from './host.js';

function begin(one: Step): void {
  const { records, texts } = encode([one]);
  native.walkBegin(records, texts);
}

const walk = (one: Step) => {
  begin(one);
  const result = native.walk();
  native.walkAbort();
  return result;
};

t.test('a class is made with its schemata, and joined', async t => {
  const mount = t.testdir({ there: { schemata: '', tasks: '' } });
  const make = (path: string, schemata: string) => step('resctrl_make', 'host', '', { path, schemata });
  t.match(walk(make(`${mount}/new`, '')), { status: 'done' });
  t.ok(existsSync(`${mount}/new`));
  t.match(walk(make(`${mount}/there`, 'L3:0=f\nMB:0=20\n')), { status: 'done' }, 'it may be there already');
  t.equal(readFileSync(`${mount}/there/schemata`, 'utf8'), 'L3:0=f\nMB:0=20\n');
  t.match(walk(make(`${mount}/new`, 'L3:0=f\n')), {
    status: 'failed',
    call: 'open',
    detail: `${mount}/new/schemata`,
  });
  t.match(walk(make(`${mount}/no/where`, '')), {
    status: 'failed',
    call: 'mkdir',
    detail: `${mount}/no/where`,
  });
  begin(step('resctrl_join', 'host', '', { path: `${mount}/there` }));
  native.setSlot(0, process.pid);
  t.match(native.walk(), { status: 'done' });
  native.setSlot(0, -1); // or the walk's end would kill it
  native.walkAbort();
  t.equal(readFileSync(`${mount}/there/tasks`, 'utf8'), String(process.pid));
});
