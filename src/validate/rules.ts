/**
 * Every rule that the specification or the kernel states beyond config.schema.json. The checks find, accepted.ts
 * holds what to say about each finding.
 */
import type { Spec } from '../spec.js';
import { annotations, hooks, ociVersion, root } from './container.js';
import { cgroupsPath, devices, intelRdt, memoryPolicy, personality } from './linux.js';
import { mounts } from './mounts.js';
import {
  hostNames,
  namespaces,
  netDevices,
  restrictedPaths,
  sysctl,
  timeOffsets,
  userMappings,
} from './namespaces.js';
import { processChecks } from './process.js';
import { type Check, type Report, run } from './report.js';
import { resources, swapNeedsLimit } from './resources.js';
import { seccomp } from './seccomp.js';

function process(spec: Spec, _at: string, report: Report): void {
  if (spec.process !== undefined) run(processChecks, spec.process, '/process', report);
}

export const specChecks: readonly Check<Spec>[] = [
  ociVersion,
  root,
  mounts,
  process,
  hostNames,
  hooks,
  annotations,
  namespaces,
  userMappings,
  timeOffsets,
  devices,
  netDevices,
  cgroupsPath,
  resources,
  swapNeedsLimit,
  intelRdt,
  memoryPolicy,
  sysctl,
  seccomp,
  restrictedPaths,
  personality,
];
