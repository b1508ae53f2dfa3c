// The package as npm makes it: installed in an empty directory, it has its types and runs the README's examples.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';

const own = new URL('..', import.meta.url).pathname;
const tsc = new URL('../../../node_modules/.bin/tsc', import.meta.url).pathname;
/** Nothing of tap's, which would load TypeScript where others have none. */
const env = { PATH: process.env.PATH, HOME: process.env.HOME };

/** The directory that it is installed in. */
function install(): string {
  const directory = t.testdir({ node_modules: {} });
  const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', directory], {
    cwd: own,
    env,
    encoding: 'utf8',
  });
  const modules = `${directory}/node_modules/seccomp-bpf-ts`;
  mkdirSync(modules);
  const archive = `${directory}/${packed.trim().split('\n').at(-1)}`;
  execFileSync('tar', ['-xzf', archive, '-C', modules, '--strip-components=1']);
  return directory;
}

const noNpm = spawnSync('npm', ['--version'], { env }).error ? 'npm is not installed' : false;

t.test('npm pack makes a package that can be used', { skip: noNpm }, async t => {
  const directory = install();
  const files = execFileSync('find', ['.', '-type', 'f'], {
    cwd: `${directory}/node_modules/seccomp-bpf-ts`,
    encoding: 'utf8',
  });
  for (const file of [
    'dist/index.js',
    'dist/index.d.ts',
    'dist/tables.js',
    'src/index.ts',
    'README.md',
    'LICENSE',
  ])
    t.match(files, `./${file}\n`);
  t.notMatch(files, /test|scripts|tsconfig/);

  const examples = [...readFileSync(`${own}README.md`, 'utf8').matchAll(/^```ts\n(.*?)^```$/gms)];
  t.equal(examples.length, 2);
  const results = [
    'console.log(program.length % 8, flags, notify, warnings.length);',
    'console.log(verdict.toString(16));',
  ];
  const printed = ['0 4 false 0\n', '5000d\n'];
  for (const [index, [, text]] of examples.entries())
    writeFileSync(`${directory}/example${index}.mts`, `${text}\n${results[index]}\n`);
  const compilerOptions = {
    target: 'es2022',
    module: 'nodenext',
    lib: ['es2022', 'dom'],
    strict: true,
    types: [],
  };
  writeFileSync(`${directory}/tsconfig.json`, JSON.stringify({ compilerOptions }));
  const compiled = spawnSync(tsc, [], { cwd: directory, env, encoding: 'utf8' });
  t.equal(compiled.stdout, '', 'the types are right');
  for (const [index, expected] of printed.entries()) {
    const options = { cwd: directory, env, encoding: 'utf8' } as const;
    t.equal(execFileSync(process.execPath, [`example${index}.mjs`], options), expected);
  }
});
