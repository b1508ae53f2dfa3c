/**
 * `runts features`: what this build can do (runtime-spec features.md, features-linux.md), from the tables that the planner
 * itself uses. It must not depend on the host; `false` means "no", an absent property "unknown".
 */
import { actions, architectures, flags, operators } from 'seccomp-bpf-ts';
import type { CommandFunction } from './commands.js';
import { native } from './host.js';
import { CAPABILITIES } from './plan/capabilities.js';
import { HOOK_KINDS } from './plan/hooks.js';
import { mountOptionNames } from './plan/mount-options.js';
import { CLONE } from './plan/namespaces.js';
import { MEMORY_FLAGS, MEMORY_MODES } from './plan/process-values.js';
import { commit, specVersion, version } from './version.js';

const on = { enabled: true };

export const featuresDocument = (): object => ({
  ociVersionMin: '1.0.0',
  ociVersionMax: specVersion,
  hooks: [...HOOK_KINDS],
  mountOptions: mountOptionNames(),
  linux: {
    namespaces: Object.keys(CLONE),
    capabilities: [...CAPABILITIES],
    cgroup: { v1: false, v2: true, systemd: true, systemdUser: true, rdma: true },
    seccomp: {
      enabled: true,
      actions: Object.keys(actions),
      operators: Object.keys(operators),
      archs: Object.keys(architectures),
      knownFlags: Object.keys(flags),
      supportedFlags: Object.keys(flags),
    },
    apparmor: on,
    selinux: on,
    intelRdt: { enabled: true, schemata: true, monitoring: true },
    memoryPolicy: { modes: Object.keys(MEMORY_MODES), flags: Object.keys(MEMORY_FLAGS) },
    mountExtensions: { idmap: on },
    netDevices: on,
  },
  annotations: {
    'org.opencontainers.runts.version': version,
    'org.opencontainers.runts.commit': commit,
    'org.opencontainers.runc.checkpoint.enabled': 'false',
  },
  potentiallyUnsafeConfigAnnotations: ['org.systemd.property.'],
});

export const features: CommandFunction = () => {
  native.write(1, `${JSON.stringify(featuresDocument(), null, 4)}\n`);
  return 0;
};
