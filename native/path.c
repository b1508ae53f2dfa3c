#define _GNU_SOURCE
#include "path.h"
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST_TRIES = 1000 };

static int open_in_root(int root, const char *path, int flags, bool no_symlinks) {
  struct open_how how = {
    .flags = (uint64_t)(flags | O_PATH | O_CLOEXEC),
    .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | (no_symlinks ? RESOLVE_NO_SYMLINKS : 0),
  };
  long descriptor;
  int tries = 0; // EAGAIN: a rename or a mount elsewhere raced with ".." (openat2(2)). Somebody could go on with it for ever.
  do descriptor = syscall(SYS_openat2, root, path, &how, sizeof how);
  while (descriptor < 0 && (errno == EINTR || (errno == EAGAIN && ++tries < MOST_TRIES)));
  return (int)descriptor;
}

int path_open(int root, const char *path, int flags, bool no_symlinks, struct failure *failure) {
  int descriptor = open_in_root(root, path, flags, no_symlinks);
  return descriptor < 0 ? fail(failure, "openat2", path) : descriptor;
}

// Makes one missing component below an open directory and opens it. What others put there meanwhile is not followed.
static int make_component(int parent, const char *name, bool directory) {
  if (directory) {
    if (mkdirat(parent, name, 0755) < 0 && errno != EEXIST) return -1;
    return openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  }
  int file = openat(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (file < 0 && errno != EEXIST) return -1;
  if (file >= 0) close(file);
  return openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

enum { MOST_LINKS = 40 }; // as for the kernel (path_resolution(7))

// `path` names a symlink at [start, end) that leads to nothing: it becomes the path that the link means, for another try.
static int follow(int parent, char path[PATH_MAX], size_t start, size_t end) {
  char name[NAME_MAX + 1], target[PATH_MAX], result[PATH_MAX];
  if (end - start >= sizeof name) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(name, path + start, end - start);
  name[end - start] = '\0';
  ssize_t size = readlinkat(parent, name, target, sizeof target);
  if (size < 0) return -1;
  int length = snprintf(result, sizeof result, "%.*s%.*s%s", target[0] == '/' ? 0 : (int)start, path, (int)size, target, path + end);
  if (length < 0 || (size_t)length >= sizeof result) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(path, result, (size_t)length + 1);
  return 0;
}

// One try. A descriptor; -1 with *again set when `path` has become another one, else with *failure.
static int make_once(int root, char path[PATH_MAX], bool directory, bool no_symlinks, bool *again, struct failure *failure) {
  size_t length = strlen(path);
  int parent = open_in_root(root, ".", O_DIRECTORY, false);
  if (parent < 0) return fail(failure, "openat2", path);
  for (size_t end = 0; parent >= 0 && end < length;) {
    size_t start = end + strspn(path + end, "/");
    if (start >= length) break;
    end = start + strcspn(path + start, "/");
    bool last = strspn(path + end, "/") == length - end;
    char after = path[end];
    path[end] = '\0';
    int next = open_in_root(root, path, last ? 0 : O_DIRECTORY, no_symlinks);
    if (next < 0 && errno == ENOENT && strcmp(path + start, "..") != 0) {
      path[end] = after;
      *again = follow(parent, path, start, end) == 0;
      if (*again) {
        close(parent);
        return -1;
      }
      path[end] = '\0';
      next = errno == EINVAL || errno == ENOENT ? make_component(parent, path + start, !last || directory) : -1;
    }
    if (next < 0) fail(failure, "openat2", path);
    path[end] = after;
    close(parent);
    parent = next;
  }
  return parent;
}

int path_make(int root, const char *path, bool directory, bool no_symlinks, struct failure *failure) {
  int descriptor = open_in_root(root, path, 0, no_symlinks);
  if (descriptor >= 0) return descriptor;
  char wanted[PATH_MAX];
  if (strlen(path) >= sizeof wanted) errno = ENAMETOOLONG;
  if (errno != ENOENT && errno != ENOTDIR) return fail(failure, "openat2", path);
  strcpy(wanted, path);
  for (int links = 0; links <= MOST_LINKS; links++) {
    bool again = false;
    descriptor = make_once(root, wanted, directory, no_symlinks, &again, failure);
    if (!again) return descriptor;
  }
  errno = ELOOP;
  return fail(failure, "openat2", path);
}

int path_parent(int root, const char *path, const char **name, struct failure *failure) {
  const char *slash = strrchr(path, '/');
  *name = slash ? slash + 1 : path;
  if (**name == '\0' || strcmp(*name, ".") == 0 || strcmp(*name, "..") == 0) {
    errno = EINVAL;
    return fail(failure, "openat2", path);
  }
  char directory[PATH_MAX];
  size_t length = slash ? (size_t)(slash - path) : 0;
  if (length == 0) return path_open(root, "/", O_DIRECTORY, false, failure);
  if (length >= sizeof directory) {
    errno = ENAMETOOLONG;
    return fail(failure, "openat2", path);
  }
  memcpy(directory, path, length);
  directory[length] = '\0';
  return path_make(root, directory, true, false, failure);
}
