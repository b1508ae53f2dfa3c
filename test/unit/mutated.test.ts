/**
 * Thousands of configurations with something wrong or unusual about them: the two validators agree, neither throws, and
 * what they accept is planned or refused with a reason. RUNTS_MUTATION_SEED=N has others made.
 */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { JsonError, parseJson } from '../../src/json.js';
import { encode } from '../../src/plan/encode.js';
import { plan } from '../../src/plan/plan.js';
import { PlanError } from '../../src/plan/plan-error.js';
import type { Spec } from '../../src/spec.js';
import { baseConfig } from '../kernel/base-config.js';
import { mutate, random, write } from '../kernel/mutate.js';
import { compileSchemas } from './fixtures/compiled-schemas.js';
import { facts, options } from './fixtures/planner.js';

compileSchemas();
const { checkSpec } = await import('../../src/validate/quick.js');
const { validateSpec } = await import('../../src/validate/full.js');

const seed = Number(process.env.RUNTS_MUTATION_SEED ?? 1);
const cases = Number(process.env.RUNTS_MUTATION_CASES ?? 2000);
const everything = readFileSync(new URL('fixtures/everything.json', import.meta.url), 'utf8');

/** The document with every property, without what is refused on every machine. */
function possible(): Spec {
  const spec = JSON.parse(everything) as Spec;
  const { cpu, memory, blockIO } = spec.linux!.resources!;
  for (const name of ['realtimeRuntime', 'realtimePeriod'] as const) delete cpu![name];
  for (const name of ['leafWeight', 'weightDevice'] as const) delete blockIO![name];
  delete memory!.swappiness;
  return spec;
}

const known = facts({ lsm: ['apparmor', 'selinux'], resctrl: { mount: '/r', schemata: null } });

/** How far it comes; throws what should not be thrown. */
function pass(number: number): 'no JSON' | 'invalid' | 'refused' | 'planned' {
  const chance = random(number);
  const config = chance.below(2) === 0 ? baseConfig() : possible();
  mutate(config as never, JSON.parse(everything), chance);
  const text = write(config, chance).toString();
  let document: unknown;
  try {
    document = parseJson(text);
  } catch (error) {
    if (error instanceof JsonError) return 'no JSON';
    throw error;
  }
  const issues = validateSpec(document);
  for (const { message } of issues)
    if (/\bundefined\b|\[object|NaN/.test(message)) throw new Error(`it says ${message}`);
  const isClean = checkSpec(document, text);
  const noticed = issues.filter(({ message }) => !message.includes(' is not known and is ignored'));
  if (isClean !== (noticed.length === 0))
    throw new Error(`quick says ${isClean}, in full it is ${noticed[0]?.message}`);
  if (issues.some(({ severity }) => severity === 'error')) return 'invalid';
  try {
    encode(plan(document as Spec, known, options()).steps);
    return 'planned';
  } catch (error) {
    if (error instanceof PlanError && !/\bundefined\b|\[object|NaN/.test(error.message)) return 'refused';
    throw error;
  }
}

t.test('mutated configurations are judged alike, and planned or refused', async t => {
  const counts = { 'no JSON': 0, invalid: 0, refused: 0, planned: 0 };
  for (let number = seed; number < seed + cases; number++) {
    try {
      counts[pass(number)]++;
    } catch (error) {
      t.fail(
        `RUNTS_MUTATION_SEED=${number} RUNTS_MUTATION_CASES=1: ${(error as Error).stack?.slice(0, 1500)}`,
      );
    }
  }
  t.comment(JSON.stringify(counts));
  if (cases >= 1000)
    for (const [outcome, count] of Object.entries(counts)) t.ok(count > 0, `${count} ${outcome}`);
});
