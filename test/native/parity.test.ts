/** Every primitive does the same in Node.js and in the static executable, to the letter. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import t from 'tap';
import { buildHosts, runHost } from './host.js';

const hosts = await buildHosts();
const env = { RUNTS_TEST: 'żółw', RUNTS_EMPTY: '' };

/** A shell in between sets what Node.js cannot: a variable that is not UTF-8. */
const shell = ['sh', '-c', `RUNTS_BAD=$(printf 'a\\377') exec "$@"`, 'sh'];

function primitives(host: string[]): string[] {
  const scratch = mkdtempSync(`${tmpdir()}/runts-native-`);
  try {
    const { status, stdout, stderr } = runHost(host, [scratch], shell, env);
    t.equal(status, 0, stderr);
    return stdout.split('\n');
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

const answers = primitives(hosts.node);
const answer = (name: string): string | undefined =>
  answers.find(line => line.startsWith(`${name}: `))?.slice(name.length + 2);

t.test('answers', async t => {
  const expected: Record<string, string> = {
    'createFile mode': '"666"',
    rename: '["new",null]',
    'digest 0': '"0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"', // Python's hashlib.blake2b(..., digest_size=32)
    'digest 1': '"8928aae63c84d87ea098564d1e03ad813f107add474e56aedd286349c0c03ea4"',
    'digest 127': '"ad29611e31c0846f28e02982a12c7a6ec9ef71ea7b6866603dd93a23c2322a5b"',
    'digest 128': '"362f4baa8a41484b362c7dee9605b22c9ef18b4930abb85348fa54a43cfa19a9"',
    'digest 129': '"43e7c863a2faa256b007de3e4a92d9251b087024733014163b13a34b9bcbadb7"',
    'digest 256': '"cde6d574fcacb5cc1dbb64dec9a7d1a6f7a6b4f87e9e30127e048482d5265ec3"',
    'digest 1000': '"67b41dcf4f07815300dd501bbdfe5cfae7e984c3f3bac80a04fae2950a081372"',
    'createFile again': `throws ["EEXIST",17,"open","<scratch>/text","EEXIST: open \\"<scratch>/text\\"",["code","errno","path","syscall"]] stack string`,
    readText: '"żółw 🐢\\n"',
    readBytes: '{"bytes":[1,0,255]}',
    'lone surrogates': '"a\ufffdb\ufffd"',
    'replaceFile leaves nothing': '["bad","full","good","locked","text"]',
    writeFile: '"OTher"',
    list: '[".hidden","Z","a","b","ą"]',
    removeTree: 'undefined',
    'stat absent': '[null,null,null]',
    'stat device': '["c",1,3]',
    fsType: '"9fa0"',
    lock: '[true,-1,true]',
    openAtStart: '[true,true,true,true,true,false,false,false]',
    'openAtStart ours': 'false',
    env: '["żółw",null,""]',
    sleep: 'true',
    processState: '["R",true,true]',
    'processState none': 'null',
    signal: 'true',
    'signal another start': 'false',
    'signal none': 'false',
    waitExit: 'false',
    'waitExit gone': 'true',
    'waitCgroup none': 'true',
    run: '{"status":3,"stdout":"out\\n","stderr":"żółw\\n"}',
    'run signals': '{"status":141,"stdout":"","stderr":""}',
    'run much': '[300000,200000]',
    'run descriptors': '"4"',
    rope: 'true',
    load: '[true,2,true]',
    'load twice after a failure': '["no good part","no good part"]',
  };
  for (const [name, value] of Object.entries(expected)) t.equal(answer(name), value, name);
});

t.test('texts that are not UTF-8 are refused', async t => {
  const bad = [
    'lone continuation',
    'overlong 2',
    'overlong 3',
    'overlong 4',
    'surrogate',
    'above the last',
    'cut off',
    'behind ASCII',
  ];
  for (const name of bad)
    t.match(answer(`readText ${name}`), /^throws \["EILSEQ",84,"decode","<scratch>\/bad"/, name);
  t.match(answer('env not UTF-8'), /^throws \["EILSEQ",84,"getenv","RUNTS_BAD"/);
  t.match(answer('run not UTF-8'), /^throws \["EILSEQ"/);
  const whole = answers.filter(line => line.startsWith('text there and back: '));
  t.equal(whole.length, 5);
  for (const line of whole) t.match(line, /\[true,/);
});

t.test('wrong arguments are EINVAL and say which', async t => {
  for (const name of [
    'no arguments',
    'number as path',
    'NUL in path',
    'NaN as descriptor',
    'array as data',
    'no array',
  ])
    t.match(answer(name), /^throws \["EINVAL",22,"\w+","argument [12]: .* expected"/, name);
  t.match(answer('array with a getter that throws'), /"getter"/);
});

t.test('the binding exports what src/native.ts promises, and nothing else', async t => {
  const text = readFileSync(new URL('../../src/native.ts', import.meta.url), 'utf8');
  const contract = text.slice(text.indexOf('export interface Native {'));
  const promised = Array.from(contract.matchAll(/^ {2}(\w+)\(/gm), match => match[1]!);
  const [, , exported] = JSON.parse(answer('names')!);
  t.same([...exported].sort(), promised.sort());
});

const { quickjs } = hosts;

t.test(
  'QuickJS answers the same',
  { skip: quickjs === undefined && 'no QuickJS on this machine' },
  async t => {
    const other = primitives(quickjs!);
    t.equal(other.length, answers.length);
    for (const [index, line] of answers.entries())
      t.equal(other[index], line, line.slice(0, line.indexOf(':')));
  },
);
