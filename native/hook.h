#ifndef RUNTS_HOOK_H
#define RUNTS_HOOK_H
#include "walk.h"
// Runs one hook of the runtime-spec ("POSIX-platform Hooks") to its end, with the container's state on its standard input.
// Fails with call "hook"; the detail is the path, how it ended ("exit N", "signal N", "timeout") and the last of its output,
// each behind a line break.
int hook_run(struct walk *walk, const struct step *step);
#endif
