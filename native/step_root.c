// The rootfs becomes the root.
#define _GNU_SOURCE
#include "init.h"
#include "path.h"
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/stat.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

int attach_mount(struct walk *walk, int mount, int target, const char *path) {
  if (syscall(SYS_move_mount, mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0) return walk_fail(walk, "move_mount", path);
  return 0;
}

static bool same_mount(int one, int other) {
  struct statx a, b;
  return syscall(SYS_statx, one, "", AT_EMPTY_PATH, STATX_MNT_ID, &a) == 0 && syscall(SYS_statx, other, "", AT_EMPTY_PATH, STATX_MNT_ID, &b) == 0 &&
         a.stx_mnt_id == b.stx_mnt_id;
}

int attach_outside_proc(struct walk *walk, int mount, int target, const char *path) {
  struct statfs fs;
  bool meant = strncmp(path, "/proc", 5) == 0 && (path[5] == '/' || path[5] == '\0'); // the planner has allowed it
  if (!meant && fstatfs(target, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC) {
    int proc = path_open(walk->slots[SLOT_ROOT], "/proc", O_DIRECTORY, true, &walk->failure);
    bool inside = proc >= 0 && same_mount(proc, target);
    if (proc >= 0) close(proc);
    errno = EPERM;
    if (inside) return walk_fail(walk, "in proc", path);
  }
  return attach_mount(walk, mount, target, path);
}

static int set_propagation(struct walk *walk, int descriptor, const char *path, uint64_t propagation, int flags) {
  struct mount_attr attributes = { .propagation = propagation & (MS_PRIVATE | MS_SLAVE | MS_SHARED | MS_UNBINDABLE) };
  if (propagation & MS_REC) flags |= AT_RECURSIVE;
  return syscall(SYS_mount_setattr, descriptor, path, flags, &attributes, sizeof attributes) < 0 ? walk_fail(walk, "mount_setattr", path) : 0;
}

// On the whole mount namespace, before the rootfs is looked at: or else what we mount would appear on the host.
int init_propagate(struct walk *walk, const struct step *step) {
  return set_propagation(walk, AT_FDCWD, walk_string(walk, step, 0), step->n[0], 0);
}

int init_mount_propagation(struct walk *walk, const struct step *step) {
  const char *path = walk_string(walk, step, 0);
  int target = path_open(walk->slots[SLOT_ROOT], path, 0, false, &walk->failure);
  if (target < 0) return -1;
  int result = set_propagation(walk, target, "", step->n[0], AT_EMPTY_PATH);
  if (result < 0) walk_fail(walk, "mount_setattr", path);
  close(target);
  return result;
}

// The mount that holds the rootfs must not be shared, or pivot_root refuses (EINVAL). The rootfs bound from it is what it is.
static int set_parent_propagation(struct walk *walk, const char *path, uint64_t propagation) {
  int place = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), result = -1;
  for (struct statx sx; place >= 0;) {
    if (syscall(SYS_statx, place, "", AT_EMPTY_PATH, 0, &sx) < 0) {
      walk_fail(walk, "statx", path);
      break;
    }
    if (sx.stx_attributes & STATX_ATTR_MOUNT_ROOT) {
      result = set_propagation(walk, place, "", propagation, AT_EMPTY_PATH);
      break;
    }
    int up = openat(place, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
    close(place);
    place = up;
  }
  if (place < 0) return walk_fail(walk, "open", path);
  close(place);
  return result;
}

// pivot_root(2) wants a mount point, so the rootfs is bound on itself. Every later look-up starts at this descriptor.
int init_root(struct walk *walk, const struct step *step) {
  const char *path = walk_string(walk, step, 0);
  if (step->n[0] && set_parent_propagation(walk, path, step->n[0] == 2 ? MS_SLAVE : MS_PRIVATE) < 0) return -1;
  int place = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (place < 0) return walk_fail(walk, "open", path);
  if (!step->n[1]) { // exec in a container without a mount namespace: its root is mounted already
    walk->slots[SLOT_ROOT] = place;
    return 0;
  }
  int root = (int)syscall(SYS_open_tree, place, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
  if (root < 0) {
    close(place);
    return walk_fail(walk, "open_tree", path);
  }
  int result = attach_mount(walk, root, place, path);
  close(place);
  if (result == 0) walk->slots[SLOT_ROOT] = root;
  else close(root);
  return result;
}

// pivot_root(".", "."): the old root ends up on top of the new one and is detached from there (pivot_root(2), NOTES).
int init_pivot(struct walk *walk, const struct step *step) {
  (void)step;
  int old_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), result = -1;
  if (old_root < 0) return walk_fail(walk, "open", "/");
  if (fchdir(walk->slots[SLOT_ROOT]) < 0) walk_fail(walk, "fchdir", NULL);
  else if (syscall(SYS_pivot_root, ".", ".") < 0) walk_fail(walk, "pivot_root", NULL);
  else if (fchdir(old_root) < 0) walk_fail(walk, "fchdir", "old root");
  else if (set_propagation(walk, AT_FDCWD, ".", MS_SLAVE | MS_REC, 0) == 0) { // unmounting must not reach the host
    if (umount2(".", MNT_DETACH) < 0) walk_fail(walk, "umount2", "old root");
    else result = chdir("/") < 0 ? walk_fail(walk, "chdir", "/") : 0;
  }
  close(old_root);
  return result;
}

// --no-pivot: for a root on a ramdisk, which pivot_root(2) cannot leave.
int init_move_root(struct walk *walk, const struct step *step) {
  char root[4096];
  (void)step;
  if (fchdir(walk->slots[SLOT_ROOT]) < 0) return walk_fail(walk, "fchdir", NULL);
  if (!getcwd(root, sizeof root)) return walk_fail(walk, "getcwd", NULL);
  if (detach_kernel_mounts(walk, root) < 0) return -1;
  if (mount(".", "/", NULL, MS_MOVE, NULL) < 0) return walk_fail(walk, "mount", "/");
  if (chroot(".") < 0) return walk_fail(walk, "chroot", NULL);
  return chdir("/") < 0 ? walk_fail(walk, "chdir", "/") : 0;
}

// A container without a mount namespace of its own.
int init_change_root(struct walk *walk, const struct step *step) {
  (void)step;
  if (fchdir(walk->slots[SLOT_ROOT]) < 0) return walk_fail(walk, "fchdir", NULL);
  if (chroot(".") < 0) return walk_fail(walk, "chroot", NULL);
  return chdir("/") < 0 ? walk_fail(walk, "chdir", "/") : 0;
}
