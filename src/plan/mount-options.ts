/**
 * The options of mounts, one table: the planner and `features` read it. runtime-spec config.md "Mounts",
 * config-linux.md "Mount options"; flags from linux/mount.h (mount_setattr(2)) and mount(2).
 */
import type { Mount } from '../spec.js';
import { clean } from './paths.js';
import { MOUNT } from './step.js';

export const ATTRIBUTE = {
  readOnly: 0x1,
  noSuid: 0x2,
  noDev: 0x4,
  noExec: 0x8,
  atime: 0x70,
  noAtime: 0x10,
  strictAtime: 0x20,
  noDirAtime: 0x80,
  noSymFollow: 0x200000,
} as const;

const REC = 0x4000;
export const PROPAGATION = {
  unbindable: 1 << 17,
  private: 1 << 18,
  slave: 1 << 19,
  shared: 1 << 20,
  recursive: REC,
} as const;

export interface MountOptions {
  /** null: a new file system; else whether mounts below the source come along */
  bind: { recursive: boolean } | null;
  set: number;
  clear: number;
  allSet: number;
  allClear: number;
  propagation: number[];
  /** parameters of the file system, `key=value` or `key` */
  data: string[];
  /** flags of the step, MOUNT.* */
  flags: number;
  idmap: 'one' | 'recursive' | null;
  remount: boolean;
}

/** What an option does to those before it. */
type Apply = (options: MountOptions) => void;

/** By name; a configuration may have thousands of options, and this is one look-up for each. */
const table = new Map<string, Apply>();

/** The option and, with an `r` in front of its name, the same for all mounts below. */
function attribute(name: string, { set = 0, clear = 0 }: { set?: number; clear?: number }): void {
  table.set(name, options => {
    options.set = (options.set & ~clear) | set;
    options.clear = (options.clear & ~set) | clear;
  });
  table.set(`r${name}`, options => {
    options.allSet = (options.allSet & ~clear) | set;
    options.allClear = (options.allClear & ~set) | clear;
  });
}

attribute('ro', { set: ATTRIBUTE.readOnly });
attribute('rw', { clear: ATTRIBUTE.readOnly });
attribute('nosuid', { set: ATTRIBUTE.noSuid });
attribute('suid', { clear: ATTRIBUTE.noSuid });
attribute('nodev', { set: ATTRIBUTE.noDev });
attribute('dev', { clear: ATTRIBUTE.noDev });
attribute('noexec', { set: ATTRIBUTE.noExec });
attribute('exec', { clear: ATTRIBUTE.noExec });
attribute('nodiratime', { set: ATTRIBUTE.noDirAtime });
attribute('diratime', { clear: ATTRIBUTE.noDirAtime });
attribute('nosymfollow', { set: ATTRIBUTE.noSymFollow });
attribute('symfollow', { clear: ATTRIBUTE.noSymFollow });
// atime is one of three values, not a flag: setting any of them takes the whole mask in attr_clr (mount_setattr(2))
attribute('noatime', { set: ATTRIBUTE.noAtime, clear: ATTRIBUTE.atime });
attribute('atime', { clear: ATTRIBUTE.atime });
attribute('relatime', { clear: ATTRIBUTE.atime });
attribute('norelatime', { set: ATTRIBUTE.strictAtime, clear: ATTRIBUTE.atime });
attribute('strictatime', { set: ATTRIBUTE.strictAtime, clear: ATTRIBUTE.atime });
attribute('nostrictatime', { clear: ATTRIBUTE.atime });

for (const name of ['unbindable', 'private', 'slave', 'shared'] as const) {
  table.set(name, ({ propagation }) => propagation.push(PROPAGATION[name]));
  table.set(`r${name}`, ({ propagation }) => propagation.push(PROPAGATION[name] | REC));
}

// of the file system, not of the mount: parameters of fsconfig(2)
for (const name of ['sync', 'async', 'dirsync', 'mand', 'nomand', 'lazytime', 'nolazytime'])
  table.set(name, ({ data }) => data.push(name));

// `iversion` is no parameter of fsconfig(2): where a file system has such a counter, it is always on
for (const name of ['iversion', 'noiversion', 'silent', 'loud', 'defaults', '']) table.set(name, () => {});

table.set('bind', options => {
  options.bind = { recursive: false };
});
table.set('rbind', options => {
  options.bind = { recursive: true };
});
table.set('remount', options => {
  options.remount = true;
});
table.set('tmpcopyup', options => {
  options.flags |= MOUNT.copyUp;
});
table.set('idmap', options => {
  options.idmap = 'one';
});
table.set('ridmap', options => {
  options.idmap = 'recursive';
});
for (const name of ['src-nofollow', 'copy-symlink'])
  table.set(name, options => {
    options.flags |= MOUNT.sourceNoFollow;
  });

/** Every option that is not data of a file system, for `features`. */
export const mountOptionNames = (): string[] => [...table.keys()].filter(name => name !== '').sort();

/** Reads a mount's options in their order: the last one that concerns a flag wins. What is not in the table is data. */
export function parseMountOptions(mount: Mount): MountOptions {
  const options: MountOptions = {
    bind: null,
    set: 0,
    clear: 0,
    allSet: 0,
    allClear: 0,
    propagation: [],
    data: [],
    flags: 0,
    idmap: null,
    remount: false,
  };
  for (const name of mount.options ?? []) {
    const apply = table.get(name);
    if (apply) apply(options);
    else options.data.push(name);
  }
  return options;
}

/** ATTRIBUTE.* of the mount itself when all is done: the recursive options come second. */
export const attributesOf = ({ set, allSet, allClear }: MountOptions): number => (set & ~allClear) | allSet;

/** An entry of `mounts` as the planner reads it, once. */
export interface MountEntry {
  mount: Mount;
  options: MountOptions;
  /** where it is attached, a clean path below the rootfs */
  target: string;
  /** JSON pointer of the entry */
  from: string;
}

/** All entries, in the order of the configuration. */
export const readMounts = (mounts: readonly Mount[]): MountEntry[] =>
  mounts.map((mount, index) => ({
    mount,
    options: parseMountOptions(mount),
    target: clean(mount.destination),
    from: `/mounts/${index}`,
  }));
