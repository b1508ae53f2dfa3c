/** Files and functions stay small enough to be read: 400 lines of TypeScript, 600 of C; functions 60 and 80. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

const BUDGETS = { ts: { file: 400, body: 60 }, c: { file: 600, body: 80 } } as const;

function* files(directory: string): Generator<string> {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else if (/\.(ts|c|cc|h)$/.test(entry.name)) yield path;
  }
}

/** Bodies at the top level of a file: from a line that ends with an opening brace to the first that begins with the closing one. */
function bodies(lines: readonly string[]): { name: string; length: number }[] {
  const found: { name: string; length: number }[] = [];
  let begin = -1;
  for (const [index, line] of lines.entries()) {
    if (
      begin < 0 &&
      /^\S.*[)>\w] (=> )?\{$/.test(line) &&
      !/^(export )?(const|interface|type|struct|enum|class)\b(?!.*=>)/.test(line)
    )
      begin = index;
    else if (begin >= 0 && line.startsWith('}')) {
      found.push({ name: lines[begin]!, length: index - begin + 1 });
      begin = -1;
    }
  }
  return found;
}

for (const directory of ['src', 'native', 'packages/seccomp-bpf-ts/src']) {
  for (const path of files(directory)) {
    const lines = readFileSync(path, 'utf8').split('\n');
    const budget = path.endsWith('.ts') ? BUDGETS.ts : BUDGETS.c;
    // a table of data is as long as what it lists
    if (!/tables?\.ts$|syscalls\.ts$/.test(path))
      t.ok(lines.length <= budget.file, `${path} has ${lines.length} lines`);
    for (const { name, length } of bodies(lines)) {
      if (length > budget.body) t.fail(`${path}: "${name}" has ${length} lines`);
    }
  }
}
