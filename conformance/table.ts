/**
 * table.ts TAP-FILE...: the results of all runtimes as a table for RESULTS.md, on standard output. A file has for each runtime a
 * comment "# runtime NAME VERSION" and then the output of validation.test.ts. Exit status 1: runts fails where a peer passes.
 */
import { readFileSync } from 'node:fs';
import { reasonToFail } from './programs.js';

const results = new Map<string, Map<string, boolean>>();
const runtimes = new Map<string, string>();
let current = '';
for (const file of process.argv.slice(2)) {
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const runtime = /^# runtime (\S+) (.*)/.exec(line);
    if (runtime) {
      current = runtime[1]!;
      runtimes.set(current, runtime[2]!);
    }
    const point = /^ *(not )?ok \d+ - ([a-z_]+)(?: #.*)?$/.exec(line);
    if (!point) continue;
    const of = results.get(point[2]!) ?? new Map<string, boolean>();
    results.set(point[2]!, of.set(current, point[1] === undefined));
  }
}

const names = [...runtimes.keys()];
const isOurs = (name: string): boolean => name.startsWith('runts');
const programs = [...results].sort(([a], [b]) => (a < b ? -1 : 1));
const passedBy = (name: string): number => programs.filter(([, of]) => of.get(name)).length;
const cell = (of: Map<string, boolean>, name: string): string => {
  const passed = of.get(name);
  return passed === undefined ? 'not run' : passed ? 'passes' : 'fails';
};

const worse = programs.filter(
  ([program, of]) =>
    names.some(name => !isOurs(name) && of.get(name)) &&
    names.some(name => isOurs(name) && of.get(name) === false) &&
    reasonToFail(program) === undefined,
);

const lines = [
  '# The validation programs of runtime-tools',
  '',
  `Made by \`conformance/run\`. ${names.map(name => `${name}: ${runtimes.get(name)}`).join('; ')}.`,
  '',
  `| program | ${names.join(' | ')} |`,
  `| --- |${names.map(() => ' --- |').join('')}`,
  ...programs.map(
    ([program, of]) =>
      `| ${program}${reasonToFail(program) ? ' ¹' : ''} | ${names.map(name => cell(of, name)).join(' | ')} |`,
  ),
  `| ${programs.length} programs | ${names.map(name => `${passedBy(name)} pass`).join(' | ')} |`,
  '',
  '¹ Why these are not passed:',
  '',
  ...programs.flatMap(([program]) => {
    const reason = reasonToFail(program);
    return reason === undefined ? [] : [`- ${program}: ${reason}`];
  }),
];
console.log(lines.join('\n'));
if (worse.length > 0) {
  console.error(
    `conformance: a peer passes and runts does not: ${worse.map(([program]) => program).join(', ')}`,
  );
  process.exitCode = 1;
}
