#define _GNU_SOURCE
#include "open_device.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

int open_device(struct walk *walk, const struct step *step) {
  struct stat st;
  const char *path = walk_string(walk, step, 0);
  int descriptor = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor < 0) return walk_fail(walk, "open", path);
  if (fstat(descriptor, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev((unsigned)step->n[1], (unsigned)step->n[2])) {
    slot_set(walk, step->n[0], descriptor);
    return 0;
  }
  close(descriptor);
  errno = ENODEV;
  return walk_fail(walk, "fstat", path);
}
