// Device nodes, links in /dev, the terminal.
#define _GNU_SOURCE
#include "init.h"
#include "path.h"
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

// The spec: a file that is there already and is not the wanted device is an error.
static int same_device(struct walk *walk, int parent, const char *name, const struct step *step, const char *path) {
  struct stat st;
  mode_t type = (mode_t)step->n[0];
  if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0) return walk_fail(walk, "fstatat", path);
  if ((st.st_mode & S_IFMT) == type && (type == S_IFIFO || st.st_rdev == makedev((unsigned)step->n[2], (unsigned)step->n[3]))) return 0;
  errno = EEXIST;
  return walk_fail(walk, "mknodat", path);
}

int init_device(struct walk *walk, const struct step *step) {
  const char *path = walk_string(walk, step, 0), *name;
  int parent = path_parent(walk->slots[SLOT_ROOT], path, &name, &walk->failure);
  if (parent < 0) return -1;
  mode_t type = (mode_t)step->n[0], mode = (mode_t)step->n[1];
  dev_t number = type == S_IFIFO ? 0 : makedev((unsigned)step->n[2], (unsigned)step->n[3]);
  int result = mknodat(parent, name, type | mode, number);
  if (result < 0 && errno == EEXIST) result = same_device(walk, parent, name, step, path);
  else if (result < 0) walk_fail(walk, "mknodat", path);
  else if (fchownat(parent, name, (uid_t)step->n[4], (gid_t)step->n[5], AT_SYMLINK_NOFOLLOW) < 0) result = walk_fail(walk, "fchownat", path);
  close(parent);
  return result;
}

int init_symlink(struct walk *walk, const struct step *step) {
  const char *path = walk_string(walk, step, 1), *name;
  int parent = path_parent(walk->slots[SLOT_ROOT], path, &name, &walk->failure);
  if (parent < 0) return -1;
  int result = symlinkat(walk_string(walk, step, 0), parent, name) < 0 ? walk_fail(walk, "symlinkat", path) : 0;
  close(parent);
  return result;
}

// Only the real multiplexer of a devpts: what the image calls /dev/pts/ptmx may be anything (CVE-2025-52565).
static int open_master(struct walk *walk) {
  static const char path[] = "/dev/pts/ptmx";
  struct stat st;
  struct statfs fs;
  int place = path_open(walk->slots[SLOT_ROOT], path, O_NOFOLLOW, true, &walk->failure);
  if (place < 0) return -1;
  int master = -1;
  if (fstat(place, &st) < 0 || fstatfs(place, &fs) < 0) walk_fail(walk, "fstat", path);
  else if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2) || fs.f_type != DEVPTS_SUPER_MAGIC) {
    errno = ENODEV;
    walk_fail(walk, "fstat", path);
  } else {
    int directory = path_open(walk->slots[SLOT_ROOT], "/dev/pts", O_DIRECTORY | O_NOFOLLOW, true, &walk->failure);
    if (directory >= 0) {
      struct stat again;
      master = openat(directory, "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
      if (master >= 0 && (fstat(master, &again) < 0 || again.st_ino != st.st_ino || again.st_dev != st.st_dev)) {
        close(master);
        master = -1;
        errno = ENODEV;
      }
      if (master < 0) walk_fail(walk, "openat", path);
      close(directory);
    }
  }
  close(place);
  return master;
}

static int bind_console(struct walk *walk, int slave) {
  static const char path[] = "/dev/console";
  int target = path_make(walk->slots[SLOT_ROOT], path, false, false, &walk->failure);
  if (target < 0) return -1;
  int mount = (int)syscall(SYS_open_tree, slave, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
  int result = mount < 0 ? walk_fail(walk, "open_tree", path) : attach_outside_proc(walk, mount, target, path);
  if (mount >= 0) close(mount);
  close(target);
  return result;
}

int init_console(struct walk *walk, const struct step *step) {
  int unlock = 0, master = open_master(walk);
  if (master < 0) return -1;
  slot_set(walk, step->n[0], master);
  if (ioctl(master, TIOCSPTLCK, &unlock) < 0) return walk_fail(walk, "ioctl", "unlock terminal");
  int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave < 0) return walk_fail(walk, "ioctl", "open terminal");
  slot_set(walk, step->n[1], slave);
  struct winsize size = { .ws_col = (unsigned short)step->n[2], .ws_row = (unsigned short)step->n[3] };
  if ((size.ws_col || size.ws_row) && ioctl(slave, TIOCSWINSZ, &size) < 0) return walk_fail(walk, "ioctl", "terminal size");
  if (fchown(slave, (uid_t)step->n[4], (gid_t)-1) < 0 && errno != EPERM && errno != EINVAL) return walk_fail(walk, "fchown", "terminal");
  return step->n[5] ? bind_console(walk, slave) : 0;
}

// The caller's stdio goes: with a terminal, callers wait until nobody holds it any more.
int init_set_terminal(struct walk *walk, const struct step *step) {
  int slave = slot_get(walk, step->n[0]);
  if (slave < 0) return -1;
  if (ioctl(slave, TIOCSCTTY, 0) < 0) return walk_fail(walk, "ioctl", "controlling terminal");
  for (int i = 0; i < 3; i++)
    if (dup2(slave, i) < 0) return walk_fail(walk, "dup2", NULL);
  return 0;
}
