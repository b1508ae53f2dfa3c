/**
 * The parts of yargs and cliui that need no Node.js. Their packages export them only together with imports of `node:*`,
 * so yargs.ts imports the files.
 */
declare module '*/yargs/build/lib/yargs-factory.js' {
  import type { Argv } from 'yargs';
  export function YargsFactory(shim: object): (args: string[], cwd: string) => Argv;
}

declare module '*/cliui/build/lib/index.js' {
  export function cliui(options: object, text: object): unknown;
}

declare module '*/yargs-parser/browser.js' {
  const parser: unknown;
  export default parser;
}
