/**
 * The steps that a plan is made of. `native/steps.h` has the same table for C; test/unit/steps.test.ts compares the two.
 *
 * A step states an intent ("bind this source on /data, read-only"); how it is done is C's. Its numbers and texts have the
 * names given here; a descriptor or pid that exists only at run time is named by its slot.
 */

const row = <const N extends string, const T extends string>(number: number, numbers: N, texts: T) =>
  ({ number, numbers, texts }) as const;

export const STEP_TABLE = {
  clone: row(1, 'flags cgroup', ''),
  refork: row(2, 'flags', ''),
  open_namespace: row(3, 'slot type', 'path'),
  join: row(4, 'slot types', ''),
  unshare: row(5, 'flags', ''),
  id_map: row(6, 'deny_setgroups', 'uid_map gid_map'),
  id_map_helper: row(7, '', 'program arguments'),
  become: row(8, 'uid gid', ''),
  proc_write: row(9, '', 'file value'),
  cgroup_make: row(10, 'slot', 'path'),
  cgroup_open: row(11, 'slot', 'path'),
  cgroup_write: row(12, 'slot', 'file value'),
  cgroup_own: row(13, 'slot uid gid', 'files'),
  device_filter: row(14, 'slot', 'program'),
  hook: row(15, 'timeout', 'kind path args env before after'),
  loopback: row(16, '', ''),
  keyring: row(17, '', 'name label'),
  propagate: row(18, 'flags', 'path'),
  root: row(19, 'private_parent bind', 'path'),
  mount_fs: row(20, 'attributes flags', 'type source target options'),
  mount_bind: row(21, 'set clear all_set all_clear flags slot', 'source target'),
  mount_attributes: row(22, 'set clear flags', 'target'),
  mount_propagation: row(23, 'flags', 'target'),
  mask: row(24, '', 'path'),
  read_only: row(25, '', 'path'),
  device: row(26, 'kind mode major minor uid gid', 'path'),
  symlink: row(27, '', 'target path'),
  console: row(28, 'master slave width height uid bind', ''),
  pivot: row(29, '', ''),
  move_root: row(30, '', ''),
  hostname: row(31, '', 'name'),
  domainname: row(32, '', 'name'),
  private_proc: row(33, 'slot', ''),
  sysctl: row(34, 'slot', 'path value'),
  label: row(35, 'slot', 'file value'),
  no_new_privileges: row(36, '', ''),
  rlimit: row(37, 'resource soft hard', ''),
  umask: row(38, 'mask', ''),
  bounding_set: row(39, 'keep', ''),
  user: row(40, 'uid gid keep_capabilities set_groups', 'groups'),
  capabilities: row(41, 'effective permitted inheritable ambient', ''),
  seccomp: row(42, 'flags slot', 'program'),
  working_directory: row(43, 'when', 'path'),
  own_stdio: row(44, 'uid', ''),
  find_program: row(45, 'home_of', 'name search_path'),
  wait_for_start: row(46, 'slot', ''),
  exec: row(47, '', 'args env'),
  keep_descriptors: row(48, 'mask', ''),
  new_session: row(49, '', ''),
  connect: row(50, 'slot', 'path'),
  listen: row(51, 'slot', 'path'),
  send_descriptor: row(52, 'connection slot', 'text'),
  open_device: row(53, 'slot major minor', 'path'),
  open_tree: row(54, 'slot flags', 'path'),
  user_namespace: row(55, 'slot', 'uid_map gid_map'),
  idmap_tree: row(56, 'slot user_namespace recursive', ''),
  scheduler: row(57, 'policy flags nice priority runtime deadline period', ''),
  io_priority: row(58, 'value', ''),
  personality: row(59, 'domain', ''),
  memory_policy: row(60, 'mode', 'nodes'),
  affinity: row(61, '', 'cpus'),
  open_process: row(62, 'slot pid start_time', ''),
  record: row(63, '', ''),
  set_terminal: row(64, 'slave', ''),
  change_root: row(65, '', ''),
  send_listener: row(66, 'connection slot', 'before between after'),
  scope: row(67, '', 'unit'),
  net_device: row(68, '', 'name target'),
  draft: row(69, '', ''),
  resctrl_make: row(70, '', 'path schemata'),
  resctrl_join: row(71, '', 'path'),
} as const;

/** FNV-1a over the table's rows; the same constant stands in native/steps.h. */
export const STEP_TABLE_HASH = 0x4c153fbc64dfade5n;
export const PLAN_VERSION = 2;

export type StepKind = keyof typeof STEP_TABLE;
type Names<S extends string> = S extends `${infer First} ${infer Rest}`
  ? First | Names<Rest>
  : S extends ''
    ? never
    : S;
type Numbers<K extends StepKind> = Names<(typeof STEP_TABLE)[K]['numbers']>;
type Texts<K extends StepKind> = Names<(typeof STEP_TABLE)[K]['texts']>;
export type Text = string | readonly string[] | Uint8Array;
export type StepArguments<K extends StepKind> = { [N in Numbers<K>]: number | bigint } & {
  [T in Texts<K>]: Text;
};

/** Who does a step: `init` inside, `host` outside in C, `runtime` outside in TypeScript. */
export type Actor = 'init' | 'host' | 'runtime';

export interface Step {
  kind: StepKind;
  actor: Actor;
  /** what asked for it: a JSON pointer into config.json, or an option of exec; empty: the runtime itself */
  from: string;
  with: { readonly [name: string]: number | bigint | Text };
  /** errno names that do not end the walk: `else` is done instead, or nothing */
  tolerate?: readonly string[];
  else?: readonly Step[];
  /**
   * Of the host's and the runtime's: nothing that init does up to the next step without this mark depends on it, so init
   * goes on at the same time.
   */
  meanwhile?: true;
}

/** One step, its arguments checked against the table by the compiler. */
export function step<K extends StepKind>(
  kind: K,
  actor: Actor,
  from: string,
  args: StepArguments<K>,
  tolerate?: readonly string[],
  otherwise?: readonly Step[],
): Step {
  const made: Step = { kind, actor, from, with: args };
  if (tolerate) made.tolerate = tolerate;
  if (otherwise) made.else = otherwise;
  return made;
}

/** The step, done while init goes on with what follows. */
export const meanwhile = (one: Step): Step => ({ ...one, meanwhile: true });

/** The list as it is walked: each step, then its `else`, which is skipped when the step succeeds. */
export function flatten(steps: readonly Step[]): Step[] {
  const flat: Step[] = [];
  for (const one of steps) {
    flat.push(one);
    if (one.else) for (const instead of flatten(one.else)) flat.push(instead);
  }
  return flat;
}

/** Slots with a meaning of their own; native/steps.h has the same. Slots from 16 on are known to both actors. */
export const SLOT = {
  pid: 0,
  pidfd: 1,
  cgroup: 2,
  console: 3,
  pidfdSocket: 4,
  mapNamespace: 5,
  listenerSocket: 6,
  listener: 12,
  root: 17,
  null: 18,
  trace: 19,
  start: 20,
  proc: 21,
  master: 22,
  slave: 23,
  process: 24,
  /** the first of those that joined namespaces and mount sources use */
  free: 28,
  count: 64,
  none: 0xffff,
} as const;

/** What the numbers of a working_directory step mean (native/init.h). */
export const DIRECTORY = { try: 0, retry: 1, make: 2 } as const;
/** What the numbers of set_groups in a user step mean (native/init.h). */
export const GROUPS = { keep: 0, set: 1, dropIfAllowed: 2 } as const;
/** Flags of mount_fs and mount_bind (native/steps.h). */
export const MOUNT = {
  noSymlinks: 2,
  copyUp: 4,
  keepMode: 8,
  recursive: 16,
  sourceNoFollow: 32,
  procOnly: 64,
} as const;
