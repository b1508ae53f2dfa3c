// The plan as C sees it: a header, fixed-size step records, a string table. Little-endian, no pointers.
// src/plan/encode.ts and WalkBegin (addon_walk.cc) write it. Nothing is believed before plan_check has looked at it.
#ifndef RUNTS_PLAN_H
#define RUNTS_PLAN_H
#include "steps.h"
#include <stddef.h>
#include <stdint.h>

#define PLAN_MAGIC UINT32_C(0x53544e52) // "RNTS"
#define STEP_NUMBERS 8
#define STEP_TEXTS 6

struct plan_header {
  uint32_t magic, version;
  uint64_t table_hash;
  uint32_t size;         // of the whole plan, in bytes
  uint32_t step_count;   // records right behind the header
  uint32_t strings;      // offset of the string table
  uint32_t strings_size; // its length, in bytes
};

struct step {
  uint16_t kind;       // enum step_kind
  uint8_t actor;       // enum step_actor
  uint8_t else_count;  // that many steps behind this one run only when this one fails with one of `tolerated`
  uint16_t tolerated[4]; // errno values, 0 = unused
  uint32_t meanwhile;    // the host's: init goes on at the same time, up to the next step without this mark
  uint64_t n[STEP_NUMBERS];
  uint32_t s[STEP_TEXTS]; // offsets into the string table: u32 length, bytes, NUL
};

struct plan {
  const struct plan_header *header;
  const struct step *steps;
  const uint8_t *bytes;
};

struct text {
  const char *data; // NUL-terminated
  uint32_t size;    // without the NUL; may contain NUL (lists, programs)
};

// Checks every offset and number once, so that the accessors below cannot go wrong. 0, or -1 for a damaged plan.
int plan_check(struct plan *plan, const void *bytes, size_t size);
struct text step_text(const struct plan *plan, const struct step *step, int index);
static inline const char *step_string(const struct plan *plan, const struct step *step, int index) {
  return step_text(plan, step, index).data;
}

// Walks a NUL-separated list: *cursor starts at 0; NULL at the end.
const char *text_next(struct text list, uint32_t *cursor);
uint32_t text_count(struct text list);
#endif
