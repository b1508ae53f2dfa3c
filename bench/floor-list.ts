/** Translates a plan of runts into the list that floor.c walks. */

/** A step as `runts plan --json` prints it. */
export interface PlannedStep {
  step: string;
  with: { [name: string]: number | string | string[] | number[] };
}

/** Bits of MS_* (mount(2)) by those of MOUNT_ATTR_* (mount_setattr(2)); the first four are the same. */
function mountFlags(attributes: number): number {
  const same = attributes & 15;
  const noatime = attributes & 0x10 ? 1024 : 0;
  const strictatime = attributes & 0x20 ? 1 << 24 : 0;
  return same | noatime | strictatime;
}

const hex = (bytes: unknown): string =>
  (bytes as number[]).map(byte => byte.toString(16).padStart(2, '0')).join('');
const list = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
/** below the rootfs, which is the working directory of floor.c from its step "root" on */
const below = (path: unknown): string => `.${String(path)}`;

type Translation = (args: PlannedStep['with']) => (string | number)[] | null;
const nothing: Translation = () => null;
const all =
  (...names: string[]): Translation =>
  args =>
    names.map(name => args[name] as string | number);

/** Fields behind the kind; null: the floor does without. */
const translations: { readonly [kind: string]: Translation } = {
  cgroup_make: all('path'),
  cgroup_open: all('path'),
  device_filter: args => [hex(args.program)],
  listen: nothing,
  clone: all('flags'),
  unshare: all('flags'),
  new_session: () => [],
  keyring: all('name'),
  loopback: () => [],
  hostname: all('name'),
  open_device: nothing,
  affinity: nothing,
  private_proc: nothing,
  propagate: all('flags'),
  root: all('path'),
  mount_fs: args => [
    String(args.type),
    String(args.source),
    below(args.target),
    mountFlags(Number(args.attributes)),
    list(args.options).join(','),
  ],
  mount_bind: args => [
    String(args.source),
    below(args.target),
    4096 | (Number(args.flags) & 16 ? 16384 : 0),
    mountFlags(Number(args.set) | Number(args.all_set)),
  ],
  mount_attributes: args => [below(args.target), mountFlags(Number(args.set))],
  mount_propagation: nothing,
  mask: args => [below(args.path)],
  read_only: args => [below(args.path)],
  device: args => [below(args.path), ...all('kind', 'mode', 'major', 'minor')(args)!],
  symlink: args => [String(args.target), below(args.path)],
  pivot: () => [],
  sysctl: args => [`/proc/${String(args.path)}`, String(args.value)],
  rlimit: all('resource', 'soft', 'hard'),
  no_new_privileges: () => [],
  own_stdio: nothing,
  bounding_set: all('keep'),
  umask: all('mask'),
  user: args => [Number(args.uid), Number(args.gid), ...list(args.groups)],
  capabilities: all('effective', 'permitted', 'inheritable'),
  seccomp: args => [Number(args.flags), hex(args.program)],
  working_directory: args => (args.when === 1 ? [String(args.path)] : null),
  find_program: nothing,
  draft: nothing,
  record: nothing,
  wait_for_start: nothing,
  keep_descriptors: nothing,
  exec: args => list(args.args),
};

const names: { readonly [kind: string]: string } = {
  cgroup_open: 'cgroup_make',
  mount_attributes: 'remount',
};

/** @throws when the plan has a step that floor.c does not know */
export function floorList(steps: readonly PlannedStep[]): string {
  const lines: string[] = [];
  // One process after the other: what the host does meanwhile comes before the clone.
  const filter = steps.filter(({ step }) => step === 'device_filter');
  const birth = steps.findIndex(({ step }) => step === 'clone');
  // Sysctls come before the read-only paths cover /proc/sys: the floor has no procfs of its own for them.
  const early = steps.filter(({ step }) => step === 'sysctl');
  const at = steps.findIndex(({ step }) => step === 'root');
  const rest = steps.slice(at).filter(({ step }) => step !== 'sysctl');
  const entering = steps.slice(birth, at).filter(({ step }) => step !== 'device_filter');
  const order = [...steps.slice(0, birth), ...filter, ...entering, ...early, ...rest];
  for (const { step, with: args } of order) {
    const translate = translations[step];
    if (translate === undefined) throw new Error(`the floor has no step "${step}"`);
    const fields = translate(args);
    if (fields !== null) lines.push([names[step] ?? step, ...fields].join('\t'));
  }
  return `${lines.join('\n')}\n`;
}
