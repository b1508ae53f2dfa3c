/** The programs that are compared. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Place } from './place.js';

export interface Runtime {
  name: string;
  /** the program with its global options */
  command: string[];
  version: string;
}

/** Copies what runs in the place into its directory. */
export function install(project: string, work: string): void {
  mkdirSync(join(work, 'state'), { recursive: true });
  writeFileSync(join(work, 'node'), '', { mode: 0o755 });
  writeFileSync(join(work, 'empty.js'), '');
  for (const name of ['spawn', 'floor', 'syscalls'])
    cpSync(join(project, 'build/bench', name), join(work, name));
  cpSync(join(project, 'build/runts'), join(work, 'runts'));
  cpSync(join(project, 'dist'), join(work, 'node-side/dist'), { recursive: true });
  const addon = 'build/Release/runts.node';
  cpSync(join(project, addon), join(work, 'node-side', addon), { recursive: true });
  cpSync(join(project, 'package.json'), join(work, 'node-side/package.json'));
}

const candidates = (work: string): { [name: string]: string[] } => ({
  runts: [join(work, 'runts')],
  'runts-node': [join(work, 'node'), join(work, 'node-side/dist/runts.js')],
  crun: ['/usr/bin/crun'],
  runc: ['/usr/sbin/runc'],
});

/** Those of the wanted runtimes that work in the place; says which do not. */
export async function findRuntimes(
  place: Place,
  work: string,
  wanted: readonly string[],
): Promise<Runtime[]> {
  const found: Runtime[] = [];
  for (const name of wanted) {
    const program = candidates(work)[name];
    if (program === undefined)
      throw new Error(`no runtime "${name}", only ${Object.keys(candidates(work)).join(', ')}`);
    if (!(await place.attempt([...program, '--version']))) {
      console.error(`bench: ${name} is left out: ${program.join(' ')} does not work here`);
      continue;
    }
    const version = place.output().split('\n', 2).join(', ');
    found.push({ name, command: [...program, '--root', join(work, 'state', name)], version });
  }
  return found;
}

/** The machine, for the results. */
export function describeMachine(): { [name: string]: string } {
  const read = (program: string, ...args: string[]): string => execFileSync(program, args).toString();
  return {
    kernel: read('uname', '-srm').trim(),
    processor: /model name\s*: (.*)/.exec(read('cat', '/proc/cpuinfo'))?.[1] ?? 'unknown',
    processors: read('nproc').trim(),
    memory: `${/MemTotal:\s*(.*)/.exec(read('cat', '/proc/meminfo'))?.[1]}`,
    'busybox in the bundles': existsSync('/bin/busybox') ? read('/bin/busybox').split('\n')[0]! : '',
  };
}
