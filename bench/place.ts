/** The place where the runtimes run, and the small C program in it that times them (spawn.c). */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';

/** One measurement of a command. */
export interface Sample {
  /** until the command has ended, microseconds */
  wall: number;
  /** of the command and the children that it waited for, microseconds */
  cpu: number;
  /** the largest resident set of one of its processes, kB */
  peak: number;
}

export interface Place {
  /** runs a command; throws with its standard error when it fails */
  time(command: readonly string[]): Promise<Sample>;
  /** starts it `count` times, `%` in its arguments being the number of the start */
  many(count: number, together: boolean, command: readonly string[]): Promise<Sample>;
  /** waits for the end of the process of a pid file */
  gone(pidFile: string): Promise<void>;
  /** standard output of the last command */
  output(): string;
  /** runs a command that may fail; true when it did not */
  attempt(command: readonly string[]): Promise<boolean>;
  close(): Promise<void>;
}

function answers(child: ChildProcess, lines: Interface): () => Promise<string> {
  const received: string[] = [];
  const waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = [];
  lines.on('line', line => {
    const first = waiting.shift();
    if (first) first.resolve(line);
    else received.push(line);
  });
  child.on('exit', code => {
    for (const one of waiting.splice(0)) one.reject(new Error(`bench/place ended with status ${code}`));
  });
  return () =>
    new Promise((resolve, reject) => {
      const line = received.shift();
      if (line === undefined) waiting.push({ resolve, reject });
      else resolve(line);
    });
}

/**
 * @param script bench/place
 * @param work directory with the program `spawn` and the directory `state`
 * @param root the root file system, or empty for this machine's
 */
export function openPlace(script: string, work: string, root: string): Place {
  const child = spawn(script, [work, root, join(work, 'spawn')], { stdio: ['pipe', 'pipe', 'inherit'] });
  const next = answers(child, createInterface({ input: child.stdout }));
  const ask = (...fields: readonly string[]): Promise<string> => {
    child.stdin.write(`${fields.join('\t')}\n`);
    return next();
  };
  const run = async (count: number, together: boolean, command: readonly string[]) => {
    const [wall, user, system, peak, failures] = (
      await ask('run', String(count), together ? '1' : '0', ...command)
    )
      .split(' ')
      .map(Number) as [number, number, number, number, number];
    return { sample: { wall: wall / 1000, cpu: user + system, peak }, failures };
  };
  const many: Place['many'] = async (count, together, command) => {
    const { sample, failures } = await run(count, together, command);
    if (failures === 0) return sample;
    const text = readFileSync(join(work, 'stderr'), 'utf8').trim();
    throw new Error(`${command.join(' ')}: ${failures} of ${count} failed: ${text}`);
  };
  return {
    many,
    time: command => many(1, false, command),
    attempt: async command => (await run(1, false, command)).failures === 0,
    gone: async pidFile => void (await ask('gone', pidFile)),
    output: () => readFileSync(join(work, 'stdout'), 'utf8'),
    close: () =>
      new Promise(resolve => {
        child.on('exit', () => resolve());
        child.stdin.end();
      }),
  };
}
