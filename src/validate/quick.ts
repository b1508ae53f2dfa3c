/** Validation on the way of every `create` and `exec`: yes or no. Why not, full.ts says. */
import * as schema from '../../build/generated/quick.js';
import { stringifyJson } from '../json.js';
import type { Process, Spec } from '../spec.js';
import { mayHoldBadTexts, texts } from './container.js';
import { processChecks } from './process.js';
import { type Check, type Report, run } from './report.js';
import { specChecks } from './rules.js';

/**
 * Whether a parsed `config.json` gives no cause for an error or a warning; unknown keys are not looked for.
 * `json`, the text it was parsed from, saves a tenth of a millisecond.
 */
export function checkSpec(spec: unknown, json?: string): spec is Spec {
  return check(schema.config, specChecks, spec, json);
}

/** The same for the process of an `exec`. */
export function checkProcess(process: unknown, json?: string): process is Process {
  return check(schema.process, processChecks, process, json);
}

function check<Part>(
  matches: (value: unknown) => boolean,
  checks: readonly Check<Part>[],
  value: unknown,
  json: string | undefined,
): boolean {
  if (!matches(value)) return false;
  let clean = true;
  const report: Report = () => {
    clean = false;
  };
  // Written out, bad characters are escapes again: cheaper than to look at every text.
  if (mayHoldBadTexts(json ?? stringifyJson(value))) texts(value, '', report);
  run(checks, value as Part, '', report);
  return clean;
}
