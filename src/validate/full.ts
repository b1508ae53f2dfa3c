/** Validation in full: every problem with its place, what was found and what is accepted. */
import * as schema from '../../build/generated/full.js';
import { CAPABILITIES } from '../plan/capabilities.js';
import { RLIMITS } from '../plan/rlimits.js';
import type { Process, Spec } from '../spec.js';
import { nearest } from '../suggest.js';
import { RULES } from './accepted.js';
import { texts } from './container.js';
import { type Issue, unaccepted } from './issue.js';
import { MOUNT_OPTIONS } from './mount-option-names.js';
import { processChecks } from './process.js';
import { type Check, type Report, run } from './report.js';
import { specChecks } from './rules.js';
import { partSchema, schemaErrors, unknownKeys } from './schema-issues.js';

export type { Issue } from './issue.js';

/** All problems of a parsed `config.json`; it is valid when none is an error. */
export function validateSpec(document: unknown): Issue[] {
  return validate<Spec>('config', schema.config, specChecks, document);
}

/** The same for the process of an `exec`. */
export function validateProcess(document: unknown): Issue[] {
  return validate<Process>('process', schema.process, processChecks, document);
}

/** The words among which a rule's suggestion is looked for. */
const WORDS: { [rule: string]: readonly string[] } = {
  'capability-known': CAPABILITIES,
  'rlimit-known': RLIMITS,
  'bind-option': [...MOUNT_OPTIONS],
  'clock-known': ['boottime', 'monotonic'],
};

function validate<Part>(
  part: 'config' | 'process',
  matches: schema.Check,
  checks: readonly Check<Part>[],
  document: unknown,
): Issue[] {
  const of = partSchema(part);
  const broken = schemaErrors(matches, of, document);
  const ruled: Issue[] = [];
  const report: Report = (rule, pointer, found, detail) => {
    if (typeof detail === 'object' || typeof detail === 'boolean') return; // of a wrong type: the schema has said so
    const { severity, accepted } = RULES[rule];
    const suggestion = typeof found === 'string' ? nearest(found, WORDS[rule] ?? []) : undefined;
    ruled.push(
      unaccepted(severity, pointer, found, accepted.replace('%', String(detail ?? '%')), suggestion),
    );
  };
  texts(document, '', report);
  if (typeof document === 'object' && document !== null) run(checks, document as Part, '', report);
  const unknown: Issue[] = [];
  unknownKeys(document, '', of, unknown);
  // Where the schema is broken the rules do not see what they expect: only what is apart from it is taken from them.
  return [...broken, ...ruled.filter(issue => !broken.some(other => related(issue, other))), ...unknown];
}

function related(a: Issue, b: Issue): boolean {
  return `${a.pointer}/`.startsWith(`${b.pointer}/`) || `${b.pointer}/`.startsWith(`${a.pointer}/`);
}
