import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import t from 'tap';
import { compileSchemas } from './fixtures/compiled-schemas.js';

compileSchemas();
const quick = await import('../../build/generated/quick.js');
const full = await import('../../build/generated/full.js');

interface Validate {
  (value: unknown): boolean;
  errors?: unknown;
}
interface AjvInstance {
  addSchema(schema: object): void;
  compile(schema: object): Validate;
  getSchema(id: string): Validate | undefined;
}
const { Ajv } = createRequire(import.meta.url)('ajv') as { Ajv: new (options: object) => AjvInstance };

const schemas = new URL('../../schemas/', import.meta.url);
const official = new URL('../../../shared/oci-runtime-spec/', import.meta.url);
const callers = new URL('../../../shared/caller-configs/', import.meta.url);
const noOfficial = existsSync(official)
  ? false
  : 'the official schemas are not at ../shared/oci-runtime-spec';
const noCallers = existsSync(callers) ? false : "the engines' configs are not at ../shared/caller-configs";

type Json = Record<string, unknown>;

function readJson(url: URL): Json {
  return JSON.parse(readFileSync(url, 'utf8'));
}

/** Our schemas as they are published, by plain ajv. */
function ours(): AjvInstance {
  const ajv = new Ajv({ strict: true, allErrors: true });
  for (const name of readdirSync(schemas)) {
    if (name.endsWith('.schema.json')) ajv.addSchema(readJson(new URL(name, schemas)));
  }
  return ajv;
}

/** The official schemas, draft-04 but for nothing that ajv's draft-07 reads otherwise. */
function theirs(): AjvInstance {
  const ajv = new Ajv({ strict: false, allErrors: true, logger: false });
  for (const name of readdirSync(official)) {
    if (!name.endsWith('.json')) continue;
    const { $schema, ...schema } = readJson(new URL(name, official));
    ajv.addSchema({ $id: name, ...schema });
  }
  return ajv;
}

function files(base: URL, directory: string): [name: string, text: string][] {
  const url = new URL(directory, base);
  return readdirSync(url)
    .filter(name => name.endsWith('.json'))
    .map(name => [name, readFileSync(new URL(name, url), 'utf8')]);
}

function accepts(validate: Validate, text: string): boolean {
  try {
    return validate(JSON.parse(text));
  } catch {
    return false;
  }
}

t.test('the official good and bad files', { skip: noOfficial }, async t => {
  const ajv = ours();
  for (const kind of ['config', 'features', 'state']) {
    const validate = ajv.getSchema(`${kind}.schema.json`)!;
    for (const [name, text] of files(official, `test/${kind}/good/`)) {
      t.ok(accepts(validate, text), `${kind}: ${name} is good`);
    }
    for (const [name, text] of files(official, `test/${kind}/bad/`)) {
      if (name.startsWith('freebsd')) {
        t.pass(`${kind}: ${name}`, { skip: "its fault is in another platform's part, which is ignored" });
      } else {
        t.notOk(accepts(validate, text), `${kind}: ${name} is bad`);
      }
    }
  }
});

t.test('the configs that engines write', { skip: noCallers }, async t => {
  for (const [name, text] of files(callers, '')) {
    const part = name.startsWith('process-') ? 'process' : 'config';
    t.ok(quick[part](JSON.parse(text)), `quick: ${name}`);
    t.ok(full[part](JSON.parse(text)), `full: ${name}`);
  }
});

/** Where the specification's text, the kernel or real engines lead away from the official schema, and why. */
const DIFFERENCES: [place: RegExp, reason: string][] = [
  [/^(freebsd|zos|windows|solaris|vm)\b/, "other platforms' parts are ignored"],
  [/^linux\.devices\.\d+\.fileMode$/, 'engines add the file type to the mode'],
  [/^linux\.devices\.\d+\.type$/, 'the official pattern is the enum'],
  [/^linux\.rootfsPropagation$/, 'engines write the recursive forms'],
  [/^linux\.resources\.pids(?:\.limit)?$/, 'it is optional since 1.3'],
  [/^linux\.resources\.blockIO\.throttle\w+\.\d+(?:\.rate)?$/, 'REQUIRED by the text'],
  [/^linux\.memoryPolicy(?:\.mode)?$/, 'REQUIRED by the text'],
  [/^linux\.personality(?:\.domain)?$/, 'REQUIRED by the text'],
  [/^linux\.seccomp\.syscalls\.\d+\.args\.\d+\.index$/, 'system calls have six arguments'],
  [/^hooks\.\w+\.\d+\.timeout$/, 'more seconds than a number holds'],
  [/^process\.oomScoreAdj$/, 'an int'],
];

const WRONG = [
  null,
  true,
  '',
  'x',
  -1,
  0,
  1.5,
  512,
  65536,
  4294967296,
  -2147483649,
  1e300,
  [],
  {},
  [0],
  { x: 0 },
];

/** Calls back with every variant of a document in which one member is left out or replaced. */
function mutate(document: Json, onVariant: (place: string, variant: Json, change: string) => void): void {
  const walk = (value: unknown, path: string[]) => {
    if (typeof value !== 'object' || value === null) return;
    for (const key of Object.keys(value)) {
      const place = [...path, key];
      for (const replacement of [undefined, ...WRONG]) {
        const variant = structuredClone(document);
        const parent = path.reduce((at, step) => at[step] as Json, variant);
        if (replacement === undefined) delete parent[key];
        else parent[key] = replacement;
        if (replacement !== undefined || !Array.isArray(parent))
          onVariant(place.join('.'), variant, JSON.stringify(replacement) ?? 'left out');
      }
      walk((value as Json)[key], place);
    }
  };
  walk(document, []);
}

const EVERYTHING = readJson(new URL('fixtures/everything.json', import.meta.url));

t.test(
  'one change at a time: the official verdict, but for the known differences',
  { skip: noOfficial },
  async t => {
    const validate = ours().getSchema('config.schema.json')!;
    const officially = theirs().getSchema('config-schema.json')!;
    t.ok(officially(EVERYTHING), 'the example with every property is good officially');
    const reasons = new Map<string, number>();
    let variants = 0;
    mutate(EVERYTHING, (place, variant, change) => {
      variants++;
      if (validate(variant) === officially(variant)) return;
      const reason = DIFFERENCES.find(([pattern]) => pattern.test(place))?.[1];
      if (reason === undefined) t.fail(`${place} ${change}: another verdict`);
      else reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    });
    t.ok(variants > 3000, `${variants} variants`);
    for (const [reason, count] of reasons) t.comment(`${count} times: ${reason}`);
  },
);

t.test('one change at a time: the compiled validators judge as plain ajv does', async t => {
  const validate = ours().getSchema('config.schema.json')!;
  let refused = 0;
  t.ok(quick.config(EVERYTHING) && full.config(EVERYTHING) && validate(EVERYTHING));
  mutate(EVERYTHING, (place, variant, change) => {
    const verdict = validate(variant);
    if (!verdict) refused++;
    if (quick.config(variant) !== verdict) t.fail(`quick: ${place} ${change}`);
    if (full.config(variant) !== verdict) t.fail(`full: ${place} ${change}`);
  });
  t.ok(refused > 2000, `${refused} refused`);
});

t.test('integers of 64 bits', async t => {
  const rlimit = (soft: unknown) => ({ cwd: '/', rlimits: [{ type: 'RLIMIT_CORE', soft, hard: 0 }] });
  const memory = (limit: unknown) => ({ ociVersion: '1.0.0', linux: { resources: { memory: { limit } } } });
  const cases: [validate: Validate, document: unknown, verdict: boolean][] = [
    [quick.process, rlimit(18446744073709551615n), true],
    [quick.process, rlimit(18446744073709551616n), false],
    [quick.process, rlimit(-1n), false],
    [quick.process, rlimit(9007199254740991), true],
    [quick.process, rlimit(9007199254740992), false],
    [quick.process, rlimit(-0), true],
    [quick.process, rlimit(Number.NaN), false],
    [quick.process, rlimit('5'), false],
    [quick.config, memory(9223372036854775807n), true],
    [quick.config, memory(9223372036854775808n), false],
    [quick.config, memory(-9223372036854775808n), true],
    [quick.config, memory(-9223372036854775809n), false],
    [quick.process, { cwd: '/', user: { uid: 4294967295 } }, true],
    [quick.process, { cwd: '/', user: { uid: 5n } }, false],
    [quick.process, { cwd: '/', oomScoreAdj: 5n }, false],
  ];
  for (const [validate, document, verdict] of cases) {
    const twin = validate === quick.process ? full.process : full.config;
    const name = JSON.stringify(document, (_, value) => (typeof value === 'bigint' ? `${value}n` : value));
    t.equal(validate(document), verdict, `quick: ${name}`);
    t.equal(twin(document), verdict, `full: ${name}`);
  }
});

t.test('the quick validator stays small', async t => {
  const size = readFileSync(new URL('../../build/generated/quick.js', import.meta.url)).length;
  t.ok(size < 60000, `${size} bytes`);
});

t.test('state', async t => {
  const validate = ours().getSchema('state.schema.json')!;
  const state = {
    ociVersion: '1.3.0',
    id: 'a',
    status: 'running',
    pid: 5,
    bundle: '/b',
    annotations: { a: 'b' },
  };
  t.ok(validate(state));
  t.ok(validate({ ...state, status: 'stopped', pid: undefined }));
  for (const wrong of [
    { pid: undefined },
    { status: 'paused' },
    { bundle: 'b' },
    { id: '' },
    { annotations: { a: 1 } },
  ]) {
    t.notOk(validate({ ...state, ...wrong }), JSON.stringify(wrong));
  }
});
