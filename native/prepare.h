// A network namespace takes the kernel longer than all the others together, and no plan is needed to make it: a second thread
// does, while TypeScript makes the plan.
#ifndef RUNTS_PREPARE_H
#define RUNTS_PREPARE_H
#include "failure.h"
#include <stdbool.h>

// Begins to make a network namespace of our own user namespace, its loopback up, and the sealed copy of init. Does nothing
// where there is no processor to do it on. What fails is made again by who needs it, and reported there.
void prepare_begin(void);
// The sealed copy of init, made now if it was not made ahead. The caller closes it. -1 after a failure.
int prepared_init(struct failure *failure);
// Between the two calls we are in the network namespace that was made ahead, and so is who is born then. False when there
// is none.
bool prepared_network_enter(void);
int prepared_network_leave(struct failure *failure);
#endif
