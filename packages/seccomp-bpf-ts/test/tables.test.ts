// The tables against the kernel headers of this machine, which are older: they must be a part of the tables.

import { existsSync, readFileSync } from 'node:fs';
import t from 'tap';
import { architectures, syscallNames, syscallNumber } from '../src/index.js';

const HEADERS: [architecture: string, file: string][] = [
  ['SCMP_ARCH_X86_64', '/usr/include/x86_64-linux-gnu/asm/unistd_64.h'],
  ['SCMP_ARCH_X86', '/usr/include/x86_64-linux-gnu/asm/unistd_32.h'],
  ['SCMP_ARCH_X32', '/usr/include/x86_64-linux-gnu/asm/unistd_x32.h'],
  ['SCMP_ARCH_AARCH64', '/usr/include/aarch64-linux-gnu/asm/unistd_64.h'],
];

for (const [architecture, file] of HEADERS) {
  t.test(`${architecture} has the calls of ${file}`, t => {
    if (!existsSync(file)) {
      t.pass('skipped', { skip: 'no such header here' });
      t.end();
      return;
    }
    const lines = readFileSync(file, 'utf8').matchAll(
      /^#define __NR_(\w+) \(?(?:__X32_SYSCALL_BIT \+ )?(\d+)\)?$/gm,
    );
    const wrong: string[] = [];
    let count = 0;
    for (const [, name, digits] of lines) {
      count++;
      const number = Number(digits) + architectures[architecture]!.base;
      if (syscallNumber(architectures[architecture]!, name!) !== number) wrong.push(`${name} ${number}`);
    }
    t.ok(count > 300, `${count} calls`);
    t.same(wrong, []);
    t.end();
  });
}

t.test('numbers that are the same everywhere since Linux 5.1', t => {
  const [x86, arm] = [architectures.SCMP_ARCH_X86_64!, architectures.SCMP_ARCH_ARM!];
  for (const name of [
    'pidfd_send_signal',
    'clone3',
    'openat2',
    'close_range',
    'mseal',
    'file_getattr',
    'listns',
  ]) {
    const number = syscallNumber(x86, name)!;
    t.ok(number >= 424, `${name} ${number}`);
    t.equal(syscallNumber(arm, name), number);
    t.equal(syscallNumber(architectures.SCMP_ARCH_MIPS64!, name), 5000 + number);
    t.equal(syscallNumber(architectures.SCMP_ARCH_X32!, name), 0x40000000 + number);
  }
  t.equal(syscallNumber(arm, 'set_tls'), 0xf0005);
  t.equal(syscallNumber(x86, 'set_tls'), undefined);
  t.equal(syscallNumber(x86, 'no_such_call'), undefined);
  t.equal(syscallNumber(x86, '__proto__'), undefined);
  t.end();
});

t.test('no number is given twice on an architecture, but for names of the same call', t => {
  for (const [name, architecture] of Object.entries(architectures)) {
    const seen = new Map<number, string>();
    const twice: string[] = [];
    for (const call of syscallNames()) {
      const number = syscallNumber(architecture, call);
      if (number === undefined) continue;
      if (seen.has(number)) twice.push(`${seen.get(number)} ${call} ${number}`);
      seen.set(number, call);
    }
    t.same(twice, [], name);
  }
  t.end();
});
