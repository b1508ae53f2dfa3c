import t from 'tap';
import { CAPABILITIES, capabilityMasks } from '../../../src/plan/capabilities.js';
import type { Capabilities } from '../../../src/spec.js';

const NOTHING = { bounding: 0n, effective: 0n, permitted: 0n, inheritable: 0n, ambient: 0n };

function masks(capabilities: Capabilities, last = 40, ours = -1n) {
  const notes: string[] = [];
  return { ...capabilityMasks(capabilities, last, ours, notes), notes };
}

t.test('numbers are those of linux/capability.h', async t => {
  for (const [name, number] of [
    ['CAP_CHOWN', 0],
    ['CAP_SYS_ADMIN', 21],
    ['CAP_SETFCAP', 31],
    ['CAP_MAC_OVERRIDE', 32],
    ['CAP_CHECKPOINT_RESTORE', 40],
  ] as const)
    t.equal(CAPABILITIES.indexOf(name), number, name);
  t.equal(CAPABILITIES.length, 41);
});

t.test('every capability has its bit', async t => {
  for (const [number, name] of CAPABILITIES.entries())
    t.strictSame(
      masks({ bounding: [name] }),
      { ...NOTHING, bounding: 1n << BigInt(number), notes: [] },
      name,
    );
  t.equal(masks({ permitted: [...CAPABILITIES] }).permitted, (1n << 41n) - 1n);
});

t.test('what the kernel does not know is left out with a note', async t => {
  const made = masks({ bounding: ['CAP_KILL', 'CAP_NONSENSE', 'CAP_BPF'] }, 38);
  t.equal(made.bounding, 1n << 5n);
  t.strictSame(made.notes, [
    'CAP_NONSENSE in bounding is left out: this kernel does not know it',
    'CAP_BPF in bounding is left out: this kernel does not know it',
  ]);
});

t.test('what we have not got ourselves cannot be given, only bounded', async t => {
  const both = ['CAP_CHOWN', 'CAP_KILL'];
  const made = masks({ bounding: both, permitted: both, effective: both, inheritable: both }, 40, 1n << 5n);
  t.match(made, { bounding: 33n, permitted: 32n, effective: 32n, inheritable: 32n });
  t.strictSame(made.notes[0], 'CAP_CHOWN in effective is left out: runts itself does not have it');
  t.equal(made.notes.length, 3);
});

t.test('names are never looked up in Object.prototype', async t => {
  t.equal(masks({ bounding: ['constructor', '__proto__'] }).notes.length, 2);
});

t.test('ambient ones must be permitted and inheritable', async t => {
  const kill = ['CAP_KILL'];
  t.equal(masks({ bounding: kill, permitted: kill, inheritable: kill, ambient: kill }).ambient, 1n << 5n);
  for (const sets of [
    { ambient: kill },
    { ambient: kill, permitted: kill },
    { ambient: kill, bounding: kill, inheritable: kill },
  ]) {
    const made = masks(sets);
    t.equal(made.ambient, 0n);
    t.match(made.notes.join(), /ambient/);
  }
});

t.test('inheritable ones must be in the bounding set', async t => {
  const made = masks({ bounding: ['CAP_CHOWN'], inheritable: ['CAP_CHOWN', 'CAP_KILL'] });
  t.equal(made.inheritable, 1n);
  t.match(made.notes.join(), /inheritable .* bounding/);
});

t.test('effective ones must be permitted', async t => {
  const made = masks({ effective: ['CAP_KILL', 'CAP_CHOWN'], permitted: ['CAP_CHOWN'] });
  t.equal(made.effective, 1n);
  t.match(made.notes.join(), /effective/);
});
