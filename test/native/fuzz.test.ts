/** What C reads from outside itself, damaged in hundreds of thousands of ways, under sanitizers: plans and messages. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { STEP_TABLE, type Step, type StepKind, type Text } from '../../src/plan/step.js';
import { planBytes } from '../plan-bytes.js';

const root = new URL('../..', import.meta.url).pathname;
const sanitizers = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
const flags = ['-std=c11', '-Wall', '-Wextra', '-Werror', '-O1', '-g', ...sanitizers];

/** Why this machine cannot run these tests; undefined when it can. */
function noCompiler(directory: string): string | undefined {
  writeFileSync(`${directory}/try.c`, 'int main(void) { return 0; }\n');
  const { status } = spawnSync('gcc', [...flags, `${directory}/try.c`, '-o', `${directory}/try`]);
  return status === 0 ? undefined : 'no gcc with AddressSanitizer on this machine';
}

function compile(t: Test, name: string, sources: string[]): string {
  const output = `${t.testdirName}/${name}`;
  const inputs = [`test/native/${name}.c`, ...sources.map(source => `native/${source}.c`)];
  const { status, stderr } = spawnSync('gcc', [...flags, ...inputs, '-o', output], {
    cwd: root,
    encoding: 'utf8',
  });
  t.equal(status, 0, `compile ${name}`);
  t.equal(stderr, '');
  return output;
}

/** One step of each kind, with numbers and texts of many sizes, some of them with an `else`. */
function everyStep(): Step[] {
  const texts: Text[] = [
    '',
    'a',
    '/some/path',
    'ż'.repeat(300),
    [],
    ['one'],
    ['', 'two', 'three'],
    new Uint8Array(17),
  ];
  let at = 0;
  const words = (names: string): string[] => (names === '' ? [] : names.split(' '));
  const one = (kind: StepKind): Step => {
    const { numbers, texts: names } = STEP_TABLE[kind];
    const values: Step['with'] = Object.fromEntries([
      ...words(numbers).map((name, i) => [name, i % 2 ? (1n << 63n) + BigInt(at) : at]),
      ...words(names).map(name => [name, texts[at++ % texts.length]!]),
    ]);
    return { kind, actor: (['init', 'host', 'runtime'] as const)[at++ % 3]!, from: '', with: values };
  };
  const kinds = Object.keys(STEP_TABLE) as StepKind[];
  return kinds.map((kind, index) =>
    index % 5 === 0
      ? {
          ...one(kind),
          tolerate: ['ENOENT', 'EROFS'],
          else: [one('clone'), { ...one('mask'), else: [one('exec')] }],
        }
      : one(kind),
  );
}

const directory = t.testdir();
const skip = noCompiler(directory);
const environment = { ...process.env, ASAN_OPTIONS: 'allocator_may_return_null=0' };

t.test(
  'a plan that is cut is refused; a damaged one too, or it can be read without leaving it',
  skip === undefined ? {} : { skip },
  async t => {
    t.testdir();
    const program = compile(t, 'fuzz_plan', ['plan']);
    const plan = `${t.testdirName}/plan`;
    writeFileSync(plan, planBytes(everyStep()));
    for (const seed of ['1', '3', '5']) {
      const { status, stdout, stderr } = spawnSync(program, [plan, seed, '50000'], {
        encoding: 'utf8',
        env: environment,
      });
      t.same([status, stderr], [0, ''], `seed ${seed}`);
      const [, accepted, refused] = /^(\d+) accepted, (\d+) refused, /.exec(stdout) ?? [];
      t.ok(Number(accepted) > 1000, `${accepted} were accepted`);
      t.ok(Number(refused) > 1000, `${refused} were refused`);
    }
  },
);

t.test(
  'a damaged message is refused, and its descriptors are closed',
  skip === undefined ? {} : { skip },
  async t => {
    t.testdir();
    const program = compile(t, 'fuzz_message', ['walk', 'plan']);
    for (const seed of ['1', '3', '5']) {
      const { status, stdout, stderr } = spawnSync(program, [seed, '30000'], {
        encoding: 'utf8',
        env: environment,
      });
      t.same([status, stderr], [0, ''], `seed ${seed}`);
      const [, taken, refused, left] =
        /^(\d+) taken, (\d+) refused, (-?\d+) descriptors left\n$/.exec(stdout) ?? [];
      t.ok(Number(taken) > 1000 && Number(refused) > 1000, stdout);
      t.equal(left, '0');
    }
  },
);
