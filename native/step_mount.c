// Mounts are made detached, set up by descriptor and attached by descriptor: nothing of the image is named twice.
#define _GNU_SOURCE
#include "init.h"
#include "path.h"
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

static int fs_set(int fs, unsigned command, const char *key, const char *value) { return (int)syscall(SYS_fsconfig, fs, command, key, value, 0); }

// The kernel explains in its own words what it did not like: "e tmpfs: Unknown parameter 'x'"
static int fs_fail(struct walk *walk, int fs, const char *call, const char *option) {
  int error = errno;
  char message[400];
  ssize_t size = read(fs, message, sizeof message - 1);
  if (size > 2) message[size] = '\0';
  errno = error;
  return walk_fail(walk, call, size > 2 ? message + 2 : option);
}

enum { LONGEST_VALUE = 255 }; // of fsconfig(2)

// Copies up to the next colon, without the backslashes that escape characters. Where it ended, or NULL when that is too long.
static const char *next_directory(const char *list, char directory[LONGEST_VALUE + 1]) {
  size_t length = 0;
  for (; *list && *list != ':'; list++) {
    if (*list == '\\' && list[1]) list++;
    if (length == LONGEST_VALUE) return NULL;
    directory[length++] = *list;
  }
  directory[length] = '\0';
  return list;
}

// overlay takes a long list of lower directories one by one (Linux 6.7). Behind "::" there is one for data only.
static int set_lower_directories(struct walk *walk, int fs, const char *list) {
  char directory[LONGEST_VALUE + 1];
  const char *key = "lowerdir+";
  for (const char *at = list; *at; at += *at == ':') {
    at = next_directory(at, directory);
    if (!at) {
      errno = ENAMETOOLONG;
      return walk_fail(walk, "fsconfig", "lowerdir");
    }
    if (!*directory) key = "datadir+";
    else if (fs_set(fs, FSCONFIG_SET_STRING, key, directory) < 0) return fs_fail(walk, fs, "fsconfig", directory);
    else key = "lowerdir+";
  }
  return 0;
}

static int configure(struct walk *walk, int fs, const char *source, struct text options) {
  uint32_t cursor = 0;
  if (*source && fs_set(fs, FSCONFIG_SET_STRING, "source", source) < 0) return fs_fail(walk, fs, "fsconfig", "source");
  for (const char *option; (option = text_next(options, &cursor));) {
    const char *equals = strchr(option, '=');
    char key[256];
    size_t length = equals ? (size_t)(equals - option) : strlen(option);
    if (length >= sizeof key) {
      errno = EINVAL;
      return walk_fail(walk, "fsconfig", option);
    }
    memcpy(key, option, length);
    key[length] = '\0';
    if (equals && strlen(equals + 1) > LONGEST_VALUE) {
      if (strcmp(key, "lowerdir") == 0) {
        if (set_lower_directories(walk, fs, equals + 1) < 0) return -1;
        continue;
      }
      errno = ENAMETOOLONG;
      return walk_fail(walk, "fsconfig", key);
    }
    if (fs_set(fs, equals ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, key, equals ? equals + 1 : NULL) < 0) return fs_fail(walk, fs, "fsconfig", option);
  }
  return 0;
}

static bool has_option(struct text options, const char *prefix) {
  uint32_t cursor = 0;
  for (const char *option; (option = text_next(options, &cursor));)
    if (strncmp(option, prefix, strlen(prefix)) == 0) return true;
  return false;
}

static int keep_mode(struct walk *walk, int fs, int target, struct text options) {
  struct stat st;
  char mode[8];
  if (has_option(options, "mode=") || fstat(target, &st) < 0) return 0;
  snprintf(mode, sizeof mode, "%o", (unsigned)(st.st_mode & 07777));
  return fs_set(fs, FSCONFIG_SET_STRING, "mode", mode) < 0 ? fs_fail(walk, fs, "fsconfig", "mode") : 0;
}

// A detached mount of a new file system instance.
static int new_mount(struct walk *walk, const struct step *step, int target, bool existed) {
  const char *type = walk_string(walk, step, 0);
  int fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC), mount = -1;
  if (fs < 0) return walk_fail(walk, "fsopen", type);
  int result = configure(walk, fs, walk_string(walk, step, 1), walk_text(walk, step, 3));
  if (result == 0 && existed && step->n[1] & MOUNT_KEEP_MODE) result = keep_mode(walk, fs, target, walk_text(walk, step, 3));
  if (result == 0 && fs_set(fs, FSCONFIG_CMD_CREATE, NULL, NULL) < 0) result = fs_fail(walk, fs, "fsconfig", type);
  if (result == 0) {
    mount = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, (unsigned)step->n[0]);
    if (mount < 0) fs_fail(walk, fs, "fsmount", type);
  }
  close(fs);
  return mount;
}

int init_mount_fs(struct walk *walk, const struct step *step) {
  const char *path = walk_string(walk, step, 2);
  bool no_symlinks = step->n[1] & MOUNT_NO_SYMLINKS;
  int root = walk->slots[SLOT_ROOT];
  int target = path_open(root, path, O_DIRECTORY, no_symlinks, &walk->failure);
  bool existed = target >= 0;
  if (!existed && walk->failure.err == ENOENT) target = path_make(root, path, true, no_symlinks, &walk->failure);
  if (target < 0) return -1;
  int mount = new_mount(walk, step, target, existed), result = mount < 0 ? -1 : 0;
  if (result == 0 && existed && step->n[1] & MOUNT_COPY_UP) result = copy_tree(target, mount, &walk->failure);
  if (result == 0) result = attach_outside_proc(walk, mount, target, path);
  if (mount >= 0) close(mount);
  close(target);
  return result;
}

static int set_attributes(struct walk *walk, int mount, uint64_t set, uint64_t clear, bool recursive, const char *path) {
  if (set == 0 && clear == 0) return 0;
  struct mount_attr attributes = { .attr_set = set, .attr_clr = clear };
  if (syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attributes, sizeof attributes) < 0)
    return walk_fail(walk, "mount_setattr", path);
  return 0;
}

static int bind_source(struct walk *walk, const struct step *step) {
  if (step->n[5] < SLOT_COUNT) { // made by the host, or idmapped
    int mount = slot_get(walk, step->n[5]);
    if (mount >= 0) walk->slots[step->n[5]] = -1;
    return mount;
  }
  const char *source = walk_string(walk, step, 0);
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (step->n[4] & MOUNT_RECURSIVE ? AT_RECURSIVE : 0) |
                   (step->n[4] & MOUNT_SOURCE_NO_FOLLOW ? AT_SYMLINK_NOFOLLOW : 0);
  int mount = (int)syscall(SYS_open_tree, AT_FDCWD, source, flags);
  return mount < 0 ? walk_fail(walk, "open_tree", source) : mount;
}

// The kernel only says EINVAL when one is a directory and the other is not.
static void check_kinds(struct walk *walk, int mount, int target, const char *path) {
  struct stat source, place;
  if (fstat(mount, &source) < 0 || fstat(target, &place) < 0 || S_ISDIR(source.st_mode) == S_ISDIR(place.st_mode)) return;
  errno = S_ISDIR(source.st_mode) ? ENOTDIR : EISDIR;
  walk_fail(walk, "kinds", path);
}

static int make_target(struct walk *walk, const struct step *step, int mount, const char *path) {
  struct stat st;
  if (fstat(mount, &st) < 0) return walk_fail(walk, "fstat", walk_string(walk, step, 0));
  return path_make(walk->slots[SLOT_ROOT], path, S_ISDIR(st.st_mode), step->n[4] & MOUNT_NO_SYMLINKS, &walk->failure);
}

// On /proc there is what the kernel says, or nothing: an image's files could pass for it (CVE-2019-16884).
static int check_proc(struct walk *walk, int mount, const char *path) {
  struct statfs fs;
  if (fstatfs(mount, &fs) < 0) return walk_fail(walk, "fstatfs", path);
  if (fs.f_type == PROC_SUPER_MAGIC) return 0;
  errno = EINVAL;
  return walk_fail(walk, "not proc", path);
}

int init_mount_bind(struct walk *walk, const struct step *step) {
  const char *path = walk_string(walk, step, 1);
  int mount = bind_source(walk, step);
  if (mount < 0) return -1;
  // nearly always it is there, and no symlink leads to it
  int target = path_open(walk->slots[SLOT_ROOT], path, 0, true, &walk->failure), result = 0;
  bool straight = target >= 0;
  if (!straight) target = make_target(walk, step, mount, path);
  if (target < 0) result = -1;
  if (result == 0 && step->n[4] & MOUNT_PROC_ONLY) result = check_proc(walk, mount, path);
  if (result == 0) result = set_attributes(walk, mount, step->n[0], step->n[1], false, path);
  if (result == 0) result = set_attributes(walk, mount, step->n[2], step->n[3], true, path);
  if (result == 0) result = straight ? attach_mount(walk, mount, target, path) : attach_outside_proc(walk, mount, target, path);
  if (result < 0 && target >= 0 && walk->failure.err == EINVAL) check_kinds(walk, mount, target, path);
  close(mount);
  if (target >= 0) close(target);
  return result;
}

int init_mount_attributes(struct walk *walk, const struct step *step) {
  const char *path = walk_string(walk, step, 0);
  int target = path_open(walk->slots[SLOT_ROOT], path, 0, false, &walk->failure);
  if (target < 0) return -1;
  int result = set_attributes(walk, target, step->n[0], step->n[1], step->n[2] & MOUNT_RECURSIVE, path);
  close(target);
  return result;
}

// One empty, read-only tmpfs covers every masked directory.
static int cover(struct walk *walk, int target, const char *path) {
  static int covering = -1;
  if (covering >= 0) {
    int again = (int)syscall(SYS_open_tree, covering, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
    if (again < 0) return walk_fail(walk, "open_tree", path);
    int result = attach_mount(walk, again, target, path);
    close(again);
    return result;
  }
  int fs = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
  if (fs < 0) return walk_fail(walk, "fsopen", "tmpfs");
  if (fs_set(fs, FSCONFIG_SET_STRING, "nr_blocks", "1") == 0 && fs_set(fs, FSCONFIG_SET_STRING, "nr_inodes", "1") == 0 &&
      fs_set(fs, FSCONFIG_CMD_CREATE, NULL, NULL) == 0)
    covering = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  if (covering < 0) fs_fail(walk, fs, "fsmount", "tmpfs");
  close(fs);
  return covering < 0 ? -1 : attach_mount(walk, covering, target, path);
}

int init_mask(struct walk *walk, const struct step *step) {
  const char *path = walk_string(walk, step, 0);
  struct stat st;
  int target = path_open(walk->slots[SLOT_ROOT], path, 0, false, &walk->failure), result = -1;
  if (target < 0) return -1;
  if (fstat(target, &st) < 0) walk_fail(walk, "fstat", path);
  else if (S_ISDIR(st.st_mode)) result = cover(walk, target, path);
  else {
    int null = slot_get(walk, SLOT_NULL);
    int mount = null < 0 ? -1 : (int)syscall(SYS_open_tree, null, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
    // It is the host's own /dev/null: read-only, or root of the container could change its mode and owner; private, or what is
    // mounted upon it would appear on a host whose mounts are shared.
    struct mount_attr own = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, .propagation = MS_PRIVATE };
    if (mount < 0) walk_fail(walk, "open_tree", "/dev/null");
    else if (syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH, &own, sizeof own) < 0) walk_fail(walk, "mount_setattr", path);
    else result = attach_mount(walk, mount, target, path);
    if (mount >= 0) close(mount);
  }
  close(target);
  return result;
}

// The path is bound on itself, and only this mount of it becomes read-only.
int init_read_only(struct walk *walk, const struct step *step) {
  const char *path = walk_string(walk, step, 0);
  int target = path_open(walk->slots[SLOT_ROOT], path, 0, false, &walk->failure);
  if (target < 0) return -1;
  int mount = (int)syscall(SYS_open_tree, target, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
  int result = mount < 0 ? walk_fail(walk, "open_tree", path) : set_attributes(walk, mount, MOUNT_ATTR_RDONLY, 0, false, path);
  if (result == 0) result = attach_mount(walk, mount, target, path);
  if (mount >= 0) close(mount);
  close(target);
  return result;
}
