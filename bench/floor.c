// floor LIST: what a container costs when nothing but the kernel's work is done: the calls that a bundle needs, in their
// cheapest form, no checks, no state, no messages. bench/floor-list.ts makes LIST from "runts plan --json"; a line is one
// step, its fields separated by tabs.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

static char list[1 << 20], *lines[4096], cgroup_path[4096];
static int line_count, cgroup = -1;

static void check(long result, const char *what) {
  if (result >= 0) return;
  perror(what);
  _exit(1);
}

static unsigned long long number(const char *text) { return strtoull(text, NULL, 0); }

static size_t from_hex(const char *hex, uint8_t *bytes) {
  size_t size = strlen(hex) / 2;
  for (size_t i = 0; i < size; i++) {
    int high = hex[2 * i], low = hex[2 * i + 1];
    bytes[i] = (uint8_t)((high <= '9' ? high - '0' : high - 'a' + 10) << 4 | (low <= '9' ? low - '0' : low - 'a' + 10));
  }
  return size;
}

static void make_cgroup(const char *path) {
  strcpy(cgroup_path, path);
  mkdir(path, 0755);
  check(cgroup = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), path);
}

static void device_filter(const char *hex) {
  static _Alignas(8) uint8_t code[1 << 16];
  union bpf_attr load = { .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE, .insns = (uintptr_t)code, .license = (uintptr_t) "GPL" };
  load.insn_cnt = (unsigned)(from_hex(hex, code) / 8);
  int program = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load);
  check(program, "bpf load");
  union bpf_attr attach = { .target_fd = (unsigned)cgroup, .attach_bpf_fd = (unsigned)program, .attach_type = BPF_CGROUP_DEVICE, .attach_flags = BPF_F_ALLOW_MULTI };
  check(syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof attach), "bpf attach");
  close(program);
}

static void loopback(void) {
  int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
  check(ioctl(s, SIOCSIFFLAGS, &request), "lo");
  close(s);
}

// Mount points below mounts that are empty at first (/dev/pts) have to be made.
static int mount_on(const char *source, const char *target, const char *type, unsigned long flags, const char *options) {
  int result = mount(source, target, type, flags, options);
  if (result == 0 || errno != ENOENT) return result;
  mkdir(target, 0755);
  return mount(source, target, type, flags, options);
}

static void read_only(const char *path) {
  if (mount(path, path, NULL, MS_BIND | MS_REC, NULL) == 0)
    check(mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), path);
}

static void mask(const char *path) {
  static int covered;
  static char first[4096];
  struct stat st;
  if (stat(path, &st) < 0) return;
  if (!S_ISDIR(st.st_mode)) check(mount("/dev/null", path, NULL, MS_BIND, NULL), path);
  else if (covered++) check(mount(first, path, NULL, MS_BIND, NULL), path);
  else check(mount("tmpfs", strcpy(first, path), "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "nr_blocks=1,nr_inodes=1"), path);
}

static void device(char **f) {
  check(mknod(f[1], (mode_t)(number(f[2]) | number(f[3])), makedev((unsigned)number(f[4]), (unsigned)number(f[5]))), f[1]);
}

static void pivot(void) {
  check(syscall(SYS_pivot_root, ".", "."), "pivot_root");
  check(umount2(".", MNT_DETACH), "umount2");
  check(chdir("/"), "chdir");
}

static void capabilities(char **f) {
  struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
  struct __user_cap_data_struct data[2];
  for (int i = 0; i < 2; i++)
    data[i] = (struct __user_cap_data_struct){ (uint32_t)(number(f[1]) >> 32 * i), (uint32_t)(number(f[2]) >> 32 * i), (uint32_t)(number(f[3]) >> 32 * i) };
  check(syscall(SYS_capset, &header, data), "capset");
}

static void bounding(unsigned long long keep) {
  for (int i = 0; i < 64; i++)
    if (!(keep >> i & 1) && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0) break;
}

static void seccomp(char **f) {
  static _Alignas(8) uint8_t code[1 << 16];
  struct sock_fprog program = { (unsigned short)(from_hex(f[2], code) / sizeof(struct sock_filter)), (struct sock_filter *)(void *)code };
  check(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, number(f[1]), &program), "seccomp");
}

static void write_file(const char *path, const char *value) {
  int file = open(path, O_WRONLY | O_CLOEXEC);
  check(write(file, value, strlen(value)), path);
  close(file);
}

static void limit(char **f) {
  struct rlimit both = { number(f[2]), number(f[3]) };
  check(setrlimit((unsigned)number(f[1]), &both), "setrlimit");
}

static void user(char **f) {
  gid_t groups[64], gid = (gid_t)number(f[2]);
  uid_t uid = (uid_t)number(f[1]);
  size_t count = 0;
  while (f[3 + count] && *f[3 + count]) groups[count] = (gid_t)number(f[3 + count]), count++;
  check(syscall(SYS_setgroups, count, groups), "setgroups");
  check(syscall(SYS_setresgid, gid, gid, gid), "setresgid");
  check(syscall(SYS_setresuid, uid, uid, uid), "setresuid");
}

// Paths of the rootfs are relative: it is the working directory from "root" on.
static void inside(char **f) {
  static char *environment[] = { "PATH=/bin", NULL };
  const char *kind = f[0];
#define IS(name) (strcmp(kind, #name) == 0)
  if (IS(unshare)) check(unshare((int)number(f[1])), kind);
  else if (IS(new_session)) setsid();
  else if (IS(keyring)) syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, f[1]);
  else if (IS(loopback)) loopback();
  else if (IS(hostname)) check(sethostname(f[1], strlen(f[1])), kind);
  else if (IS(propagate)) check(mount(NULL, "/", NULL, number(f[1]), NULL), kind);
  else if (IS(root)) check(mount(f[1], f[1], NULL, MS_BIND | MS_REC, NULL) + chdir(f[1]), f[1]);
  else if (IS(mount_fs)) check(mount_on(f[2], f[3], f[1], number(f[4]), f[5]), f[3]);
  else if (IS(mount_bind)) {
    check(mount_on(f[1], f[2], NULL, number(f[3]), NULL), f[2]);
    if (*f[4] != '0') check(mount(NULL, f[2], NULL, MS_BIND | MS_REMOUNT | number(f[4]), NULL), f[2]);
  } else if (IS(remount)) check(mount(NULL, f[1], NULL, MS_BIND | MS_REMOUNT | number(f[2]), NULL), f[1]);
  else if (IS(mask)) mask(f[1]);
  else if (IS(read_only)) read_only(f[1]);
  else if (IS(device)) device(f);
  else if (IS(symlink)) check(symlink(f[1], f[2]), f[2]);
  else if (IS(pivot)) pivot();
  else if (IS(sysctl)) write_file(f[1], f[2]);
  else if (IS(rlimit)) limit(f);
  else if (IS(no_new_privileges)) check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), kind);
  else if (IS(bounding_set)) bounding(number(f[1]));
  else if (IS(umask)) umask((mode_t)number(f[1]));
  else if (IS(user)) user(f);
  else if (IS(capabilities)) capabilities(f);
  else if (IS(seccomp)) seccomp(f);
  else if (IS(working_directory)) check(chdir(f[1]), f[1]);
  else if (IS(exec)) {
    syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
    execve(f[1], f + 1, environment);
    check(-1, f[1]);
  } else {
    errno = 0;
    check(-1, kind);
  }
}

static int child(int first) {
  for (int i = first; i < line_count; i++) {
    char *fields[256], *rest = lines[i];
    int count = 0;
    while (count < 255 && (fields[count] = strsep(&rest, "\t"))) count++;
    fields[count] = NULL;
    inside(fields);
  }
  return 1;
}

// As vfork(2) does it where that is written: the child uses our memory and stack until it executes the program.
__attribute__((noinline)) static pid_t start(uint64_t flags, int first) {
  struct clone_args arguments = { .flags = flags | CLONE_INTO_CGROUP | CLONE_VFORK, .exit_signal = SIGCHLD, .cgroup = (uint64_t)cgroup };
  long pid;
#ifdef __x86_64__
  arguments.flags |= CLONE_VM;
  __asm__ volatile("syscall" : "=a"(pid) : "0"((long)SYS_clone3), "D"(&arguments), "S"(sizeof arguments) : "rcx", "r11", "memory");
  if (pid < 0) errno = (int)-pid;
#else
  pid = syscall(SYS_clone3, &arguments, sizeof arguments);
#endif
  if (pid == 0) _exit(child(first));
  check(pid, "clone3");
  return (pid_t)pid;
}

int main(int argc, char **argv) {
  int file = argc > 1 ? open(argv[1], O_RDONLY) : -1, i, status;
  ssize_t size = read(file, list, sizeof list - 1);
  check(size, "LIST");
  char *rest = list;
  while (line_count < 4096 && (lines[line_count] = strsep(&rest, "\n")) && *lines[line_count]) line_count++;
  for (i = 0; i < line_count; i++) {
    char *line = lines[i], *kind = strsep(&line, "\t");
    if (strcmp(kind, "cgroup_make") == 0) make_cgroup(line);
    else if (strcmp(kind, "device_filter") == 0) device_filter(line);
    else if (strcmp(kind, "clone") == 0) break;
    else check(-1, kind);
  }
  pid_t pid = start(number(lines[i] + strlen("clone") + 1), i + 1);
  check(waitpid(pid, &status, 0), "waitpid");
  while (rmdir(cgroup_path) < 0 && errno == EBUSY) continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
