/** `runts validate`: everything that is wrong with a configuration, each with its place. */
import { isSet } from './args.js';
import { bundleFiles, readJson } from './bundle.js';
import type { CommandFunction } from './commands.js';
import { native } from './host.js';
import { type Issue, validateProcess, validateSpec } from './validate/full.js';

/** Errors of a document as one sentence, for a command that cannot go on; at most three are told in full. */
export function describeIssues(part: 'config' | 'process', document: unknown): string {
  const issues = (part === 'config' ? validateSpec(document) : validateProcess(document)).filter(
    issue => issue.severity === 'error',
  );
  const told = issues.slice(0, 3).map(issue => issue.message);
  if (issues.length > told.length)
    told.push(`and ${issues.length - told.length} more problems, see "runts validate"`);
  return told.join('; ');
}

const line = (issue: Issue): string => `${issue.severity}: ${issue.message}`;

export const validate: CommandFunction = (_context, options) => {
  const { file } = bundleFiles(options);
  const issues = validateSpec(readJson(file).document);
  const valid = !issues.some(issue => issue.severity === 'error');
  if (isSet(options, 'json')) native.write(1, `${JSON.stringify({ valid, issues }, null, 2)}\n`);
  else
    native.write(
      1,
      issues.length === 0 ? `${file} is valid\n` : issues.map(issue => `${line(issue)}\n`).join(''),
    );
  return valid ? 0 : 1;
};
