/** removeTree: symlinks, mounts, depth; and that failures leave what they must not touch. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import t from 'tap';
import type { NativeError } from '../../src/native.js';
import { native } from './host.js';

const root = process.getuid!() === 0;
const scratch = mkdtempSync(`${tmpdir()}/runts-remove-`);
t.teardown(() => rmSync(scratch, { recursive: true, force: true }));

function failure(action: () => void): [string, string, string] {
  try {
    action();
  } catch (error) {
    const { code, syscall, path } = error as NativeError;
    return [code, syscall, path];
  }
  return ['', '', ''];
}

t.test('a name that is none removes nothing', async t => {
  mkdirSync(`${scratch}/named/inner`, { recursive: true });
  for (const name of ['.', '..', '../', 'inner/..', 'inner/.']) {
    const path = `${scratch}/named/${name}`;
    t.strictSame(
      failure(() => native.removeTree(path)),
      ['EINVAL', 'rmdir', path],
    );
  }
  t.ok(existsSync(`${scratch}/named/inner`));
  native.removeTree(`${scratch}/named`);
});

t.test('symlinks are removed, not followed', async t => {
  mkdirSync(`${scratch}/keep`);
  writeFileSync(`${scratch}/keep/file`, '');
  mkdirSync(`${scratch}/a/b/c`, { recursive: true });
  symlinkSync(`${scratch}/keep`, `${scratch}/a/b/link`);
  symlinkSync('..', `${scratch}/a/b/up`);
  symlinkSync('nowhere', `${scratch}/a/b/c/dangling`);
  native.removeTree(`${scratch}/a//`);
  t.same(readdirSync(scratch), ['keep']);
  t.same(readdirSync(`${scratch}/keep`), ['file']);
});

t.test('the top must not be a symlink', async t => {
  symlinkSync('keep', `${scratch}/link`);
  t.same(
    failure(() => native.removeTree(`${scratch}/link`)),
    ['ENOTDIR', 'openat2', `${scratch}/link`],
  );
  t.same(readdirSync(`${scratch}/keep`), ['file']);
});

t.test('a tree that is too deep is refused', async t => {
  let path = `${scratch}/deep`;
  for (let i = 0; i < 300; i++) path += '/d';
  mkdirSync(path, { recursive: true });
  t.equal(failure(() => native.removeTree(`${scratch}/deep`))[0], 'ELOOP');
  t.ok(existsSync(path));
});

/** In a mount namespace of its own: mounts, removes m, and prints the error and what is left below m. */
function removeMounted(mount: string): string[] {
  const remove = `try { require(process.argv[1]).removeTree(process.argv[2]) } catch (e) { console.log(e.code, e.syscall, e.path) }`;
  const script = `set -e; cd "$1"; ${mount}; "$2" -e '${remove}' "$3" "$1/m"; find m -mindepth 1 | sort`;
  const addon = new URL('../../build/Release/runts.node', import.meta.url).pathname;
  const words = [
    '-m',
    '--propagation',
    'private',
    'sh',
    '-c',
    script,
    'sh',
    scratch,
    process.execPath,
    addon,
  ];
  return execFileSync('unshare', words, { encoding: 'utf8' }).replaceAll(scratch, '').trim().split('\n');
}

t.test('mounts are not crossed', { skip: root ? false : 'needs root' }, async t => {
  mkdirSync(`${scratch}/m/in`, { recursive: true });
  t.same(
    removeMounted('mount --bind keep m/in'),
    ['EXDEV openat2 /m/in', 'm/in', 'm/in/file'],
    'a bind mount of the same file system',
  );
  t.same(
    removeMounted('mount -t tmpfs none m/in; touch m/in/x'),
    ['EXDEV openat2 /m/in', 'm/in', 'm/in/x'],
    'another file system',
  );
  t.same(removeMounted('mount --bind keep m'), ['EXDEV openat2 /m', 'm/file'], 'the top');
  writeFileSync(`${scratch}/m/file`, 'covered');
  t.same(
    removeMounted('rmdir m/in; mount --bind keep/file m/file'),
    ['EBUSY unlink /m/file', 'm/file'],
    'a file',
  );
  t.same(readdirSync(`${scratch}/keep`), ['file']);
});
