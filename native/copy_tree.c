// tmpcopyup: what an image has in a directory is copied into the tmpfs that is about to cover it. Both sides are only ever
// named relative to their descriptors, and symlinks are copied, not followed.
#define _GNU_SOURCE
#include "init.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_DEPTH = 64 };

static int copy_data(int from, int to) {
  char buffer[65536];
  for (ssize_t size; (size = read(from, buffer, sizeof buffer)) != 0;) {
    if (size < 0) return -1;
    for (ssize_t at = 0, wrote; at < size; at += wrote) // a full file system takes a part first, and then says why
      if ((wrote = write(to, buffer + at, (size_t)(size - at))) < 0) return -1;
  }
  return 0;
}

static int copy_file(int from, int to, const char *name, const struct stat *st) {
  int source = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  int target = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  int result = source < 0 || target < 0 || copy_data(source, target) < 0 || fchown(target, st->st_uid, st->st_gid) < 0 ||
                       fchmod(target, st->st_mode & 07777) < 0
                   ? -1
                   : 0;
  int error = errno;
  if (source >= 0) close(source);
  if (target >= 0) close(target);
  errno = error;
  return result;
}

static int copy_link(int from, int to, const char *name, const struct stat *st) {
  char text[PATH_MAX];
  ssize_t size = readlinkat(from, name, text, sizeof text - 1);
  if (size < 0) return -1;
  text[size] = '\0';
  if (symlinkat(text, to, name) < 0) return -1;
  return fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW);
}

static int copy_directory(int from, int to, int depth, struct failure *failure);

static int copy_below(int from, int to, const char *name, const struct stat *st, int depth, struct failure *failure) {
  if (mkdirat(to, name, 0700) < 0) return -1;
  int source = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  int target = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  int result = source < 0 || target < 0 ? -1 : copy_directory(source, target, depth + 1, failure);
  if (result == 0 && (fchown(target, st->st_uid, st->st_gid) < 0 || fchmod(target, st->st_mode & 07777) < 0)) result = -1;
  if (source >= 0) close(source);
  if (target >= 0) close(target);
  return result;
}

static int copy_entry(int from, int to, const char *name, int depth, struct failure *failure) {
  struct stat st;
  if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0) return -1;
  if (S_ISDIR(st.st_mode)) return copy_below(from, to, name, &st, depth, failure);
  if (S_ISREG(st.st_mode)) return copy_file(from, to, name, &st);
  if (S_ISLNK(st.st_mode)) return copy_link(from, to, name, &st);
  if (mknodat(to, name, st.st_mode, st.st_rdev) < 0) return -1;
  return fchownat(to, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW);
}

static int copy_directory(int from, int to, int depth, struct failure *failure) {
  if (depth > MAX_DEPTH) {
    errno = ELOOP;
    return fail(failure, "copy", NULL);
  }
  int again = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *directory = again < 0 ? NULL : fdopendir(again);
  if (!directory) return fail(failure, "fdopendir", NULL);
  int result = 0;
  for (struct dirent *entry; result == 0 && (entry = readdir(directory));) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    result = copy_entry(from, to, entry->d_name, depth, failure);
    if (result < 0) fail(failure, "copy", entry->d_name);
  }
  closedir(directory);
  return result;
}

int copy_tree(int from, int to, struct failure *failure) {
  struct stat st;
  if (copy_directory(from, to, 0, failure) < 0) return -1;
  // `to` is a descriptor with O_PATH, which fchown(2) does not take (musl's wrapper would, by way of /proc)
  if (fstat(from, &st) < 0 || fchownat(to, "", st.st_uid, st.st_gid, AT_EMPTY_PATH) < 0) return fail(failure, "fchownat", NULL);
  return 0;
}
