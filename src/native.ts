/**
 * The one door to the host: what `native/addon.cc` exports, in Node.js and in the static executable alike.
 *
 * Everything is synchronous. A failing call throws an {@link NativeError}; nothing else is ever thrown.
 * Paths and texts are UTF-8 without NUL (a NUL in a path throws `EINVAL`).
 */
export interface NativeError extends Error {
  /** symbolic name, `ENOENT` */
  code: string;
  /** positive errno */
  errno: number;
  /** the system call that failed, `openat2` */
  syscall: string;
  /** what it was called on; empty when there is no path */
  path: string;
}

/** What `stat(2)` says of a path. */
export interface Stat {
  /** `f` regular, `d` directory, `l` symlink, `c` `b` devices, `p` fifo, `s` socket */
  kind: string;
  /** permission bits, 0o7777 */
  mode: number;
  uid: number;
  gid: number;
  dev: number;
  ino: number;
  size: number;
  /** of a device node */
  major: number;
  minor: number;
}

/** How a step list ended, or where it paused. */
export interface WalkResult {
  /** `done`: the list is over; `call`: the step at `step` is TypeScript's; `failed`: the other fields say how */
  status: 'done' | 'call' | 'failed';
  /** index into the plan's flat list */
  step: number;
  /** the system call that failed, or a word of the step's own (see explain.ts) */
  call: string;
  errno: number;
  /** what it failed on: a path component, the kernel's own message, a hook's stderr */
  detail: string;
}

export interface Native {
  // --- files -------------------------------------------------------------------------------------------------
  /** whole file as text; throws `EILSEQ` when it is not valid UTF-8, `EISDIR` for a directory */
  readText(path: string): string;
  readBytes(path: string): Uint8Array;
  /** opens for writing without creating and writes in one write(2) (cgroup and /proc files) */
  writeFile(path: string, data: string | Uint8Array): void;
  /** creates (`EEXIST` when there), mode exactly as given regardless of umask */
  createFile(path: string, data: string | Uint8Array, mode: number): void;
  /** writes a hidden sibling and renames it over path: readers see all or nothing, and on failure no sibling stays */
  replaceFile(path: string, data: string | Uint8Array, mode: number): void;
  /** rename(2) */
  rename(from: string, to: string): void;
  /** write all to an open descriptor; EPIPE is thrown, SIGPIPE is ignored */
  write(fd: number, data: string | Uint8Array): void;
  /** reads a descriptor to its end as text (EILSEQ as readText) */
  readAll(fd: number): string;
  mkdir(path: string, mode: number): void;
  chmod(path: string, mode: number): void;
  rmdir(path: string): void;
  unlink(path: string): void;
  /** removes a directory and what is in it, crossing no mount and following no symlink; absent is success */
  removeTree(path: string): void;
  /** names in a directory, sorted, without `.` and `..` */
  list(path: string): string[];
  /** null when there is nothing (ENOENT, ENOTDIR); follows symlinks */
  stat(path: string): Stat | null;
  lstat(path: string): Stat | null;
  /** access(2) with the effective ids; mode is R_OK 4 | W_OK 2 | X_OK 1 */
  access(path: string, mode: number): boolean;
  realPath(path: string): string;
  readLink(path: string): string;
  cwd(): string;
  /** f_type of statfs(2) */
  fsType(path: string): number;
  /** MNT_* flags (f_flag of statvfs) of the mount that path is on */
  mountFlags(path: string): number;
  /** opens O_RDONLY|O_CLOEXEC (O_PATH when pathOnly) */
  open(path: string, pathOnly: boolean): number;
  /** opens O_WRONLY|O_APPEND|O_CREAT|O_CLOEXEC */
  openAppend(path: string, mode: number): number;
  close(fd: number): void;
  /** flock(2) LOCK_EX of a file or directory; -1 when another holds it and wait is false. Held until close or death */
  lock(path: string, wait: boolean): number;

  // --- this process ------------------------------------------------------------------------------------------
  /** value or undefined; an environment that is not UTF-8 throws EILSEQ */
  env(name: string): string | undefined;
  /** [pid, ruid, euid, rgid, egid] */
  identity(): [number, number, number, number, number];
  /** effective capability set as a 64-bit mask */
  capabilities(): bigint;
  /** [sysname, nodename, release, version, machine] of uname(2) */
  uname(): [string, string, string, string, string];
  isTty(fd: number): boolean;
  /** whether fd was open when the process started (recorded before anything of ours was opened), fd < 1024 */
  openAtStart(fd: number): boolean;
  /** CLOCK_REALTIME as [seconds, nanoseconds] */
  clock(): [number, number];
  sleep(milliseconds: number): void;

  // --- other processes ---------------------------------------------------------------------------------------
  /** [state letter, start time in clock ticks since boot] of /proc/PID/stat; null when gone */
  processState(pid: number): [string, number] | null;
  /** sends by pidfd, only if the process still has that start time; false when it is gone or a zombie */
  signal(pid: number, startTime: number, signal: number): boolean;
  /**
   * Waits by pidfd until the process with that start time is gone or a zombie (it need not be a child); false when it is
   * still there after that many milliseconds.
   */
  waitExit(pid: number, startTime: number, milliseconds: number): boolean;
  /**
   * Waits with poll(2) until the file cgroup.events of a cgroup directory has that line (`populated 0`, `frozen 1`);
   * true at once when the directory is not there; false when the line is not there after that many milliseconds.
   */
  waitCgroup(path: string, line: string, milliseconds: number): boolean;
  /** the pids in a cgroup and below it, a line each, whatever the cgroups are called; '' when there is no such cgroup */
  cgroupProcesses(path: string): string;
  /** removes all cgroups below one, whatever they are called; false when one of them is busy */
  removeCgroupsBelow(path: string): boolean;
  /** umount2(MNT_DETACH | UMOUNT_NOFOLLOW): takes a mount out of the tree, now; throws EINVAL when path is no mount */
  detachMount(path: string): void;
  /** runs a host program to its end without a shell; stdin empty, stdout caught; throws when it cannot be executed */
  run(argv: string[]): { status: number; stdout: string; stderr: string };

  /** BLAKE2b-256 of a text, in hexadecimal digits */
  digest(text: string): string;

  // --- the kernel's containers: native/walk.c --------------------------------------------------------------------
  /** begins, in a second thread, to make the network namespace that the walk's first process will be born in */
  prepareNetwork(): void;
  /** takes a plan as the current one; see EncodedPlan in plan/encode.ts */
  walkBegin(records: Uint8Array, texts: readonly (string | readonly string[] | Uint8Array)[]): void;
  /** walks until the list is over, a step fails, or a step is TypeScript's (call again to go on behind it) */
  walk(): WalkResult;
  /** the number in a slot (a pid or a descriptor); -1 when unset */
  slot(index: number): number;
  setSlot(index: number, value: number): void;
  /** kills what the walk has started and closes its descriptors; harmless when there is nothing */
  walkAbort(): void;
  /** lets a created container's init go on: connects to its socket, sends "go" and waits until the program is executed */
  startInit(socket: string): WalkResult;
  /** from now on signals wait for supervise(): one that comes before must not leave a container without us */
  holdSignals(): void;
  /**
   * Waits for a child that is the walk's container process: forwards signals to it, relays the terminal when master is
   * not -1, and returns its exit status (128 + signal when killed).
   */
  supervise(pid: number, master: number): number;
  /** [columns, rows] of our own terminal; [0, 0] without one */
  terminalSize(): [number, number];
  /** inode of the user namespace that owns a namespace file (ioctl_ns(2)); 0 when we may not know */
  namespaceOwner(path: string): number;
  /** from now on the current walk notes the time of each step; call behind walkBegin */
  traceBegin(): void;
  /** what was noted so far, four numbers a step: index, 1 for init, begin and end in nanoseconds since boot */
  traceEnd(): number[];

  // --- a service on this machine -----------------------------------------------------------------------------
  /** connects a stream to a Unix socket */
  connectUnix(path: string): number;
  /** what has come, at most 64 KiB; empty at the end of the stream; throws ETIMEDOUT after that many milliseconds */
  receive(fd: number, milliseconds: number): Uint8Array;
}
