/** The comparison: see bench/README.md, `bench/run --help`. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Spec } from '../src/spec.js';
import { type Bundle, makeBundles } from './bundles.js';
import { floorList, type PlannedStep } from './floor-list.js';
import { calls, crowd, emptyStarts, keep, multitude, round, type Samples } from './measure.js';
import { openPlace, type Place } from './place.js';
import { chart, type Results, type Statistic, tables } from './report.js';
import { describeMachine, findRuntimes, install, type Runtime } from './runtimes.js';
import { summarize } from './statistics.js';

const usage = `bench/run [--short] [--rounds N] [--peers DIRECTORY] [--only RUNTIME,...] [--bundles NAME,...] [--crowd N] [--statistic NAME] [--save]
  --short     a comparison with crun only, in less than a minute; fails when a ratio is twice the one in bench/normal.json
  --rounds    how many times each command is timed (default 50)
  --peers     root file system with crun and runc; default: build/peers (scripts/peers makes it) or else this machine's own
  --only      of runts, runts-node, crun, runc, floor
  --bundles   of default, docker, 500-mounts
  --statistic median (default), quartile or lowest; the latter two say more on a machine that does other work too
  --crowd     how many containers there are when "list" is timed (default 100)
  --save      write bench/results/`;

const project = resolve(process.argv[2]!);

interface Options {
  short: boolean;
  save: boolean;
  rounds: number;
  crowd: number;
  peers: string;
  only: string[];
  bundles: string[];
  statistic: Statistic;
}

function madePeers(): string {
  const made = join(project, 'build/peers');
  return existsSync(made) ? made : '';
}

function readOptions(): Options | null {
  const { values } = parseArgs({
    args: process.argv.slice(3),
    options: {
      help: { type: 'boolean' },
      short: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      crowd: { type: 'string' },
      peers: { type: 'string' },
      only: { type: 'string' },
      bundles: { type: 'string' },
      statistic: { type: 'string', default: 'median' },
    },
  });
  if (values.help) return null;
  const { short, save } = values;
  return {
    short,
    save,
    rounds: Number(values.rounds ?? (short ? 21 : 50)),
    crowd: Number(values.crowd ?? (short ? 0 : 100)),
    peers: values.peers === undefined ? madePeers() : resolve(values.peers),
    only: (values.only ?? (short ? 'runts,crun' : 'runts,crun,floor,runc,runts-node')).split(','),
    statistic: values.statistic as Statistic,
    bundles: (values.bundles ?? (short ? 'default,docker' : 'default,docker,500-mounts')).split(','),
  };
}

/** Warms up: the first container of each makes what is missing in the rootfs. Writes the floor's lists. */
async function prepare(place: Place, work: string, runtimes: Runtime[], bundles: Bundle[]): Promise<void> {
  const runts = [join(work, 'runts'), '--root', join(work, 'state', 'plan')];
  for (const bundle of bundles) {
    for (const { command } of runtimes) await place.time([...command, 'run', '--bundle', bundle.once, 'w']);
    await place.time([...runts, 'plan', '--json', '--bundle', bundle.once, 'floor']);
    const { steps } = JSON.parse(place.output()) as { steps: PlannedStep[] };
    try {
      writeFileSync(join(work, `${bundle.name}.list`), floorList(steps));
    } catch (error) {
      console.error(`bench: ${bundle.name} without the floor: ${(error as Error).message}`);
    }
  }
}

async function measure(place: Place, work: string, options: Options, runtimes: Runtime[], bundles: Bundle[]) {
  const samples: Samples = {};
  const all = options.only.includes('floor')
    ? [
        ...runtimes,
        { name: 'floor', command: [join(work, 'floor')], version: "the kernel's work and nothing else" },
      ]
    : runtimes;
  for (let number = 0; number < options.rounds; number++)
    for (const bundle of bundles)
      await round(place, work, all, bundle, number, (step, runtime, sample) =>
        keep(samples, bundle.name, step, runtime, sample),
      );
  if (runtimes.some(({ name }) => name === 'runts-node'))
    await emptyStarts(place, work, options.rounds, (step, runtime, sample) =>
      keep(samples, 'Node.js', step, runtime, sample),
    );
  const filtered = bundles.find(({ name }) => name === 'docker');
  if (filtered && !options.short)
    await calls(place, runtimes, filtered, 11, (step, runtime, sample) =>
      keep(samples, filtered.name, step, runtime, sample),
    );
  const first = bundles[0];
  if (options.crowd > 0 && first !== undefined) {
    const { crowd: count, rounds } = options;
    await crowd(place, work, runtimes, first, count, rounds, (step, runtime, sample) =>
      keep(samples, `with ${count} others`, step, runtime, sample),
    );
    await multitude(place, runtimes, first, 100, 3, (step, runtime, sample) =>
      keep(samples, '100 containers', step, runtime, sample),
    );
  }
  return { samples, versions: Object.fromEntries(all.map(({ name, version }) => [name, version])) };
}

/** After a failure: no container is left behind. */
async function cleanUp(place: Place, runtimes: Runtime[], crowd: number): Promise<void> {
  for (const { name, command } of runtimes)
    for (const id of ['a', 'b', 'w', ...Array.from({ length: crowd }, (_, i) => `${name}-${i}`)])
      await place.attempt([...command, 'delete', '--force', id]);
}

function toResults(samples: Samples, versions: { [name: string]: string }, rounds: number): Results {
  const summaries: Results['summaries'] = {};
  for (const [bundle, steps] of Object.entries(samples)) {
    summaries[bundle] = {};
    for (const [step, of] of Object.entries(steps))
      summaries[bundle][step] = Object.fromEntries(
        Object.entries(of).map(([name, list]) => [name, summarize(list)]),
      );
  }
  return { machine: describeMachine(), versions, rounds, summaries };
}

/** The steps whose ratio to crun is more than twice the normal one. */
function regressions(results: Results): string[] {
  const normal = JSON.parse(readFileSync(join(project, 'bench/normal.json'), 'utf8')) as {
    [bundle: string]: { [step: string]: number };
  };
  const found: string[] = [];
  for (const [bundle, steps] of Object.entries(normal))
    for (const [step, usual] of Object.entries(steps)) {
      const { runts, crun } = results.summaries[bundle]?.[step] ?? {};
      if (!runts || !crun) continue;
      const ratio = runts.quartile / crun.quartile; // the least disturbed by other work
      if (ratio > 2 * usual)
        found.push(
          `${bundle}: ${step} takes ${ratio.toFixed(2)} times as long as in crun, normal is ${usual}`,
        );
    }
  return found;
}

function save(results: Results): void {
  const directory = join(project, 'bench/results');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'results.json'), `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(join(directory, 'results.md'), tables(results));
  writeFileSync(join(directory, 'chart.svg'), chart(results));
}

async function main(): Promise<number> {
  const options = readOptions();
  if (options === null) {
    console.log(usage);
    return 0;
  }
  if (process.getuid?.() !== 0) {
    console.error('bench: needs root, for namespaces and cgroups');
    return 1;
  }
  const work = mkdtempSync(join(tmpdir(), 'runts-bench-'));
  install(project, work);
  const place = openPlace(join(project, 'bench/place'), work, options.peers);
  try {
    await place.time([join(work, 'runts'), 'spec', '--bundle', work]);
    const base = JSON.parse(readFileSync(join(work, 'config.json'), 'utf8')) as Spec;
    const docker = join(project, '../shared/caller-configs/docker-default.json');
    const bundles = makeBundles(work, base, '/bin/busybox', docker).filter(({ name }) =>
      options.bundles.includes(name),
    );
    const runtimes = await findRuntimes(
      place,
      work,
      options.only.filter(name => name !== 'floor'),
    );
    await prepare(place, work, runtimes, bundles);
    const { samples, versions } = await measure(place, work, options, runtimes, bundles).catch(
      async error => {
        await cleanUp(place, runtimes, options.crowd);
        throw error;
      },
    );
    const results = toResults(samples, versions, options.rounds);
    console.log(tables(results, options.statistic));
    if (options.save) save(results);
    const worse = options.short ? regressions(results) : [];
    for (const line of worse) console.error(`bench: ${line}`);
    return worse.length > 0 ? 1 : 0;
  } finally {
    await place.close();
    rmSync(work, { recursive: true, force: true });
  }
}

process.exitCode = await main();
