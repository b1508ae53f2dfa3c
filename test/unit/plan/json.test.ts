/** `runts plan` as it prints: the JSON by its schema, the text line by line. */
import '../fixtures/fake-host.js';

import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import t from 'tap';
import { parseJson } from '../../../src/json.js';
import { flatten, STEP_TABLE } from '../../../src/plan/step.js';
import { printPlan } from '../../../src/plan-command.js';
import type { Spec } from '../../../src/spec.js';
import { host, resetHost } from '../fixtures/fake-host.js';
import { planOf } from '../fixtures/plan-of.js';

interface Validate {
  (value: unknown): boolean;
  errors?: unknown;
}
const { Ajv } = createRequire(import.meta.url)('ajv') as {
  Ajv: new (options: object) => { addSchema(schema: object): void; getSchema(id: string): Validate };
};
const schemas = new URL('../../../schemas/', import.meta.url);
const ajv = new Ajv({ strict: true, allErrors: true });
for (const name of readdirSync(schemas)) {
  if (name.endsWith('.schema.json')) ajv.addSchema(JSON.parse(readFileSync(new URL(name, schemas), 'utf8')));
}
const validate = ajv.getSchema('plan.schema.json');

function printed(json: boolean, ...inputs: Parameters<typeof planOf>): string {
  resetHost();
  t.equal(printPlan(planOf(...inputs), json), 0);
  return host.written[1]!;
}

interface Printed {
  [name: string]: unknown;
  steps: { [name: string]: unknown; step: keyof typeof STEP_TABLE; with: { [name: string]: unknown } }[];
}

const document = (...inputs: Parameters<typeof planOf>): Printed => JSON.parse(printed(true, ...inputs));

const SECCOMP = { defaultAction: 'SCMP_ACT_ALLOW' } as const;
const HOOKS: Spec['hooks'] = { createRuntime: [{ path: '/h' }], poststop: [{ path: '/stop', timeout: 5 }] };

const CASES: [name: string, inputs: Parameters<typeof planOf>][] = [
  ['the default configuration', []],
  [
    'a filter, hooks, an else',
    [{ hooks: HOOKS, linux: { seccomp: SECCOMP, resources: { blockIO: { weight: 10 } } } }],
  ],
  [
    'no cgroup, and a note',
    [{ process: { capabilities: { bounding: ['CAP_NEW'] } } }, {}, { cgroupManager: 'disabled' }],
  ],
  [
    'a scope',
    [
      { linux: { resources: { cpu: { cpus: '0-3', shares: 5 }, devices: [] } } },
      {},
      { cgroupManager: 'systemd' },
    ],
  ],
  ['the host’s mounts', [{ hostname: '', linux: { namespaces: [], maskedPaths: [], readonlyPaths: [] } }]],
  ['64 bits', [{ process: { rlimits: [{ type: 'RLIMIT_CORE', soft: 0, hard: 18446744073709551615n }] } }]],
];

t.test('what is printed is what the schema says', async t => {
  for (const [name, inputs] of CASES) {
    const given = document(...inputs);
    t.ok(validate(given), `${name}: ${JSON.stringify(validate.errors)}`);
  }
});

t.test('every step is there with its arguments', async t => {
  const { steps } = planOf();
  const given = document();
  t.strictSame(
    given.steps.map(step => [step.step, step.actor]),
    steps.map(step => [step.kind, step.actor]),
  );
  for (const { step, with: args } of given.steps) {
    const { numbers, texts } = STEP_TABLE[step];
    t.strictSame(Object.keys(args).sort(), `${numbers} ${texts}`.split(' ').filter(Boolean).sort(), step);
  }
});

t.test('numbers of 64 bits are printed digit by digit', async t => {
  const text = printed(true, {
    process: { rlimits: [{ type: 'RLIMIT_CORE', soft: 0, hard: 18446744073709551615n }] },
  });
  t.match(text, /"hard": 18446744073709551615\b/);
  t.ok(parseJson(text));
});

t.test('the schema can refuse', async t => {
  const first = (change: object) => (given: Printed) => void Object.assign(given.steps[0]!, change);
  const wrong: [name: string, change: (given: Printed) => void][] = [
    ['another actor', first({ actor: 'kernel' })],
    ['no words', first({ words: undefined })],
    ['a pointer that is none', first({ from: 'linux' })],
    ['a fraction', first({ with: { slot: 1.5 } })],
    ['an else that cannot happen', given => first({ else: [given.steps[1]] })(given)],
    ['a relative rootfs', given => void Object.assign(given, { rootfs: 'rootfs' })],
    ['no teardown', given => void delete given.teardown],
    ['something unknown', given => void Object.assign(given, { extra: 1 })],
  ];
  for (const [name, change] of wrong) {
    const given = document();
    change(given);
    t.notOk(validate(given), name);
  }
});

t.test('in words: who, what, and which entry asked for it', async t => {
  const lines = printed(false, { hooks: HOOKS, process: { capabilities: { bounding: ['CAP_NEW'] } } }).split(
    '\n',
  );
  const { steps } = planOf({ hooks: HOOKS });
  t.equal(lines.filter(line => /^ *(.* on \w.*: )?(host|init) {2}/.test(line)).length, flatten(steps).length);
  for (const line of [
    'init  set the hostname runts (sethostname)  [/hostname]',
    'host  run the createRuntime hook /h  [/hooks/createRuntime/0]',
    'host  put the record of the process in its place (rename) and write the pid file',
    'host  write the configuration, and the record of the process beside the one that counts; init goes on meanwhile',
    'delete  remove the cgroup /sys/fs/cgroup/system.slice/box',
    'delete  run the poststop hook /stop',
    'delete  remove the state directory',
    'note  CAP_NEW in bounding is left out: this kernel does not know it',
  ])
    t.ok(lines.includes(line), line);
  t.ok(
    lines.some(line =>
      /^init {2}hide \/proc\/kcore .*; ENOENT, ENOTDIR is no failure {2}\[\/linux\/maskedPaths\/2\]$/.test(
        line,
      ),
    ),
  );
});

t.test('what is done instead stands below, with the error', async t => {
  const text = printed(false, { linux: { resources: { blockIO: { weight: 10 } } } });
  t.match(
    text,
    /write "default 10" to io\.bfq\.weight.*\n +on ENOENT: host {2}write "default 1" to io\.weight/,
  );
});
