/**
 * Everything that is not in config.json and changes the plan. Plain data, read once by src/facts.ts; a plan can be
 * reproduced anywhere from a config.json, its facts and its options. There is no fact called "rootless".
 */
import type { Compiled } from 'seccomp-bpf-ts';
import type { Terminal } from './terminal.js';

export interface Facts {
  euid: number;
  egid: number;
  /** effective capabilities, a mask */
  capabilities: bigint;
  /** the highest capability that the kernel knows */
  lastCapability: number;
  /** whether we are in the initial user namespace */
  initialUserNamespace: boolean;
  /** SCMP_ARCH_* of the machine */
  architecture: string;
  /** of ourselves, -1000 to 1000 */
  oomScoreAdj: number;
  /** names in /sys/kernel/security/lsm */
  lsm: readonly string[];
  cgroup: CgroupFacts | null;
  /** /proc/kcore exists: /dev/core points to it */
  kcore: boolean;
  /** absolute paths of newuidmap and newgidmap, empty when there are none */
  mapHelpers: { uid: string; gid: string };
  /** columns and rows of our own terminal, [0, 0] without one */
  terminalSize: readonly [number, number];
  /** what an earlier plan has compiled from the same profile for the same architecture */
  filter?: Compiled;
  /** of the namespace files that config.json names: is it ours already, and does our user namespace own it */
  namespaces: { readonly [path: string]: { same: boolean; ownedByOurs: boolean } };
  /** setgroups(2) is denied in our user namespace, and so in all below it (user_namespaces(7)) */
  setgroupsDenied: boolean;
  /** with linux.intelRdt: null when resctrl is not mounted */
  resctrl?: ResctrlFacts | null;
}

export interface ResctrlFacts {
  /** where it is mounted */
  mount: string;
  /** what the class of the configuration has, null when it is not there */
  schemata: string | null;
}

export interface CgroupFacts {
  /** where cgroup2 is mounted */
  mount: string;
  /** our own cgroup, below the mount */
  own: string;
  /** controllers of the root that this mount offers */
  controllers: readonly string[];
  /** for each ancestor of the container's cgroup that exists: what cgroup.controllers and cgroup.subtree_control say */
  levels: { readonly [path: string]: { controllers: readonly string[]; enabled: readonly string[] } };
  /** whether the deepest existing ancestor lets us make directories */
  writable: boolean;
  /** the container's cgroup exists: how many processes are in it and below, and whether it is frozen */
  existing: { populated: boolean; frozen: boolean } | null;
  /** the cgroup above it that is frozen */
  frozenAbove?: string;
  /** file names of /sys/kernel/cgroup/delegate, when the cgroup may be for somebody else than root */
  delegate: readonly string[];
}

/** What the caller asked for on the command line, made absolute. */
export interface Options {
  id: string;
  /** absolute path of the bundle */
  bundle: string;
  /** absolute path of the socket at which init waits for `start` */
  startSocket: string;
  /** `create` stops before the program until `start`; `run` goes on at once */
  start: 'later' | 'now';
  /** its socket absolute */
  terminal: Terminal;
  /** absolute path of a socket that gets a pidfd of the container's process */
  pidfdSocket: string | null;
  noPivot: boolean;
  noNewKeyring: boolean;
  /** descriptors beyond 2 that the container keeps, as a bit mask */
  keepDescriptors: bigint;
  /** environment that socket activation adds */
  environment: readonly string[];
  cgroupManager: 'cgroupfs' | 'systemd' | 'disabled';
}
