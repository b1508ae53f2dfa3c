// Which blocks of the snapshot commands read, and which they write to, mostly to their reference counts. Those shall lie together:
// each page that is written to has to be copied from the file, and each that is read to be mapped.
#ifndef RUNTS_REHEARSAL_H
#define RUNTS_REHEARSAL_H
#include "arena.h"

// Performs again and again, each time in a child with the blocks known so far already together, until nothing more is found.
// `prepare` makes the heap, `perform` runs commands. Returns the uses, NULL after a failure.
struct arena_uses *rehearse(void (*prepare)(struct arena_uses *uses), void (*perform)(void));
#endif
