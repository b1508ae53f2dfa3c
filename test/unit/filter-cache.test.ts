import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import type { Compiled } from 'seccomp-bpf-ts';
import t from 'tap';
import type { Seccomp } from '../../src/spec.js';
import './fixtures/fake-host.js';

Object.assign(globalThis, { __compiler: 'this compiler' });
const { filterKey, keepFilter, recallFilter } = await import('../../src/filter-cache.js');

const filter = (more: Partial<Compiled> = {}): Compiled => ({
  program: new Uint8Array([1, 0, 255, 7, 0, 0, 0, 0]),
  flags: 2,
  warnings: ['/syscalls/0/names/3: system call new_call is not known and is ignored'],
  notify: true,
  ...more,
});
const PROFILE = { defaultAction: 'SCMP_ACT_ALLOW' } as const;

t.test('what is kept comes back as it was', async t => {
  const root = t.testdir();
  t.equal(recallFilter(root, 'key'), undefined);
  keepFilter(root, 'key', filter());
  t.strictSame(recallFilter(root, 'key'), filter());
  t.equal(statSync(`${root}/.filters`).mode & 0o7777, 0o700);
  t.equal(statSync(`${root}/.filters/key`).mode & 0o7777, 0o600);
  keepFilter(root, 'empty', filter({ program: new Uint8Array(0), warnings: [], notify: false }));
  t.strictSame(recallFilter(root, 'empty')?.warnings, []);
  t.equal(recallFilter(root, 'empty')?.notify, false);
});

t.test('the key depends on the profile and the architecture', async t => {
  const key = filterKey(PROFILE, 'SCMP_ARCH_X86_64');
  t.match(key, /^[0-9a-f]{64}$/);
  t.equal(filterKey({ ...PROFILE }, 'SCMP_ARCH_X86_64'), key);
  t.not(filterKey(PROFILE, 'SCMP_ARCH_AARCH64'), key);
  t.not(filterKey({ defaultAction: 'SCMP_ACT_KILL' }, 'SCMP_ARCH_X86_64'), key);
  const args = [{ index: 0, value: 0xffffffffffffffffn, op: 'SCMP_CMP_EQ' }] as const;
  const syscalls = [{ names: ['personality'], action: 'SCMP_ACT_ALLOW', args }] as never;
  t.match(filterKey({ ...PROFILE, syscalls }, 'SCMP_ARCH_X86_64'), /^[0-9a-f]{64}$/, 'with 64-bit values');
});

t.test('the key tells apart which names are in which rule', async t => {
  const rules = (...names: string[][]) =>
    names.map(list => ({ names: list, action: 'SCMP_ACT_ALLOW' })) as Seccomp['syscalls'] & object;
  const keys = [
    rules(),
    rules(['read', 'write']),
    rules(['write', 'read']),
    rules(['readwrite']),
    rules(['read write']),
    rules(['read'], ['write']),
    rules([], ['read', 'write']),
    rules(['read', 'write'], []),
    rules(['read\nwrite', 'open'], []),
    rules(['read', 'write\nopen'], []),
    rules(['read', 'write']).map(rule => ({ ...rule, errnoRet: 1 })),
  ].map(syscalls => filterKey({ ...PROFILE, syscalls }, 'SCMP_ARCH_X86_64'));
  t.equal(new Set(keys).size, keys.length);
});

t.test('what is damaged or cannot be written is as if it were not there', async t => {
  const root = t.testdir();
  keepFilter(root, 'key', filter());
  const file = `${root}/.filters/key`;
  const whole = readFileSync(file);
  for (const size of [0, 5, 11, 12, 19, whole.length - 1]) {
    writeFileSync(file, whole.subarray(0, size));
    t.equal(recallFilter(root, 'key'), undefined, `${size} bytes`);
  }
  t.doesNotThrow(() => keepFilter(`${file}/below-a-file`, 'key', filter()));
});

t.test('it does not grow for ever', async t => {
  const root = t.testdir();
  for (let i = 0; i < 200; i++) keepFilter(root, `key${i}`, filter());
  t.ok(readdirSync(`${root}/.filters`).length <= 64);
  t.ok(recallFilter(root, 'key199'));
});
