/**
 * tap-summary.mjs LOG [NUMBER]: reads the TAP of tap(1) from standard input and prints what matters: a line for each file, each
 * failure with its diagnosis, why tests were skipped or are known to fail, and last "N passed, N failed, N skipped". All of it goes
 * to LOG. NUMBER is how many failures there were elsewhere. Exit status 1 when anything has failed.
 */
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';

const [, , logFile, elsewhere = '0'] = process.argv;
const log = createWriteStream(logFile);
/** Names of the tests around the current line, by depth. */
const names = [];
/** Reasons, and how many tests have each. */
const reasons = new Map();
const count = { passed: 0, failed: Number(elsewhere), skipped: 0 };
/** What had failed before the current file. */
let before = count.failed;
let diagnosis = false;
let isComplete = false;

/** One assertion, or a test that has none. */
function assertion({ bad, kind, reason, name, depth }) {
  if (kind === 'TODO') note(`known to fail, ${name}: ${reason}`);
  else if (kind === 'SKIP') {
    count.skipped++;
    note(`skipped: ${reason}`);
  } else if (bad) {
    count.failed++;
    diagnosis = true;
    console.log(`${names.slice(0, depth).join(' > ')} > ${name}`);
  } else count.passed++;
}

function note(reason) {
  reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
}

/** A file has come to its end; one that died, or has no test, says nothing of its own about that. */
function file({ bad, kind, reason, name }) {
  const isEmpty = kind === 'SKIP' && reason === 'no tests found';
  if (kind === 'SKIP' && !isEmpty) assertion({ bad, kind, reason, name });
  if (isEmpty || (bad && count.failed === before)) {
    count.failed++;
    console.log(`${name} ${isEmpty ? 'has no tests' : `ended before its tests did, see ${logFile}`}`);
  }
  before = count.failed;
}

for await (const line of createInterface({ input: process.stdin })) {
  log.write(`${line}\n`);
  const [, indent, rest] = /^( *)(.*)$/.exec(line);
  const depth = indent.length / 4;
  const [, subtest] = /^# Subtest: (.*)$/.exec(rest) ?? [];
  const [, not, text] = /^(not )?ok \d+(?: - )?(.*)$/.exec(rest) ?? [];
  if (subtest !== undefined) names.length = depth + 1;
  if (subtest !== undefined) names[depth] = subtest;
  if (text !== undefined) {
    diagnosis = false;
    const [, name, time, kind, reason = ''] = /^(.*?)( # time=\S+)?(?: # (SKIP|TODO)(?: (.*))?)?$/.exec(text);
    const result = { bad: not !== undefined, kind, reason, name, depth };
    if (depth === 0) {
      console.log(line);
      file(result);
    } else if (time === undefined) assertion(result); // a test with its time only sums up what was in it
  } else if (diagnosis && depth > 0) console.log(line);
  isComplete ||= /^# \{ total: /.test(line);
}

if (!isComplete) count.failed++; // tap has not come to its end
for (const [reason, times] of reasons) console.log(`${times} × ${reason}`);
console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
process.exitCode = count.failed > 0 || count.passed + count.skipped === 0 ? 1 : 0;
