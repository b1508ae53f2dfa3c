// Removes a directory that somebody else may be changing meanwhile: every step is relative to a descriptor, and
// RESOLVE_NO_XDEV makes the kernel refuse mount points, bind mounts of the same file system included.
#define _GNU_SOURCE
#include "fs.h"
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

// Each level costs a descriptor and a stack frame; a deeper tree is an attack or a mistake.
#define DEPTH 200

struct removal {
  const char *path; // what is being removed, for the failure
  struct failure *failure;
};

static int remove_directory(struct removal *removal, int parent, const char *name, int depth);

static int failed(struct removal *removal, const char *call) {
  return fail(removal->failure, call, removal->path);
}

static int open_beneath(int parent, const char *name) {
  struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, .resolve = RESOLVE_NO_XDEV };
  return (int)syscall(SYS_openat2, parent, name, &how, sizeof how);
}

static int remove_entry(struct removal *removal, int parent, const struct dirent *entry, int depth) {
  if (entry->d_type != DT_DIR) {
    if (unlinkat(parent, entry->d_name, 0) == 0 || errno == ENOENT) return 0;
    if (errno != EISDIR) return failed(removal, "unlink"); // EISDIR: a file system that does not tell types
  }
  return remove_directory(removal, parent, entry->d_name, depth + 1);
}

static int remove_contents(struct removal *removal, int fd, int depth) {
  DIR *directory = fdopendir(fd); // takes the descriptor over
  if (directory == NULL) {
    failed(removal, "fdopendir");
    close(fd);
    return -1;
  }
  int result = 0;
  while (result == 0) {
    errno = 0;
    struct dirent *entry = readdir(directory);
    if (entry == NULL) {
      if (errno != 0) result = failed(removal, "getdents");
      break;
    }
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    char *path;
    if (asprintf(&path, "%s/%s", removal->path, entry->d_name) < 0) {
      result = failed(removal, "malloc");
      break;
    }
    const char *outer = removal->path;
    removal->path = path;
    result = remove_entry(removal, dirfd(directory), entry, depth);
    removal->path = outer;
    free(path);
  }
  closedir(directory);
  return result;
}

static int remove_directory(struct removal *removal, int parent, const char *name, int depth) {
  if (depth > DEPTH) {
    errno = ELOOP;
    return failed(removal, "openat2");
  }
  int fd = open_beneath(parent, name);
  if (fd < 0) return errno == ENOENT ? 0 : failed(removal, "openat2");
  if (remove_contents(removal, fd, depth) < 0) return -1;
  return unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : failed(removal, "rmdir");
}

// A path to /a/b/name is done as "name" beneath /a/b, so that the top is opened as everything below it is.
static int remove_below_parent(char *path, const char *shown, struct failure *failure) {
  char *slash = strrchr(path, '/');
  const char *name = slash == NULL ? path : slash + 1;
  if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
    errno = EINVAL;
    return fail(failure, "rmdir", shown);
  }
  if (slash != NULL) *slash = '\0';
  const char *directory = slash == NULL ? "." : slash == path ? "/" : path;
  int parent = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (parent < 0) return errno == ENOENT ? 0 : fail(failure, "open", shown);
  struct removal removal = { .path = shown, .failure = failure };
  int result = remove_directory(&removal, parent, name, 0);
  close(parent);
  return result;
}

int fs_remove_tree(const char *path, struct failure *failure) {
  char *copy = strdup(path);
  if (copy == NULL) return fail(failure, "malloc", path);
  size_t size = strlen(copy);
  while (size > 1 && copy[size - 1] == '/') copy[--size] = '\0';
  int result = remove_below_parent(copy, path, failure);
  free(copy);
  return result;
}
