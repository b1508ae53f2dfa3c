// Feeds damaged plans to plan_check and reads all that it accepts, under AddressSanitizer: fuzz_plan FILE SEED ROUNDS
#include "../../native/plan.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state;

// xorshift64*: the same on every machine
static uint32_t next(uint32_t below) {
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return (uint32_t)((state * UINT64_C(0x2545F4914F6CDD1D)) >> 32) % below;
}

static const uint32_t edges[] = { 0, 1, 4, 5, 7, 8, 31, 32, 103, 104, 255, 256, 0x7fffffff, 0x80000000, 0xfffffff0, 0xfffffffb, 0xfffffffc, 0xffffffff };

static void put32(uint8_t *at, uint32_t value) { memcpy(at, &value, sizeof value); }

static uint32_t get32(const uint8_t *at) {
  uint32_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

// One change: a bit, a byte, or a number that is likely to be an offset or a length.
static void damage(uint8_t *bytes, uint32_t size) {
  // most places are in the strings; half of the changes go to the header, the records and the lengths
  uint32_t head = (uint32_t)sizeof(struct plan_header), place = next(2) ? next(size) : next(size < 4 * head ? size : 4 * head);
  if (size < 4) return;
  switch (next(5)) {
  case 0: bytes[place] ^= (uint8_t)(1u << next(8)); break;
  case 1: bytes[place] = (uint8_t)next(256); break;
  case 2: put32(bytes + place % (size - 3) / 4 * 4, edges[next(sizeof edges / sizeof *edges)]); break;
  case 3: put32(bytes + place % (size - 3), next(size + 16)); break;
  default: place = place % (size - 3) / 4 * 4, put32(bytes + place, get32(bytes + place) + next(9) - 4);
  }
}

// A plan of another length, with a header that agrees more often than not: what a careless check would believe.
static uint32_t resize(uint8_t *bytes, uint32_t size) {
  uint32_t shorter = size - next(size < 64 ? size : 64) % size;
  if (shorter >= sizeof(struct plan_header) && next(4)) {
    struct plan_header header;
    memcpy(&header, bytes, sizeof header);
    header.size = shorter;
    header.strings_size = shorter - header.strings;
    memcpy(bytes, &header, sizeof header);
  }
  return shorter;
}

static uint64_t read_text(const struct plan *plan, const struct step *step, int index) {
  struct text text = step_text(plan, step, index);
  uint64_t sum = text.data[text.size]; // its NUL
  for (uint32_t i = 0; i < text.size; i++) sum += (uint8_t)text.data[i];
  uint32_t cursor = 0, count = 0;
  for (const char *item; (item = text_next(text, &cursor)); count++) sum += strlen(item);
  if (count != text_count(text)) abort();
  return sum + strlen(step_string(plan, step, index));
}

static uint64_t read_plan(const struct plan *plan) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < plan->header->step_count; i++) {
    const struct step *step = &plan->steps[i];
    if (i + 1 + step->else_count > plan->header->step_count) abort(); // where a walk would go on
    if (step->kind == 0 || step->kind >= STEP_COUNT) abort();
    for (int n = 0; n < STEP_NUMBERS; n++) sum += step->n[n];
    for (int s = 0; s < STEP_TEXTS; s++) sum += read_text(plan, step, s);
  }
  return sum;
}

static uint8_t *read_file(const char *path, uint32_t *size) {
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END) < 0) return NULL;
  *size = (uint32_t)ftell(file);
  rewind(file);
  uint8_t *bytes = malloc(*size);
  if (!bytes || fread(bytes, 1, *size, file) != *size) return NULL;
  fclose(file);
  return bytes;
}

// A plan whose end is missing must never be believed.
static void cut(const uint8_t *good, uint32_t size) {
  struct plan plan;
  for (uint32_t length = 1; length < size; length++) {
    uint8_t *exact = malloc(length);
    if (!exact) abort();
    memcpy(exact, good, length);
    if (plan_check(&plan, exact, length) == 0) abort();
    free(exact);
  }
}

int main(int argc, char **argv) {
  uint32_t size, accepted = 0;
  uint64_t sum = 0;
  struct plan plan;
  uint8_t *good = argc == 4 ? read_file(argv[1], &size) : NULL;
  if (!good || plan_check(&plan, good, size) < 0) {
    fputs("a valid plan expected\n", stderr);
    return 1;
  }
  sum += read_plan(&plan);
  cut(good, size);
  state = strtoull(argv[2], NULL, 10) | 1;
  uint32_t rounds = (uint32_t)strtoul(argv[3], NULL, 10);
  for (uint32_t round = 0; round < rounds; round++) {
    uint8_t *work = malloc(size);
    if (!work) return 1;
    memcpy(work, good, size);
    for (uint32_t changes = 1 + next(3); changes > 0; changes--) damage(work, size);
    uint32_t length = next(4) ? size : resize(work, size);
    uint8_t *exact = malloc(length); // so that reading beyond its end is seen
    if (!exact) return 1;
    memcpy(exact, work, length);
    if (plan_check(&plan, exact, length) == 0) {
      accepted++;
      sum += read_plan(&plan);
    }
    free(exact);
    free(work);
  }
  free(good);
  printf("%" PRIu32 " accepted, %" PRIu32 " refused, sum %" PRIu64 "\n", accepted, rounds - accepted, sum);
  return 0;
}
