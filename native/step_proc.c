// Writes below /proc go through a procfs of our own, which no mount in the container can stand in for (CVE-2025-52881).
#define _GNU_SOURCE
#include "init.h"
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

int init_private_proc(struct walk *walk, const struct step *step) {
  int fs = (int)syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC), mount = -1;
  if (fs < 0) return walk_fail(walk, "fsopen", "proc");
  if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) walk_fail(walk, "fsconfig", "proc");
  else if ((mount = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)) < 0)
    walk_fail(walk, "fsmount", "proc");
  close(fs);
  if (mount < 0) return -1;
  slot_set(walk, step->n[0], mount);
  return 0;
}

static int proc_write(struct walk *walk, const struct step *step) {
  const char *path = walk_string(walk, step, 0);
  struct text value = walk_text(walk, step, 1);
  struct open_how how = { .flags = O_WRONLY | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV };
  int proc = slot_get(walk, step->n[0]);
  if (proc < 0) return -1;
  int descriptor = (int)syscall(SYS_openat2, proc, path, &how, sizeof how);
  if (descriptor < 0) return walk_fail(walk, "openat2", path);
  int result = write(descriptor, value.data, value.size) == (ssize_t)value.size ? 0 : walk_fail(walk, "write", path);
  close(descriptor);
  return result;
}

int init_sysctl(struct walk *walk, const struct step *step) { return proc_write(walk, step); }
int init_label(struct walk *walk, const struct step *step) { return proc_write(walk, step); }
