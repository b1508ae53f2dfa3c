// Properties of the process that are neither identity nor program.
#define _GNU_SOURCE
#include "init.h"
#include "path.h"
#include "schedule.h"
#include <fcntl.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

int init_rlimit(struct walk *walk, const struct step *step) {
  struct rlimit limit = { step->n[1], step->n[2] };
  return prlimit(0, (int)step->n[0], &limit, NULL) < 0 ? walk_fail(walk, "prlimit", NULL) : 0;
}

int init_scheduler(struct walk *walk, const struct step *step) { return set_scheduler(walk, step, 0); }
int init_affinity(struct walk *walk, const struct step *step) { return set_affinity(walk, step, 0); }

int init_io_priority(struct walk *walk, const struct step *step) {
  return syscall(SYS_ioprio_set, 2 /* IOPRIO_WHO_PGRP */, 0, (int)step->n[0]) < 0 ? walk_fail(walk, "ioprio_set", NULL) : 0;
}

int init_personality(struct walk *walk, const struct step *step) { return personality(step->n[0]) < 0 ? walk_fail(walk, "personality", NULL) : 0; }

int init_memory_policy(struct walk *walk, const struct step *step) {
  struct text nodes = walk_text(walk, step, 0);
  unsigned long mask[nodes.size / sizeof(unsigned long) + 1];
  memset(mask, 0, sizeof mask);
  memcpy(mask, nodes.data, nodes.size);
  // the kernel reads one bit less than it is told (set_mempolicy(2), BUGS)
  long result = syscall(SYS_set_mempolicy, (int)step->n[0], nodes.size ? mask : NULL, nodes.size ? nodes.size * 8 + 1 : 0);
  return result < 0 ? walk_fail(walk, "set_mempolicy", NULL) : 0;
}

// A directory that leads out of the root has no name in it: "(unreachable)..." (CVE-2024-21626)
static int verify_directory(struct walk *walk, const char *path) {
  char name[4096];
  long size = syscall(SYS_getcwd, name, sizeof name);
  if (size > 0 && name[0] == '/') return 0;
  if (size >= 0) errno = ENOENT;
  return walk_fail(walk, "getcwd", path);
}

int init_working_directory(struct walk *walk, const struct step *step) {
  const char *path = walk_string(walk, step, 0);
  if (step->n[0] == DIRECTORY_MAKE) {
    int directory = path_make(walk->slots[SLOT_ROOT], path, true, false, &walk->failure);
    if (directory >= 0) close(directory);
    return directory < 0 ? -1 : 0;
  }
  if (step->n[0] == DIRECTORY_RETRY && walk->program->in_directory) return 0;
  if (step->n[0] == DIRECTORY_TRY && walk->slots[SLOT_ROOT] >= 0) { // no way through /proc/self/fd (CVE-2024-21626)
    int directory = path_open(walk->slots[SLOT_ROOT], path, O_DIRECTORY, false, &walk->failure);
    if (directory >= 0) close(directory);
    else if (walk->failure.err == ELOOP || walk->failure.err == ENOTDIR) return -1;
  }
  if (chdir(path) < 0) return walk_fail(walk, "chdir", path);
  walk->program->in_directory = true;
  return verify_directory(walk, path);
}

// Container configurations may have a seccomp filter that is older than close_range(2) (Linux 5.9) and is in force by now.
// What is open here was opened after main() had closed the rest, and has a low number.
static int close_all_on_exec(void) {
  if (syscall(SYS_close_range, 3, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */) == 0) return 0;
  for (int i = 3; i < 1024; i++)
    if (fcntl(i, F_SETFD, FD_CLOEXEC) < 0 && errno != EBADF) return -1;
  return 0;
}

// The last of our own work: from here on the end of the socket, which closes at execve, means success.
int init_keep_descriptors(struct walk *walk, const struct step *step) {
  struct message message = { .type = MESSAGE_EXECUTED };
  if (message_send(walk, &message) < 0) init_leave(1);
  if (close_all_on_exec() < 0) return walk_fail(walk, "close_range", NULL);
  for (int i = 3; i < 64; i++)
    if (step->n[0] >> i & 1) fcntl(i, F_SETFD, 0);
  return 0;
}
