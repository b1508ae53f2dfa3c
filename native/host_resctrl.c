// resctrl: classes of service and monitoring groups are directories (Documentation/filesystems/resctrl.rst).
#define _GNU_SOURCE
#include "host.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_file(struct walk *walk, const char *directory, const char *name, const char *text, size_t size) {
  char path[4096];
  if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path) {
    errno = ENAMETOOLONG;
    return walk_fail(walk, "open", directory);
  }
  int descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor < 0) return walk_fail(walk, "open", path);
  int result = write(descriptor, text, size) == (ssize_t)size ? 0 : walk_fail(walk, "write", path);
  close(descriptor);
  return result;
}

int host_resctrl_make(struct walk *walk, const struct step *step) {
  const char *path = walk_string(walk, step, 0);
  struct text schemata = walk_text(walk, step, 1);
  if (mkdir(path, 0755) < 0 && errno != EEXIST) return walk_fail(walk, "mkdir", path);
  return schemata.size == 0 ? 0 : write_file(walk, path, "schemata", schemata.data, schemata.size);
}

int host_resctrl_join(struct walk *walk, const struct step *step) {
  char pid[16];
  int size = snprintf(pid, sizeof pid, "%d", walk->slots[SLOT_PID]);
  return write_file(walk, walk_string(walk, step, 0), "tasks", pid, (size_t)size);
}
