/** The steps that are timed, round by round. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Bundle } from './bundles.js';
import type { Place, Sample } from './place.js';
import type { Runtime } from './runtimes.js';

/** Samples by bundle, step and runtime. */
export type Samples = { [bundle: string]: { [step: string]: { [runtime: string]: Sample[] } } };

export function keep(samples: Samples, bundle: string, step: string, runtime: string, sample: Sample): void {
  samples[bundle] ??= {};
  samples[bundle][step] ??= {};
  samples[bundle][step][runtime] ??= [];
  samples[bundle][step][runtime].push(sample);
}

type Keep = (step: string, sample: Sample) => void;
type KeepFor = (step: string, runtime: string, sample: Sample) => void;

/** One container, from `create` to `delete`. */
async function lifecycle(
  place: Place,
  work: string,
  { command }: Runtime,
  bundle: Bundle,
  keep: Keep,
): Promise<void> {
  const pidFile = join(work, 'state', 'pid');
  const time = async (step: string, ...args: string[]) => keep(step, await place.time([...command, ...args]));
  await time('create', 'create', '--bundle', bundle.staying, '--pid-file', pidFile, 'b');
  await time('state', 'state', 'b');
  await time('start', 'start', 'b');
  await time('exec', 'exec', 'b', '/bin/true');
  await time('kill', 'kill', 'b', 'KILL');
  await place.gone(pidFile);
  await time('delete', 'delete', 'b');
}

/** One round of a bundle; who is first changes from round to round. */
export async function round(
  place: Place,
  work: string,
  runtimes: readonly Runtime[],
  bundle: Bundle,
  number: number,
  keep: KeepFor,
): Promise<void> {
  for (let i = 0; i < runtimes.length; i++) {
    const runtime = runtimes[(i + number) % runtimes.length]!;
    if (runtime.name === 'floor') {
      const list = join(work, `${bundle.name}.list`);
      if (existsSync(list)) keep('run', 'floor', await place.time([...runtime.command, list]));
      continue;
    }
    const own: Keep = (step, sample) => keep(step, runtime.name, sample);
    own('run', await place.time([...runtime.command, 'run', '--bundle', bundle.once, 'a']));
    await lifecycle(place, work, runtime, bundle, own);
    if (bundle.name === 'default')
      own('delete --force', await place.time([...runtime.command, 'delete', '--force', 'unknown']));
  }
}

/** What Node.js needs to start and end with nothing to do: the runtime in it cannot be faster. */
export async function emptyStarts(place: Place, work: string, rounds: number, keep: KeepFor): Promise<void> {
  for (let number = 0; number < rounds; number++)
    keep('empty start', 'runts-node', await place.time([join(work, 'node'), join(work, 'empty.js')]));
}

/** A program that makes a million system calls under the bundle's filter. */
export async function calls(
  place: Place,
  runtimes: readonly Runtime[],
  bundle: Bundle,
  rounds: number,
  keep: KeepFor,
): Promise<void> {
  for (let number = 0; number < rounds; number++)
    for (const { name, command } of runtimes)
      keep(
        'a million system calls',
        name,
        await place.time([...command, 'run', '--bundle', bundle.calling, 'a']),
      );
}

/** `list`, and one container's commands, with `count` containers there already. */
export async function crowd(
  place: Place,
  work: string,
  runtimes: readonly Runtime[],
  bundle: Bundle,
  count: number,
  rounds: number,
  keep: KeepFor,
): Promise<void> {
  for (const { name, command } of runtimes)
    keep(
      'create all',
      name,
      // all are there at the same time, and by default a container's cgroup has its name
      await place.many(count, false, [...command, 'create', '--bundle', bundle.staying, `${name}-%`]),
    );
  for (let number = 0; number < rounds; number++)
    for (const runtime of runtimes) {
      keep('list', runtime.name, await place.time([...runtime.command, 'list']));
      await lifecycle(place, work, runtime, bundle, (step, sample) => keep(step, runtime.name, sample));
    }
  for (const { name, command } of runtimes)
    keep('delete all', name, await place.many(count, false, [...command, 'delete', '--force', `${name}-%`]));
}

/** `run` of `count` containers at once, and one after the other. */
export async function multitude(
  place: Place,
  runtimes: readonly Runtime[],
  bundle: Bundle,
  count: number,
  rounds: number,
  keep: KeepFor,
): Promise<void> {
  for (let number = 0; number < rounds; number++)
    for (const [step, together] of [
      ['at once', true],
      ['in sequence', false],
    ] as const)
      for (const { name, command } of runtimes)
        keep(
          step,
          name,
          await place.many(count, together, [...command, 'run', '--bundle', bundle.once, 'm%']),
        );
}
