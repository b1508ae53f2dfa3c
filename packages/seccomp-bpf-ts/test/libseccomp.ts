import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { actions, operators, type SeccompProfile } from '../src/index.js';

/** libseccomp's name of an architecture. */
function libseccompArch(name: string): string {
  return name.replace('SCMP_ARCH_', '').toLowerCase();
}

/** What libseccomp made of a profile. */
export interface Answer {
  /** 0, or a negative errno: it refused the rule with the index `rule`. */
  code: number;
  rule: number;
  program: Uint8Array;
}

/** The libseccomp of this machine. */
export interface Libseccomp {
  /**
   * Compiles profiles, each for some architectures, the way runc does (without runc's rule for newer calls).
   */
  compile(jobs: readonly { profile: SeccompProfile; architectures: readonly string[] }[]): Answer[];
  /** Whether it can generate programs for an architecture. */
  knows(architecture: string): boolean;
  /** Numbers of system calls, undefined for a name the library does not know. Pseudo numbers are negative. */
  resolve(queries: readonly { architecture: string; name: string }[]): (number | undefined)[];
}

/**
 * Builds the helper, or says why it cannot be built. SECCOMP_TEST_LIBSECCOMP may hold the path of another
 * libseccomp.a to compare with (its header must fit).
 */
export function openLibseccomp(teardown: (clean: () => void) => void): Libseccomp | string {
  const directory = mkdtempSync(join(tmpdir(), 'seccomp-bpf-ts-'));
  teardown(() => rmSync(directory, { recursive: true }));
  const tool = join(directory, 'libseccomp-export');
  const source = fileURLToPath(new URL('libseccomp-export.c', import.meta.url));
  const library = process.env.SECCOMP_TEST_LIBSECCOMP ?? '-lseccomp';
  const built = spawnSync('cc', ['-std=gnu11', '-Wall', '-Wextra', '-O1', '-o', tool, source, library]);
  if (built.error !== undefined) return `cc: ${built.error.message}`;
  if (built.status !== 0)
    return `libseccomp-export.c cannot be built: ${built.stderr.toString().split('\n')[0]}`;
  const call = (input: string): Buffer => {
    const result = spawnSync(tool, { input, maxBuffer: 1 << 30 });
    if (result.status !== 0) throw new Error(`libseccomp-export: ${result.stderr.toString()}`);
    return result.stdout;
  };
  return {
    compile: jobs => parseAnswers(call(jobs.map(describe).join('')), jobs.length),
    knows: architecture => call(`resolve ${libseccompArch(architecture)} read\n`).toString() !== 'arch\n',
    resolve: queries => {
      const input = queries.map(q => `resolve ${libseccompArch(q.architecture)} ${q.name}\n`).join('');
      const lines = call(input).toString().split('\n');
      return queries.map((_, i) => (lines[i] === 'none' ? undefined : Number(lines[i])));
    },
  };
}

function parseAnswers(output: Buffer, count: number): Answer[] {
  const answers: Answer[] = [];
  let at = 0;
  while (answers.length < count) {
    const end = output.indexOf('\n', at);
    const [code, length, rule] = output.toString('latin1', at, end).split(' ').map(Number);
    answers.push({ code: code!, rule: rule!, program: output.subarray(end + 1, end + 1 + length!) });
    at = end + 1 + length!;
  }
  return answers;
}

function returnValue(name: string, errno: number | bigint | null | undefined): number {
  const value = actions[name]!;
  const takesErrno = name === 'SCMP_ACT_ERRNO' || name === 'SCMP_ACT_TRACE';
  return takesErrno ? value + Number(errno ?? 1) : value;
}

/** One rule for libseccomp: action, name and conditions; or undefined when runc leaves it out. */
export function* rulesOf(profile: SeccompProfile) {
  const standard = returnValue(profile.defaultAction, profile.defaultErrnoRet);
  for (const syscall of profile.syscalls ?? []) {
    const action = returnValue(syscall.action, syscall.errnoRet);
    if (action === standard) continue;
    const args = syscall.args ?? [];
    const split = new Set(args.map(arg => Number(arg.index))).size < args.length;
    for (const name of syscall.names) {
      if (split) for (const arg of args) yield { action, name, args: [arg] };
      else yield { action, name, args };
    }
  }
}

function describe(job: { profile: SeccompProfile; architectures: readonly string[] }): string {
  const lines = [`profile ${returnValue(job.profile.defaultAction, job.profile.defaultErrnoRet)}`];
  for (const name of job.architectures) lines.push(`arch ${libseccompArch(name)}`);
  for (const { action, name, args } of rulesOf(job.profile)) {
    const words = args.map(arg => ` ${arg.index} ${operators[arg.op]} ${arg.value} ${arg.valueTwo ?? 0}`);
    lines.push(`rule ${action} ${name}${words.join('')}`);
  }
  return `${lines.join('\n')}\nend\n`;
}

export { returnValue };
