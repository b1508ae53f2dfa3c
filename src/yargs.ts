/**
 * yargs for a host that has neither `process` nor `node:*`: the static executable. yargs reaches its platform through
 * one object, the shim; this one has nothing but text behind it.
 */
import type { Argv } from 'yargs';
import { cliui } from '../node_modules/cliui/build/lib/index.js';
import { YargsFactory } from '../node_modules/yargs/build/lib/yargs-factory.js';
import parser from '../node_modules/yargs-parser/browser.js';

const columns = 100;

/** Our texts are ASCII: a letter is a column. */
const stringWidth = (text: string): number => text.length;

/** Breaks lines between words; a longer word stays whole. */
export function wrap(text: string, width: number): string {
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (const word of paragraph.split(' ')) {
      if (line !== '' && line.length + 1 + word.length > width) {
        lines.push(line);
        line = word;
      } else line = line === '' ? word : `${line} ${word}`;
    }
    lines.push(line);
  }
  return lines.join('\n');
}

function format(text: string, ...values: unknown[]): string {
  let next = 0;
  return text.replace(/%[sd]/g, () => String(values[next++]));
}

const never = (): never => {
  throw new Error('not in this host');
};

const shim = {
  assert: { notStrictEqual: () => {}, strictEqual: () => {} },
  cliui: (options: object) => cliui(options, { stringWidth, stripAnsi: (text: string) => text, wrap }),
  findUp: () => undefined,
  getEnv: () => undefined,
  getCallerFile: never,
  getProcessArgvBin: () => 'runts',
  inspect: String,
  mainFilename: 'runts',
  Parser: parser,
  path: {
    basename: (path: string) => path,
    dirname: (path: string) => path,
    extname: () => '',
    relative: (path: string) => path,
    resolve: (path: string) => path,
    join: (...names: string[]) => names.join('/'),
  },
  process: {
    argv: () => ['runts'],
    cwd: () => '/',
    emitWarning: () => {},
    execPath: () => '',
    exit: () => {},
    nextTick: never,
    stdColumns: columns,
  },
  readFileSync: never,
  readdirSync: () => [],
  require: never,
  stringWidth,
  y18n: {
    __: format,
    __n: (one: string, more: string, count: number, ...values: unknown[]) =>
      format(count === 1 ? one : more, count, ...values),
    getLocale: () => 'en',
    setLocale: () => {},
    updateLocale: () => {},
  },
};

const make = YargsFactory(shim);

/** A yargs that prints nothing and never exits: its output comes by the callback of parse(). */
export function yargs(): Argv {
  return make([], '/').detectLocale(false).wrap(columns);
}
