// cgroup v2 files and the device filter. Paths come from the planner, which knows the cgroup mount.
#define _GNU_SOURCE
#include "host.h"
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

static int open_cgroup(struct walk *walk, uint64_t slot, const char *path) {
  struct statfs fs;
  int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return walk_fail(walk, "open", path);
  if (fstatfs(descriptor, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC) {
    slot_set(walk, slot, descriptor);
    return 0;
  }
  close(descriptor);
  errno = EINVAL;
  return walk_fail(walk, "not a cgroup", path);
}

int host_cgroup_make(struct walk *walk, const struct step *step) {
  const char *path = walk_string(walk, step, 0);
  if (mkdir(path, 0755) < 0 && errno != EEXIST) return walk_fail(walk, "mkdir", path);
  return open_cgroup(walk, step->n[0], path);
}

int host_cgroup_open(struct walk *walk, const struct step *step) { return open_cgroup(walk, step->n[0], walk_string(walk, step, 0)); }

int host_cgroup_write(struct walk *walk, const struct step *step) {
  const char *file = walk_string(walk, step, 0);
  struct text value = walk_text(walk, step, 1);
  int cgroup = slot_get(walk, step->n[0]);
  if (cgroup < 0) return -1;
  int descriptor = openat(cgroup, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor < 0) return walk_fail(walk, "openat", file);
  int result = write(descriptor, value.data, value.size) == (ssize_t)value.size ? 0 : walk_fail(walk, "write", file);
  close(descriptor);
  return result;
}

// Delegation: the directory and the files that the kernel names in /sys/kernel/cgroup/delegate
int host_cgroup_own(struct walk *walk, const struct step *step) {
  int cgroup = slot_get(walk, step->n[0]);
  if (cgroup < 0) return -1;
  if (fchown(cgroup, (uid_t)step->n[1], (gid_t)step->n[2]) < 0) return walk_fail(walk, "fchown", NULL);
  struct text files = walk_text(walk, step, 0);
  uint32_t cursor = 0;
  for (const char *file; (file = text_next(files, &cursor));)
    if (fchownat(cgroup, file, (uid_t)step->n[1], (gid_t)step->n[2], AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
      return walk_fail(walk, "fchownat", file);
  return 0;
}

enum { MOST_TRIES = 100 };

// The kernel breaks off the check of a program when a signal waits for us, and says EAGAIN (kernel/bpf/verifier.c): not a
// failure, the signal is delivered on the way here.
static int bpf(int command, union bpf_attr *attr) {
  long result;
  int tries = 0;
  do result = syscall(SYS_bpf, command, attr, sizeof *attr);
  while (result < 0 && errno == EAGAIN && ++tries < MOST_TRIES);
  return (int)result;
}

int host_device_filter(struct walk *walk, const struct step *step) {
  struct text program = walk_text(walk, step, 0);
  int cgroup = slot_get(walk, step->n[0]);
  if (cgroup < 0) return -1;
  union bpf_attr load = {
    .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
    .insn_cnt = program.size / 8,
    .insns = (uint64_t)(uintptr_t)program.data, // the kernel copies it, and asks for no alignment
    .license = (uint64_t)(uintptr_t) "GPL",
  };
  int descriptor = bpf(BPF_PROG_LOAD, &load);
  if (descriptor < 0) return walk_fail(walk, "bpf", "load");
  union bpf_attr attach = {
    .target_fd = (uint32_t)cgroup, .attach_bpf_fd = (uint32_t)descriptor, .attach_type = BPF_CGROUP_DEVICE, .attach_flags = BPF_F_ALLOW_MULTI
  };
  int result = bpf(BPF_PROG_ATTACH, &attach) < 0 ? walk_fail(walk, "bpf", "attach") : 0;
  close(descriptor);
  return result;
}
