/** The TAP of the tests that ran in the guest, one file after the other, each between "# file NAME" and "# status N". */

export interface Result {
  name: string;
  ok: boolean;
  /** the reason, when it was skipped */
  skip?: string;
  /** what was printed before and after it, for a test that failed */
  details: string[];
}

export function parse(text: string): Result[] {
  const results: Result[] = [];
  let file = '';
  let before: string[] = [];
  let last: Result | undefined;
  for (const line of text.split('\n')) {
    const started = /^# file (.*)$/.exec(line)?.[1];
    const status = /^# status (\d+)$/.exec(line)?.[1];
    const point = /^(not )?ok \d+ - (.*?)(?: # time=\S+)?(?: # (SKIP|TODO) ?(.*))?$/i.exec(line);
    if (started !== undefined) file = started.replace(/\.mjs$/, '');
    else if (status !== undefined) {
      // a file that died says nothing of its own about the tests that it did not come to
      if (status !== '0' && !results.some(result => !result.ok && result.name.startsWith(file))) {
        results.push({ name: `${file} ended with status ${status}`, ok: false, details: before });
      }
      before = [];
    } else if (point) {
      last = { name: `${file}: ${point[2]}`, ok: point[1] === undefined, details: before };
      if (point[3] !== undefined) last.skip = point[4] || 'no reason given';
      results.push(last);
      before = [];
    } else if (/^ {2}\S|^ {2} /.test(line) && last && !last.ok && before.length === 0)
      last.details.push(line);
    else before.push(line);
  }
  return results;
}
