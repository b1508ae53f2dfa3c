#define _GNU_SOURCE
#include "schedule.h"
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

// sched_setattr(2): neither glibc 2.36 nor musl declares it
struct attributes {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
};

int set_scheduler(struct walk *walk, const struct step *step, pid_t pid) {
  struct attributes attributes = {
    .size = sizeof attributes,
    .policy = (uint32_t)step->n[0],
    .flags = step->n[1],
    .nice = (int32_t)step->n[2],
    .priority = (uint32_t)step->n[3],
    .runtime = step->n[4],
    .deadline = step->n[5],
    .period = step->n[6],
  };
  return syscall(SYS_sched_setattr, pid, &attributes, 0) < 0 ? walk_fail(walk, "sched_setattr", NULL) : 0;
}

// The text is the kernel's own bit mask, as long as the planner needs it.
int set_affinity(struct walk *walk, const struct step *step, pid_t pid) {
  struct text mask = walk_text(walk, step, 0);
  return syscall(SYS_sched_setaffinity, pid, mask.size, mask.data) < 0 ? walk_fail(walk, "sched_setaffinity", NULL) : 0;
}
