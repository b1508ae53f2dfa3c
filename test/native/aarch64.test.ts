/** The C code is written for two processors: it compiles for the one that this machine is not, without a warning. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { cpus } from 'node:os';
import t from 'tap';

const native = new URL('../../native/', import.meta.url).pathname;
const compiler = 'aarch64-linux-gnu-gcc';

function reasonToSkip(): string | undefined {
  if (process.arch === 'arm64') return 'this machine is one: scripts/build has done it';
  if (spawnSync(compiler, ['--version']).error)
    return `${compiler} is not installed (scripts/setup tests installs it)`;
  return undefined;
}

const skip = reasonToSkip();

t.test('the C code compiles for aarch64', skip === undefined ? {} : { skip }, async t => {
  const sources = readdirSync(native).filter(name => name.endsWith('.c'));
  const flags = ['-std=gnu11', '-O1', '-Wall', '-Wextra', '-Werror', '-c', '-o', '/dev/null'];
  const script = `printf '%s\\0' "$@" | xargs -0 -n 1 -P ${cpus().length} ${compiler} ${flags.join(' ')}`;
  const { status, stderr } = spawnSync('sh', ['-c', script, 'sh', ...sources], {
    cwd: native,
    encoding: 'utf8',
  });
  t.same([status, stderr], [0, '']);
});
