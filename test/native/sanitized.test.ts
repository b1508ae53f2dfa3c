/**
 * In CI: the tests of the commands that reach most of the native code, once more with the runtime and init built with
 * AddressSanitizer and UndefinedBehaviorSanitizer. `npm run test:asan` runs all.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import t from 'tap';

const files = [
  'lifecycle',
  'exec',
  'run',
  'terminal',
  'mounts',
  'hooks',
  'failures-program',
  'failures-exec',
];

function reasonToSkip(): string | undefined {
  if (process.env.RUNTS_SANITIZE !== undefined) return 'test-asan runs these files itself';
  if (process.env.CI === undefined) return 'only with CI set; npm run test:asan runs all tests this way';
  if (process.getuid!() !== 0) return 'kernel tests need root';
  execFileSync('scripts/build', ['sanitize'], { stdio: 'inherit' });
  return existsSync('build/asan/runts') ? undefined : 'there is no QuickJS for build/asan/runts';
}

process.chdir(new URL('../..', import.meta.url).pathname);
t.setTimeout(1_800_000);
const skip = reasonToSkip();
if (skip !== undefined) t.test('the commands with AddressSanitizer', { skip }, async () => {});
else {
  // the harness looks at these when it is loaded
  process.env.RUNTS_SANITIZE = '1';
  process.env.RUNTS_HOST = 'static';
  for (const file of files) await import(`../kernel/${file}.test.ts`);
}
