/** What holds for every plan, tried on the configurations of real engines and on ones with everything in them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { parseJson } from '../../../src/json.js';
import { encode } from '../../../src/plan/encode.js';
import { execPlan } from '../../../src/plan/exec-plan.js';
import { plan } from '../../../src/plan/plan.js';
import { flatten } from '../../../src/plan/step.js';
import type { Process, Spec } from '../../../src/spec.js';
import { problemsOf } from '../fixtures/plan-checker.js';
import { config, facts, freeze, type Inputs, options, readInputs } from '../fixtures/planner.js';

const callers = new URL('../../../../shared/caller-configs/', import.meta.url);
const skip = existsSync(callers) ? false : "the engines' configs are not at ../shared/caller-configs";
const EXEC = {
  pid: 7,
  startTime: 815,
  id: 'box',
  bundle: '/bundle',
  cgroup: { path: '/sys/fs/cgroup/a/box', fallback: '/sys/fs/cgroup/a/box/init' },
  terminal: { socket: '/run/console' },
  pidfdSocket: '/run/pidfd',
  keepDescriptors: 0n,
  environment: [],
};

const readConfig = (url: URL): unknown => parseJson(readFileSync(url, 'utf8'));

/** The example with every property, without what this machine could not have. */
function everything(): Spec {
  const spec = readConfig(new URL('../fixtures/everything.json', import.meta.url)) as Spec;
  const { realtimeRuntime: _, realtimePeriod: __, ...cpu } = spec.linux!.resources!.cpu!;
  const { swappiness: _swappiness, ...memory } = spec.linux!.resources!.memory!;
  const { leafWeight: _leaf, weightDevice: _weights, ...blockIO } = spec.linux!.resources!.blockIO!;
  return {
    ...spec,
    linux: {
      ...spec.linux!,
      resources: { ...spec.linux!.resources!, cpu, memory, blockIO, rdma: { 'a/b~c': { hcaHandles: 1 } } },
    },
  };
}

const REACH: [name: string, inputs: Inputs][] = [
  ['the default configuration', { spec: config(), facts: facts(), options: options() }],
  ['a bug report', readInputs('bug-report')],
  [
    'only what is required',
    {
      spec: { ociVersion: '1.3.0', root: { path: '/r' } },
      facts: facts({ cgroup: null }),
      options: options(),
    },
  ],
  [
    'no process, but settings of the kernel',
    {
      spec: config({ process: undefined, linux: { sysctl: { 'net.ipv4.ip_forward': '1' } } }),
      facts: facts(),
      options: options(),
    },
  ],
  [
    'every property',
    {
      spec: everything(),
      facts: facts({
        lsm: ['apparmor', 'selinux'],
        oomScoreAdj: 5,
        resctrl: { mount: '/r', schemata: null },
      }),
      options: options({ terminal: { socket: '/c' }, pidfdSocket: '/p', keepDescriptors: 1n << 63n }),
    },
  ],
  [
    'every property, at once',
    {
      spec: everything(),
      facts: facts({ lsm: ['apparmor', 'selinux'], resctrl: { mount: '/r', schemata: null } }),
      options: options({ start: 'now', terminal: 'relay', noPivot: true, noNewKeyring: true }),
    },
  ],
  [
    'only limits without their partners',
    {
      spec: config({ linux: { resources: { cpu: { period: 5 }, memory: { limit: -1 } } } }),
      facts: facts(),
      options: options(),
    },
  ],
];

for (const [name, inputs] of REACH) {
  t.test(`${name}: the plan is sound`, async t => {
    const { steps } = plan(inputs.spec, inputs.facts, inputs.options);
    t.strictSame(problemsOf(inputs.spec, steps), []);
    t.ok(encode(flatten(steps)).texts.length > 1);
  });
}

t.test('the same inputs give the same plan, and stay as they are', async t => {
  for (const [name, inputs] of REACH) {
    const first = plan(inputs.spec, inputs.facts, inputs.options);
    const { spec, facts, options } = freeze(structuredClone(inputs));
    t.strictSame(plan(spec, facts, options), first, name);
  }
});

t.test('what engines write can be planned', { skip }, async t => {
  const whole = readdirSync(callers).filter(name => name.endsWith('.json') && !name.startsWith('process-'));
  t.ok(whole.length > 20);
  for (const name of whole) {
    const spec = readConfig(new URL(name, callers)) as Spec;
    const made = plan(spec, facts(), options({ terminal: spec.process?.terminal ? { socket: '/c' } : null }));
    t.strictSame(problemsOf(spec, made.steps), [], name);
    const exec = execPlan(spec, spec.process!, facts(), EXEC);
    t.strictSame(problemsOf(spec, exec.steps), [], `exec in ${name}`);
  }
});

t.test('processes that engines add can be planned', { skip }, async t => {
  for (const name of readdirSync(callers).filter(name => name.startsWith('process-'))) {
    const process = readConfig(new URL(name, callers)) as Process;
    const { steps } = execPlan(config(), process, facts({ lsm: ['apparmor'] }), EXEC);
    t.strictSame(problemsOf({ ...config(), process }, steps), [], name);
  }
});

/** The files that a file imports for more than their types, itself included. */
function reached(file: string, known = new Set<string>()): Set<string> {
  if (known.has(file)) return known;
  known.add(file);
  if (!existsSync(file)) return known; // made by the build
  const text = readFileSync(file, 'utf8');
  for (const [, path] of text.matchAll(/^(?:import|export)(?! type)[^;]*? from '([^']+)';/gm)) {
    if (path!.startsWith('.')) reached(join(dirname(file), path!.replace(/\.js$/, '.ts')), known);
    else if (path === 'seccomp-bpf-ts') reached('packages/seccomp-bpf-ts/src/index.ts', known);
    else known.add(path!);
  }
  return known;
}

t.test('the planner cannot reach the host', async t => {
  const files = readdirSync('src/plan').flatMap(name => [...reached(`src/plan/${name}`)]);
  t.ok(files.includes('packages/seccomp-bpf-ts/src/compile.ts'), 'imports are followed');
  t.ok(reached('src/create.ts').has('src/host.ts'), 'the host would be found');
  for (const file of new Set(files)) {
    t.match(file, /^(src|packages\/seccomp-bpf-ts\/src)\/[a-z/-]+\.ts$/, 'no library');
    t.not(file, 'src/host.ts');
    t.notMatch(readFileSync(file, 'utf8'), /__native|globalThis/, file);
  }
});
