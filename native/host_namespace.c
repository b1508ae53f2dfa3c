// Namespaces and id maps, from outside.
#define _GNU_SOURCE
#include "host.h"
#include "namespace.h"
#include "process.h"
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int host_open_namespace(struct walk *walk, const struct step *step) {
  int descriptor = namespace_open(walk_string(walk, step, 0), (int)step->n[1], &walk->failure);
  if (descriptor < 0) return -1;
  slot_set(walk, step->n[0], descriptor);
  return 0;
}

int host_join(struct walk *walk, const struct step *step) {
  int descriptor = slot_get(walk, step->n[0]);
  if (descriptor < 0) return -1;
  return setns(descriptor, (int)step->n[1]) < 0 ? walk_fail(walk, "setns", NULL) : 0;
}

int host_open_process(struct walk *walk, const struct step *step) {
  int pidfd = process_open((pid_t)step->n[1], step->n[2], &walk->failure);
  if (pidfd == PROCESS_GONE) {
    errno = ESRCH;
    return walk_fail(walk, "pidfd_open", NULL);
  }
  if (pidfd < 0) return -1;
  slot_set(walk, step->n[0], pidfd);
  return 0;
}

// One write(2): the kernel takes a map or a setting whole or not at all (user_namespaces(7)).
static int write_proc(pid_t pid, const char *file, const char *value, size_t size, struct failure *failure) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
  int descriptor = open(path, O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) return fail(failure, "open", file);
  int result = write(descriptor, value, size) == (ssize_t)size ? 0 : fail(failure, "write", file);
  close(descriptor);
  return result;
}

static int write_maps(pid_t pid, bool deny_setgroups, struct text uids, struct text gids, struct failure *failure) {
  // setgroups must be denied before an unprivileged gid_map (CVE-2014-8989)
  if (deny_setgroups && write_proc(pid, "setgroups", "deny", 4, failure) < 0) return -1;
  if (write_proc(pid, "gid_map", gids.data, gids.size, failure) < 0) return -1;
  return write_proc(pid, "uid_map", uids.data, uids.size, failure);
}

int host_id_map(struct walk *walk, const struct step *step) {
  return write_maps(walk->slots[SLOT_PID], step->n[0] != 0, walk_text(walk, step, 0), walk_text(walk, step, 1), &walk->failure);
}

// newuidmap(1), newgidmap(1): PROGRAM PID INSIDE OUTSIDE COUNT ...
int host_id_map_helper(struct walk *walk, const struct step *step) {
  const char *program = walk_string(walk, step, 0), *argv[3 + 3 * 340 + 1];
  char pid[12];
  int count = 0;
  uint32_t cursor = 0;
  struct text list = walk_text(walk, step, 1);
  snprintf(pid, sizeof pid, "%d", walk->slots[SLOT_PID]);
  argv[count++] = program;
  argv[count++] = pid;
  while (count < 3 + 3 * 340 && (argv[count] = text_next(list, &cursor))) count++;
  argv[count] = NULL;
  pid_t child = fork();
  if (child == 0) {
    execv(program, (char *const *)argv);
    _exit(127);
  }
  int status = 0;
  if (child < 0) return walk_fail(walk, "fork", program);
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return 0;
  errno = WIFEXITED(status) && WEXITSTATUS(status) == 127 ? ENOENT : EPERM;
  return walk_fail(walk, "id_map_helper", program);
}

int host_proc_write(struct walk *walk, const struct step *step) {
  struct text value = walk_text(walk, step, 1);
  return write_proc(walk->slots[SLOT_PID], walk_string(walk, step, 0), value.data, value.size, &walk->failure);
}

// A user namespace that exists only to carry the id maps of an idmapped mount (mount_setattr(2), MOUNT_ATTR_IDMAP).
int host_user_namespace(struct walk *walk, const struct step *step) {
  struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
  pid_t parent = getpid();
  long pid = syscall(SYS_clone3, &args, sizeof args);
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL); // nobody else would know of this process
    while (getppid() == parent) pause();
    _exit(0);
  }
  if (pid < 0) return walk_fail(walk, "clone3", "user namespace");
  char path[64];
  int descriptor = -1;
  snprintf(path, sizeof path, "/proc/%ld/ns/user", pid);
  if (write_maps((pid_t)pid, false, walk_text(walk, step, 0), walk_text(walk, step, 1), &walk->failure) == 0) {
    descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) walk_fail(walk, "open", path);
  }
  kill((pid_t)pid, SIGKILL);
  waitpid((pid_t)pid, NULL, 0);
  if (descriptor < 0) return -1;
  slot_set(walk, step->n[0], descriptor);
  return 0;
}
