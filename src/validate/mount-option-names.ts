/**
 * config.md "Linux mount options" and a few of crun and runc; every other option is data of a file system. The names of
 * plan/mount-options.ts (a test compares them) as a set that costs little to make.
 */
export const MOUNT_OPTIONS: ReadonlySet<string> = new Set(
  (
    'async atime bind copy-symlink defaults dev diratime dirsync exec idmap iversion lazytime loud mand ' +
    'noatime nodev nodiratime noexec noiversion nolazytime nomand norelatime nostrictatime nosuid nosymfollow private ' +
    'ratime rbind rdev rdiratime relatime remount rexec ridmap rnoatime rnodev rnodiratime rnoexec rnorelatime ' +
    'rnostrictatime rnosuid rnosymfollow ro rprivate rrelatime rro rrw rshared rslave rstrictatime rsuid rsymfollow ' +
    'runbindable rw shared silent slave src-nofollow strictatime suid symfollow sync tmpcopyup unbindable'
  ).split(' '),
);

/**
 * Whether a bind mount may carry it although it means nothing there: mount(2) ignores a file system's data with MS_BIND, and
 * configurations exist that give all their mounts the options of a tmpfs. Anything else could be a flag with a typing error.
 */
export const isDataOfTmpfs = (option: string): boolean =>
  /^(?:size|mode|uid|gid|nr_inodes|nr_blocks)=/.test(option);
