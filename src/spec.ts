/**
 * The types of `config.json`: runtime-spec 1.3, common and Linux parts. Other platforms' parts are carried along
 * unread. Each comment names the section of config.md or config-linux.md it follows.
 *
 * A document has these types only after `checkSpec` said so; `json.ts` has removed null members before.
 */

import type {
  IoPriorityClass,
  MemoryPolicyFlag,
  MemoryPolicyMode,
  NamespaceType,
  RootfsPropagation,
  SchedulerFlag,
  SchedulerPolicy,
  SeccompAction,
  SeccompFlag,
  SeccompOperator,
} from './spec-values.js';

export type * from './spec-values.js';

/** An integer of up to 64 bits: bigint beyond ±2^53, see json.ts. */
export type Int = number | bigint;

/** config.md "Specification version" and the root of the document */
export interface Spec {
  ociVersion: string;
  root?: Root;
  mounts?: Mount[];
  process?: Process;
  hostname?: string;
  domainname?: string;
  hooks?: Hooks;
  annotations?: Record<string, string>;
  linux?: Linux;
  /** for other platforms or virtual machines; ignored */
  windows?: unknown;
  solaris?: unknown;
  zos?: unknown;
  freebsd?: unknown;
  vm?: unknown;
}

/** config.md "Root" */
export interface Root {
  /** absolute, or relative to the bundle */
  path: string;
  readonly?: boolean;
}

/** config.md "Mounts" */
export interface Mount {
  destination: string;
  source?: string;
  type?: string;
  options?: string[];
  uidMappings?: IdMapping[];
  gidMappings?: IdMapping[];
}

/** config.md "Process" */
export interface Process {
  terminal?: boolean;
  consoleSize?: ConsoleSize;
  cwd: string;
  env?: string[];
  args?: string[];
  /** Windows only; ignored */
  commandLine?: string;
  user?: User;
  capabilities?: Capabilities;
  rlimits?: Rlimit[];
  noNewPrivileges?: boolean;
  apparmorProfile?: string;
  selinuxLabel?: string;
  oomScoreAdj?: number;
  scheduler?: Scheduler;
  ioPriority?: IoPriority;
  execCPUAffinity?: ExecCpuAffinity;
}

/** config.md "Process", in characters */
export interface ConsoleSize {
  height: Int;
  width: Int;
}

/** config.md "POSIX-platform User" */
export interface User {
  uid?: number;
  gid?: number;
  umask?: number;
  additionalGids?: number[];
  /** Windows only; ignored */
  username?: string;
}

/** config.md "Linux Process", capabilities(7) */
export interface Capabilities {
  bounding?: string[];
  effective?: string[];
  inheritable?: string[];
  permitted?: string[];
  ambient?: string[];
}

/** config.md "POSIX process", getrlimit(2) */
export interface Rlimit {
  /** `RLIMIT_NOFILE` */
  type: string;
  soft: Int;
  hard: Int;
}

/** config.md "Linux Process", sched_setattr(2) */
export interface Scheduler {
  policy: SchedulerPolicy;
  /** -20 to 19 */
  nice?: number;
  priority?: number;
  flags?: SchedulerFlag[];
  /** nanoseconds, as deadline and period; SCHED_DEADLINE only */
  runtime?: Int;
  deadline?: Int;
  period?: Int;
}

/** config.md "Linux Process", ioprio_set(2) */
export interface IoPriority {
  class: IoPriorityClass;
  /** 0 (highest) to 7 */
  priority?: number;
}

/** config.md "Linux Process": CPU lists like `0-3,7`, for exec only */
export interface ExecCpuAffinity {
  initial?: string;
  final?: string;
}

/** config.md "POSIX-platform Hooks" */
export interface Hooks {
  prestart?: Hook[];
  createRuntime?: Hook[];
  createContainer?: Hook[];
  startContainer?: Hook[];
  poststart?: Hook[];
  poststop?: Hook[];
}

export interface Hook {
  /** absolute */
  path: string;
  args?: string[];
  env?: string[];
  /** seconds */
  timeout?: number;
}

/** config-linux.md */
export interface Linux {
  namespaces?: Namespace[];
  uidMappings?: IdMapping[];
  gidMappings?: IdMapping[];
  timeOffsets?: { boottime?: TimeOffset; monotonic?: TimeOffset };
  devices?: Device[];
  /** by the interface's name in the runtime's network namespace */
  netDevices?: Record<string, NetDevice>;
  cgroupsPath?: string;
  resources?: Resources;
  intelRdt?: IntelRdt;
  memoryPolicy?: MemoryPolicy;
  sysctl?: Record<string, string>;
  seccomp?: Seccomp;
  rootfsPropagation?: RootfsPropagation;
  maskedPaths?: string[];
  readonlyPaths?: string[];
  mountLabel?: string;
  personality?: Personality;
}

/** config-linux.md "Namespaces" */
export interface Namespace {
  type: NamespaceType;
  /** absent or empty: a new namespace */
  path?: string;
}

/** config-linux.md "User namespace mappings" */
export interface IdMapping {
  containerID: number;
  hostID: number;
  size: number;
}

/** config-linux.md "Offset for Time Namespace" */
export interface TimeOffset {
  secs?: Int;
  nanosecs?: number;
}

/** config-linux.md "Devices" */
export interface Device {
  /** `u` is an unbuffered character device, the same as `c` on Linux */
  type: 'c' | 'b' | 'u' | 'p';
  path: string;
  major?: Int;
  minor?: Int;
  fileMode?: number;
  uid?: number;
  gid?: number;
}

/** config-linux.md "Network Devices" */
export interface NetDevice {
  /** its name in the container; absent: unchanged */
  name?: string;
}

/** config-linux.md "Control groups" */
export interface Resources {
  devices?: DeviceRule[];
  memory?: Memory;
  cpu?: Cpu;
  pids?: Pids;
  blockIO?: BlockIo;
  hugepageLimits?: HugepageLimit[];
  network?: Network;
  /** by device name */
  rdma?: Record<string, Rdma>;
  /** cgroup v2 file to its content */
  unified?: Record<string, string>;
}

/** config-linux.md "Allowed Device list" */
export interface DeviceRule {
  allow: boolean;
  /** absent: all */
  type?: string;
  major?: Int;
  minor?: Int;
  /** of `r`, `w`, `m` */
  access?: string;
}

/** config-linux.md "Memory": bytes, -1 for unlimited */
export interface Memory {
  limit?: Int;
  reservation?: Int;
  /** memory and swap together */
  swap?: Int;
  kernel?: Int;
  kernelTCP?: Int;
  swappiness?: Int;
  disableOOMKiller?: boolean;
  useHierarchy?: boolean;
  checkBeforeUpdate?: boolean;
}

/** config-linux.md "CPU": times in microseconds */
export interface Cpu {
  shares?: Int;
  quota?: Int;
  burst?: Int;
  period?: Int;
  realtimeRuntime?: Int;
  realtimePeriod?: Int;
  cpus?: string;
  mems?: string;
  idle?: Int;
}

/** config-linux.md "PIDs" */
export interface Pids {
  limit?: Int;
}

/** config-linux.md "Block IO" */
export interface BlockIo {
  /** 10 to 1000; 0 for unset */
  weight?: number;
  leafWeight?: number;
  weightDevice?: WeightDevice[];
  throttleReadBpsDevice?: ThrottleDevice[];
  throttleWriteBpsDevice?: ThrottleDevice[];
  throttleReadIOPSDevice?: ThrottleDevice[];
  throttleWriteIOPSDevice?: ThrottleDevice[];
}

export interface WeightDevice {
  major: Int;
  minor: Int;
  weight?: number;
  leafWeight?: number;
}

export interface ThrottleDevice {
  major: Int;
  minor: Int;
  /** bytes or operations per second */
  rate?: Int;
}

/** config-linux.md "Huge page limits" */
export interface HugepageLimit {
  /** `2MB` */
  pageSize: string;
  /** bytes */
  limit: Int;
}

/** config-linux.md "Network": cgroup v1 only */
export interface Network {
  classID?: number;
  priorities?: { name: string; priority: number }[];
}

/** config-linux.md "RDMA" */
export interface Rdma {
  hcaHandles?: number;
  hcaObjects?: number;
}

/** config-linux.md "IntelRdt" */
export interface IntelRdt {
  closID?: string;
  schemata?: string[];
  l3CacheSchema?: string;
  memBwSchema?: string;
  enableMonitoring?: boolean;
}

/** config-linux.md "Memory policy", set_mempolicy(2) */
export interface MemoryPolicy {
  mode: MemoryPolicyMode;
  /** a list like `0-3,7` */
  nodes?: string;
  flags?: MemoryPolicyFlag[];
}

/** config-linux.md "Personality", personality(2) */
export interface Personality {
  domain: 'LINUX' | 'LINUX32';
  /** none are defined */
  flags?: string[];
}

/** config-linux.md "Seccomp" */
export interface Seccomp {
  defaultAction: SeccompAction;
  defaultErrnoRet?: number;
  /** `SCMP_ARCH_X86_64`, … */
  architectures?: string[];
  flags?: SeccompFlag[];
  /** absolute path of a Unix socket */
  listenerPath?: string;
  listenerMetadata?: string;
  syscalls?: SeccompSyscall[];
}

export interface SeccompSyscall {
  names: string[];
  action: SeccompAction;
  errnoRet?: number;
  args?: SeccompArg[];
}

export interface SeccompArg {
  /** 0 to 5 */
  index: number;
  value: Int;
  /** SCMP_CMP_MASKED_EQ: value is the mask, valueTwo the wanted result */
  valueTwo?: Int;
  op: SeccompOperator;
}

/** runtime.md "State" */
export interface State {
  ociVersion: string;
  id: string;
  status: 'creating' | 'created' | 'running' | 'stopped';
  pid?: number;
  bundle: string;
  annotations?: Record<string, string>;
}

/** config-linux.md "The Container Process State": what a seccomp listener receives */
export interface ContainerProcessState {
  ociVersion: string;
  fds: string[];
  pid: number;
  metadata?: string;
  state: State;
}
