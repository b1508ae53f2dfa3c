// Memory for JS_NewRuntime2: faster than malloc for a short life, never given back.
#ifndef RUNTS_ARENA_H
#define RUNTS_ARENA_H
#include <quickjs.h>
#include <stdbool.h>
#include <stdint.h>

extern const JSMallocFunctions arena;

// What commands do with the blocks of the snapshot. Allocations have the same numbers each time: nothing depends on where
// blocks are.
enum arena_use { ARENA_IDLE, ARENA_READ, ARENA_WRITTEN, ARENA_USES };
enum { ARENA_NUMBERS = 1 << 16 };
struct arena_uses {
  uint8_t of[ARENA_NUMBERS];
  uint16_t bytes[ARENA_NUMBERS]; // of the blocks, as they were in the last snapshot
};
// What is allocated in between is part of the snapshot; blocks with the same use lie together. False at the end: it did not fit.
void arena_begin_snapshot(struct arena_uses *uses);
bool arena_end_snapshot(void);
// Ends it for a rehearsal: a fault tells of the first access to each page that finds more use of it than was known.
void arena_watch(void);
// For the handler of that fault: notes the use, counts it if it is new, and lets the access pass. False: not the arena's.
bool arena_note_use(void *address, uint32_t *count);
#endif
