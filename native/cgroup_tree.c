// The cgroups below a container's. Whoever is in there may have made them: as deep as he likes, with names that are no text.
#define _GNU_SOURCE
#include "process.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_gone(int error) { return error == ENOENT || error == ENODEV || error == ENOTDIR || error == ENAMETOOLONG; }

static int open_below(int parent, const char *name) { return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC); }

static bool is_cgroup(const struct dirent *entry) {
  return entry->d_type == DT_DIR && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

// Removes what can be removed right below `at` and counts it. The first that cannot is *busy, to be freed; else NULL.
static int remove_children(int at, char **busy, int *removed) {
  int again = open_below(at, ".");
  DIR *directory = again < 0 ? NULL : fdopendir(again);
  if (directory == NULL) return -1;
  *busy = NULL;
  *removed = 0;
  int result = 0;
  for (struct dirent *entry; result == 0 && *busy == NULL && (entry = readdir(directory)) != NULL;) {
    if (!is_cgroup(entry)) continue;
    if (unlinkat(at, entry->d_name, AT_REMOVEDIR) == 0) ++*removed;
    else if (errno == EBUSY || errno == ENOTEMPTY) result = (*busy = strdup(entry->d_name)) == NULL ? -1 : 0;
    else if (!is_gone(errno)) result = -1;
  }
  closedir(directory);
  return result;
}

// 1 when nothing is left below `at`, 0 when a cgroup stays busy, -1. One descriptor at a time, so that no depth is too deep.
static int remove_below(int at) {
  bool entered = false; // `at` was in the way, and we have just come into it
  for (int depth = 0, removed;;) {
    char *busy;
    int result = remove_children(at, &busy, &removed), next;
    if (result < 0 || (busy == NULL && (depth == 0 || (entered && removed == 0)))) { // one with none below has processes
      close(at);
      return result < 0 ? -1 : depth == 0;
    }
    next = busy != NULL ? open_below(at, busy) : openat(at, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    entered = busy != NULL;
    free(busy);
    if (next < 0 && entered && is_gone(errno)) continue; // somebody else has removed it
    close(at);
    if (next < 0) return -1;
    depth += entered ? 1 : -1;
    at = next;
  }
}

int cgroup_remove_below(const char *path, struct failure *failure) {
  int top = open_below(AT_FDCWD, path);
  if (top < 0) return is_gone(errno) ? 1 : fail(failure, "open", path);
  int result = remove_below(top);
  return result < 0 ? fail(failure, "rmdir", path) : result;
}

enum { DEEPEST = 100 }; // each level costs a descriptor

static int collect(FILE *into, int at, int depth) {
  char text[4096];
  int procs = openat(at, "cgroup.procs", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  // reading fails in a threaded cgroup (EOPNOTSUPP): its domain has the processes
  for (ssize_t size; procs >= 0 && (size = read(procs, text, sizeof text)) > 0;) fwrite(text, 1, (size_t)size, into);
  if (procs >= 0) close(procs);
  int again = open_below(at, ".");
  DIR *directory = again < 0 ? NULL : fdopendir(again);
  if (directory == NULL) return is_gone(errno) ? 0 : -1;
  for (struct dirent *entry; depth < DEEPEST && (entry = readdir(directory)) != NULL;) {
    int child = is_cgroup(entry) ? open_below(at, entry->d_name) : -1;
    if (child < 0) continue;
    collect(into, child, depth + 1);
    close(child);
  }
  closedir(directory);
  return 0;
}

int cgroup_processes(const char *path, struct bytes *out, struct failure *failure) {
  *out = (struct bytes){ 0 };
  FILE *into = open_memstream(&out->data, &out->size);
  if (into == NULL) return fail(failure, "malloc", path);
  int top = open_below(AT_FDCWD, path);
  int result = top < 0 ? (is_gone(errno) ? 0 : -1) : collect(into, top, 0);
  if (result < 0) fail(failure, "open", path);
  if (top >= 0) close(top);
  fclose(into);
  if (result < 0) free(out->data);
  return result;
}
