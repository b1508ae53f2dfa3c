/** What the tests' bundles start from: what `runts spec` writes, without a terminal. */
import type { Linux, Process, Spec } from '../../src/spec.js';
import { specTemplate } from '../../src/spec-template.js';

/** A configuration whose usual parts are there, so that a test can change them without asking. */
export type Config = Omit<Spec, 'process' | 'linux' | 'root' | 'mounts'> & {
  process: Process & {
    args: string[];
    env: string[];
    user: NonNullable<Process['user']>;
    capabilities: NonNullable<Process['capabilities']>;
    rlimits: NonNullable<Process['rlimits']>;
  };
  root: NonNullable<Spec['root']>;
  mounts: NonNullable<Spec['mounts']>;
  linux: Linux & {
    namespaces: NonNullable<Linux['namespaces']>;
    resources: NonNullable<Linux['resources']>;
    maskedPaths: string[];
    readonlyPaths: string[];
  };
};

/** A new one each time: tests change it. */
export function baseConfig(): Config {
  const config = specTemplate() as unknown as Config;
  delete config.process.terminal;
  return config;
}
