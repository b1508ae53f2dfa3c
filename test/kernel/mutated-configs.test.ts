/**
 * A thousand configurations with something wrong or unusual about them, from the default one and from those that engines
 * write: each gives a container, or one clear line; nothing crashes, hangs or stays behind.
 *
 * RUNTS_MUTATION_SEED=N has others made; a failure prints the seed that makes its configuration the first one.
 * RUNTS_MUTATION_CASES=N is how many; a single one is printed.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Test } from 'tap';
import { baseConfig, type Config } from './base-config.js';
import { type Kernel, kernelTest, type Outcome } from './harness.js';
import { mutate, type Random, random, write } from './mutate.js';

const seed = Number(process.env.RUNTS_MUTATION_SEED ?? 1);
const cases = Number(process.env.RUNTS_MUTATION_CASES ?? 1000);
/** Node.js takes long to start */
const share = { static: 1, node: 9 };

const callers = new URL('../../../shared/caller-configs/', import.meta.url).pathname;
const engines: Config[] = (existsSync(callers) ? readdirSync(callers) : [])
  .filter(name => !name.startsWith('process-'))
  .map(name => JSON.parse(readFileSync(`${callers}${name}`, 'utf8')));
const everything = JSON.parse(
  readFileSync(new URL('../unit/fixtures/everything.json', import.meta.url), 'utf8'),
);
const interfaces = readdirSync('/sys/class/net');

/** Which of the engines' bind mounts are of files; the others are of directories. */
const isFile = /(hosts|hostname|resolv\.conf|\.containerenv|init|catatonit)$/;

/** What it starts from: the default configuration every other time, else an engine's with our paths. */
function source({ below, pick }: Random): Config {
  if (below(2) === 0 || engines.length === 0) return baseConfig();
  const config = structuredClone(pick(engines));
  config.root.path = 'rootfs';
  config.process.terminal = false;
  // what this machine may not have would be refused before anything else is looked at
  Reflect.deleteProperty(config, 'hooks');
  Reflect.deleteProperty(config.process, 'apparmorProfile');
  Reflect.deleteProperty(config.process, 'oomScoreAdj');
  config.linux.resources = { devices: config.linux.resources?.devices ?? [] };
  config.mounts = config.mounts.filter(({ type }) => type !== 'overlay');
  for (const mount of config.mounts)
    if (mount.source?.startsWith('/')) mount.source = isFile.test(mount.source) ? '../file' : '../source';
  for (const namespace of config.linux.namespaces) Reflect.deleteProperty(namespace, 'path');
  return config;
}

/** What looks as if it were a configuration, and may be anything. */
interface Loose {
  [name: string]: unknown;
}
const within = (value: unknown, name: string): Loose => {
  const member = typeof value === 'object' && value !== null ? (value as Loose)[name] : undefined;
  return typeof member === 'object' && member !== null ? (member as Loose) : {};
};

/** No configuration reaches the host's files, its cgroups or its network: only what would do harm there is changed. */
function fence(config: unknown, kernel: Kernel, bundle: string): void {
  const outside = (path: unknown): boolean =>
    typeof path === 'string' &&
    existsSync(resolve(bundle, path)) &&
    !resolve(bundle, path).startsWith(kernel.directory);
  const [root, linux] = [within(config, 'root'), within(config, 'linux')];
  if (outside(root.path)) root.path = 'rootfs';
  for (const mount of Object.values(within(config, 'mounts')) as (Loose | null)[])
    if (outside(mount?.source)) mount!.source = `${kernel.directory}/source`;
  const place = linux.cgroupsPath;
  if (typeof place === 'string')
    linux.cgroupsPath = `${place.startsWith('/') ? '/' : ''}${kernel.token}${place}`;
  // such mounts go to a host whose own are shared, as they have to, and stay there
  if (/^r?shared$/.test(String(linux.rootfsPropagation))) linux.rootfsPropagation = 'rslave';
  for (const name of interfaces) delete within(linux, 'netDevices')[name];
}

/** Hooks that exist, and others. */
const hooks = ['/bin/true', '/bin/false', '/nope'].map(path => ({ path, timeout: 5 }));
const pieces = {
  ...everything,
  hooks: { createRuntime: hooks.slice(0, 1), createContainer: hooks, poststop: hooks },
};

/** What is wrong with how a command ended; undefined when nothing is. */
function fault({ status, signal, stdout, stderr }: Outcome): string | undefined {
  if (signal !== null) return `it was killed by ${signal}`;
  if (stdout !== '') return `it printed ${stdout}`;
  if (status === 0) return stderr === '' ? undefined : `it succeeded, and said ${stderr}`;
  if (status !== 1) return `its status is ${status}`;
  if (!/^[^\n]+\n$/.test(stderr)) return `not one line: ${stderr}`;
  if (/internal error|\bundefined\b|\[object/.test(stderr)) return stderr;
  return stderr.length > 20_000 ? `${stderr.length} characters` : undefined;
}

/** How a command ended, and what is wrong with that. */
function tried(kernel: Kernel, args: string[]): [outcome: Outcome | undefined, wrong: string | undefined] {
  try {
    const outcome = kernel.runts(args, { timeout: 20_000 });
    return [outcome, fault(outcome)];
  } catch (error) {
    return [undefined, String(error)]; // it takes too long
  }
}

/** Makes, starts and deletes one; returns whether there was a container. */
function tryOne(t: Test, kernel: Kernel, number: number): boolean {
  const chance = random(number);
  const config = source(chance);
  mutate(config as never, pieces, chance);
  const bundle = kernel.bundle(({ process }) => {
    process.args = [];
  });
  fence(config, kernel, bundle);
  writeFileSync(`${bundle}/config.json`, write(config, chance));
  const id = kernel.id();
  if (cases === 1) t.comment(readFileSync(`${bundle}/config.json`, 'utf8'));
  const run = (...args: string[]): boolean => {
    const [outcome, wrong] = tried(kernel, args);
    if (wrong !== undefined) t.fail(`${args[0]} (RUNTS_MUTATION_SEED=${number}): ${wrong.slice(0, 2000)}`);
    if (cases === 1) t.comment(`${args[0]}: ${outcome?.status} ${outcome?.stderr}`);
    return outcome?.status === 0;
  };
  const created = run('create', '--bundle', bundle, id);
  if (created) {
    run('start', id);
    if (!run('delete', '--force', id)) t.fail(`not deleted (RUNTS_MUTATION_SEED=${number})`);
  }
  rmSync(bundle, { recursive: true });
  return created;
}

kernelTest('mutated configurations give a container or one clear line', async (t, kernel) => {
  if (engines.length === 0)
    t.pass('only the default one', {
      skip: 'the configurations of engines (../shared/caller-configs) are not there',
    });
  mkdirSync(`${kernel.directory}/source`);
  writeFileSync(`${kernel.directory}/file`, '');
  let containers = 0;
  const step = share[kernel.host.name];
  for (let i = 0; i < cases; i += step) {
    if (tryOne(t, kernel, seed + i)) containers++;
    if (i % 50 !== 0 && i + step < cases) continue;
    const left = kernel.leftovers();
    if (left.length === 0) continue;
    t.fail(
      `left behind by RUNTS_MUTATION_SEED=${Math.max(seed, seed + i - 50)} to ${seed + i}: ${left.join('; ')}`,
    );
    break;
  }
  t.comment(`${containers} containers`);
  if (cases >= 1000) t.ok(containers > cases / step / 10, `${containers} were containers`);
});
