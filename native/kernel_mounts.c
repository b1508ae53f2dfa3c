// --no-pivot leaves the old root below the new one. A whole procfs or sysfs there would have nothing masked, for whoever
// finds a way out of the chroot: it goes, or is covered where it is locked (mount_namespaces(7)).
#define _GNU_SOURCE
#include "init.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

enum { MOST = 1024 };

// \040 and the like: a space, a tab, a line break or a backslash (proc_pid_mountinfo(5))
static void unescape(char *text) {
  char *to = text;
  for (const char *from = text; *from; to++) {
    if (from[0] == '\\' && strspn(from + 1, "01234567") >= 3) {
      *to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
      from += 4;
    } else *to = *from++;
  }
  *to = '\0';
}

static bool within(const char *path, const char *directory) {
  size_t length = strlen(directory);
  return strncmp(path, directory, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

// "ID PARENT MAJOR:MINOR ROOT PLACE OPTIONS [TAG...] - TYPE SOURCE OPTIONS": the place when it is what we look for, else NULL.
static char *place_of(char *line) {
  char *type = strstr(line, " - "), *field = line;
  if (!type || (strncmp(type + 3, "proc ", 5) != 0 && strncmp(type + 3, "sysfs ", 6) != 0)) return NULL;
  for (int i = 0; i < 3 && field; i++) field = strchr(field, ' '), field = field ? field + 1 : NULL;
  if (!field || strncmp(field, "/ ", 2) != 0) return NULL; // only a part of it
  char *place = field + 2;
  place[strcspn(place, " ")] = '\0';
  unescape(place);
  return place;
}

int detach_kernel_mounts(struct walk *walk, const char *root) {
  char *places[MOST], *line = NULL;
  size_t room = 0;
  int count = 0, result = 0;
  FILE *mounts = fopen("/proc/self/mountinfo", "re");
  if (!mounts) return walk_fail(walk, "open", "/proc/self/mountinfo");
  while (result == 0 && getline(&line, &room, mounts) > 0) {
    const char *place = place_of(line);
    if (!place || within(place, root)) continue;
    errno = E2BIG;
    if (count < MOST && (places[count] = strdup(place))) count++;
    else result = walk_fail(walk, "mount", place); // none may be left
  }
  fclose(mounts);
  free(line);
  while (count > 0) { // what was mounted last is on top
    char *place = places[--count];
    if (result == 0 && umount2(place, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 &&
        mount("tmpfs", place, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "nr_blocks=1,nr_inodes=1") < 0)
      result = walk_fail(walk, "mount", place);
    free(place);
  }
  return result;
}
