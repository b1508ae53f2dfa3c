// The steps scheduler and affinity, on any process.
#ifndef RUNTS_SCHEDULE_H
#define RUNTS_SCHEDULE_H
#include "walk.h"
int set_scheduler(struct walk *walk, const struct step *step, pid_t pid);
int set_affinity(struct walk *walk, const struct step *step, pid_t pid);
#endif
