/** The last line of `npm test` is true, however a test file ends (scripts/tap-summary.mjs). */
import { spawnSync } from 'node:child_process';
import t from 'tap';

function summary(tap: string, elsewhere = '0'): { status: number | null; lines: string[] } {
  // env -i: without what tap has its children load
  const command = ['-i', process.execPath, 'scripts/tap-summary.mjs', '/dev/null', elsewhere];
  const { status, stdout } = spawnSync('env', command, { input: tap, encoding: 'utf8' });
  return { status, lines: stdout.trimEnd().split('\n') };
}

const END = '# { total: 1 }\n';
const good =
  '# Subtest: a.ts\n    # Subtest: one\n        ok 1 - x\n        1..1\n    ok 1 - one # time=3ms\nok 1 - a.ts # time=9ms\n';

t.test('assertions are counted, and not the tests around them', async t => {
  t.strictSame(summary(good + END), {
    status: 0,
    lines: ['ok 1 - a.ts # time=9ms', '1 passed, 0 failed, 0 skipped'],
  });
  t.strictSame(summary(good + END, '2').lines.at(-1), '1 passed, 2 failed, 0 skipped');
});

t.test('a failure comes with the names around it and with its diagnosis', async t => {
  const failed =
    '# Subtest: a.ts\n    # Subtest: one\n        not ok 1 - x\n          ---\n          found: 5\n          ...\n    not ok 1 - one # time=3ms\nnot ok 1 - a.ts # time=9ms\n';
  const { status, lines } = summary(failed + END);
  t.equal(status, 1);
  t.match(lines, [
    'a.ts > one > x',
    '          ---',
    '          found: 5',
    '          ...',
    'not ok 1 - a.ts',
  ]);
  t.equal(lines.at(-1), '0 passed, 1 failed, 0 skipped');
});

t.test('a file that dies after tests that passed is a failure', async t => {
  const killed =
    '# Subtest: a.ts\n    ok 1 - x\nnot ok 1 - a.ts # time=9ms\n  ---\n  signal: SIGKILL\n  ...\n';
  const { status, lines } = summary(killed + END);
  t.equal(status, 1);
  t.strictSame(lines.slice(1), [
    'a.ts ended before its tests did, see /dev/null',
    '1 passed, 1 failed, 0 skipped',
  ]);
});

t.test('a file without tests is a failure', async t => {
  const empty = '# Subtest: a.ts\n    1..0 # no tests found\nok 1 - a.ts # SKIP no tests found\n';
  const { status, lines } = summary(good + empty + END);
  t.equal(status, 1);
  t.strictSame(lines.slice(2), ['a.ts has no tests', '1 passed, 1 failed, 0 skipped']);
});

t.test('no end, and no tests at all', async t => {
  t.strictSame(summary(good).lines.at(-1), '1 passed, 1 failed, 0 skipped');
  t.strictSame(summary(''), { status: 1, lines: ['0 passed, 1 failed, 0 skipped'] });
});

t.test('reasons to skip are told once each, known failures are none', async t => {
  const skipped =
    '# Subtest: a.ts\n    ok 1 - one # SKIP no moon\n    ok 2 - two # SKIP no moon\n    not ok 3 - three # TODO later\nok 1 - a.ts # time=9ms\nok 2 - b.ts # SKIP no root\n';
  t.strictSame(summary(skipped + END), {
    status: 0,
    lines: [
      'ok 1 - a.ts # time=9ms',
      'ok 2 - b.ts # SKIP no root',
      '2 × skipped: no moon',
      '1 × known to fail, three: later',
      '1 × skipped: no root',
      '0 passed, 0 failed, 3 skipped',
    ],
  });
});
