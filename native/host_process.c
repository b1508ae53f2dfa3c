// What is set on the container's process from outside, because inside its user namespace it would not be allowed.
#define _GNU_SOURCE
#include "host.h"
#include "schedule.h"
#include <sys/resource.h>

int host_rlimit(struct walk *walk, const struct step *step) {
  struct rlimit limit = { step->n[1], step->n[2] };
  return prlimit(walk->slots[SLOT_PID], (int)step->n[0], &limit, NULL) < 0 ? walk_fail(walk, "prlimit", NULL) : 0;
}

// Our own: init inherits it before it is moved to a cgroup whose cpuset may allow other CPUs (config.md, execCPUAffinity).
int host_affinity(struct walk *walk, const struct step *step) { return set_affinity(walk, step, 0); }
