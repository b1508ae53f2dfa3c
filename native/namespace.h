#ifndef RUNTS_NAMESPACE_H
#define RUNTS_NAMESPACE_H
#include "failure.h"
// Opens a namespace file and checks that it is one of the wanted CLONE_NEW* type. The descriptor, or -1 (EINVAL: another type).
int namespace_open(const char *path, int type, struct failure *failure);
// Brings up the loopback interface of the network namespace that we are in. 0 or -1.
int loopback_up(struct failure *failure);
#endif
