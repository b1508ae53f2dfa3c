// Who the program will be: ids, capabilities, filters. Raw calls: musl's wrappers synchronise threads that do not exist here.
#define _GNU_SOURCE
#include "init.h"
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

int init_no_new_privileges(struct walk *walk, const struct step *step) {
  (void)step;
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? walk_fail(walk, "prctl", "no_new_privs") : 0;
}

int init_umask(struct walk *walk, const struct step *step) {
  (void)walk;
  umask((mode_t)step->n[0]);
  return 0;
}

// EINVAL: beyond the last capability that this kernel has
int init_bounding_set(struct walk *walk, const struct step *step) {
  for (int capability = 0; capability < 64; capability++)
    if (!(step->n[0] >> capability & 1) && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) {
      if (errno == EINVAL) break;
      return walk_fail(walk, "prctl", "bounding set");
    }
  return 0;
}

int init_user(struct walk *walk, const struct step *step) {
  uid_t uid = (uid_t)step->n[0];
  gid_t gid = (gid_t)step->n[1];
  struct text groups = walk_text(walk, step, 0);
  // From here on we may be no more than what runs in another container that sees all processes of the host, but it must
  // not look into us (CVE-2016-9962). execve ends this.
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return walk_fail(walk, "prctl", "dumpable");
  if (step->n[2] && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) return walk_fail(walk, "prctl", "keepcaps");
  // the plan does not align them, and the kernel does not ask for that: there may be too many for a copy on the stack
  if (step->n[3] != GROUPS_KEEP && syscall(SYS_setgroups, (long)(groups.size / sizeof(gid_t)), groups.data) < 0 &&
      !(step->n[3] == GROUPS_DROP_IF_ALLOWED && errno == EPERM))
    return walk_fail(walk, "setgroups", NULL);
  if (syscall(SYS_setresgid, gid, gid, gid) < 0) return walk_fail(walk, "setresgid", NULL);
  if (syscall(SYS_setresuid, uid, uid, uid) < 0) return walk_fail(walk, "setresuid", NULL);
  if (step->n[2] && prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0) return walk_fail(walk, "prctl", "keepcaps");
  return 0;
}

int init_capabilities(struct walk *walk, const struct step *step) {
  struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
  struct __user_cap_data_struct data[2];
  for (int i = 0; i < 2; i++) data[i] = (struct __user_cap_data_struct){ (uint32_t)(step->n[0] >> 32 * i), (uint32_t)(step->n[1] >> 32 * i), (uint32_t)(step->n[2] >> 32 * i) };
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) return walk_fail(walk, "prctl", "ambient");
  if (syscall(SYS_capset, &header, data) < 0) return walk_fail(walk, "capset", NULL);
  for (int capability = 0; capability < 64; capability++)
    if (step->n[3] >> capability & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0) return walk_fail(walk, "prctl", "ambient");
  return 0;
}

int init_seccomp(struct walk *walk, const struct step *step) {
  struct text program = walk_text(walk, step, 0);
  struct sock_fprog prog = { .filter = (struct sock_filter *)(uintptr_t)program.data }; // copied by the kernel, aligned or not
  size_t length = program.size / sizeof *prog.filter;
  errno = EINVAL;
  if (length > BPF_MAXINSNS) return walk_fail(walk, "seccomp", NULL); // cut to 16 bits it would be another filter
  prog.len = (unsigned short)length;
  long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, (unsigned)step->n[0], &prog);
  if (result < 0) return walk_fail(walk, "seccomp", NULL);
  if (step->n[0] & SECCOMP_FILTER_FLAG_NEW_LISTENER) slot_set(walk, step->n[1], (int)result);
  return 0;
}

// So that the user can reopen /dev/stdout. What belongs to others by nature (/dev/null, an unmapped owner, a read-only mount) stays.
int init_own_stdio(struct walk *walk, const struct step *step) {
  uid_t uid = (uid_t)step->n[0];
  for (int i = 0; i < 3; i++) {
    struct stat st;
    if (fstat(i, &st) < 0 || st.st_uid == uid || (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))) continue;
    if (fchown(i, uid, (gid_t)-1) < 0 && errno != EPERM && errno != EINVAL && errno != EROFS) return walk_fail(walk, "fchown", "stdio");
  }
  return 0;
}
