#include "plan.h"
#include <string.h>

_Static_assert(sizeof(struct plan_header) == 32, "the plan's header is a wire format");
_Static_assert(sizeof(struct step) == 104, "a step's record is a wire format");
_Static_assert(sizeof(struct text) >= 8, "texts carry a length");

static int check_text(const struct plan *plan, uint32_t offset) {
  uint32_t total = plan->header->strings_size, length;
  if (offset > total || total - offset < sizeof length + 1) return -1;
  const uint8_t *at = plan->bytes + plan->header->strings + offset;
  memcpy(&length, at, sizeof length);
  if (length > total - offset - sizeof length - 1) return -1;
  return at[sizeof length + length] == 0 ? 0 : -1;
}

static int check_step(const struct plan *plan, uint32_t index) {
  const struct step *step = &plan->steps[index];
  if (step->kind == 0 || step->kind >= STEP_COUNT || step->actor > ACTOR_TYPESCRIPT) return -1;
  if (step->else_count > plan->header->step_count - index - 1) return -1;
  for (int i = 0; i < STEP_TEXTS; i++)
    if (check_text(plan, step->s[i]) < 0) return -1;
  return 0;
}

int plan_check(struct plan *plan, const void *bytes, size_t size) {
  const struct plan_header *header = bytes;
  if (size < sizeof *header || (uintptr_t)bytes % 8 != 0) return -1;
  if (header->magic != PLAN_MAGIC || header->version != PLAN_VERSION || header->size != size) return -1;
  if (header->table_hash != STEP_TABLE_HASH) return -1;
  if (header->step_count > (size - sizeof *header) / sizeof(struct step)) return -1;
  if (header->strings != sizeof *header + header->step_count * sizeof(struct step)) return -1;
  if (header->strings_size != size - header->strings) return -1;
  *plan = (struct plan){ header, (const struct step *)(header + 1), bytes };
  for (uint32_t i = 0; i < header->step_count; i++)
    if (check_step(plan, i) < 0) return -1;
  return 0;
}

struct text step_text(const struct plan *plan, const struct step *step, int index) {
  const uint8_t *at = plan->bytes + plan->header->strings + step->s[index];
  uint32_t length;
  memcpy(&length, at, sizeof length);
  return (struct text){ (const char *)at + sizeof length, length };
}

const char *text_next(struct text list, uint32_t *cursor) {
  if (*cursor >= list.size) return NULL;
  const char *item = list.data + *cursor;
  *cursor += (uint32_t)strlen(item) + 1;
  return item;
}

uint32_t text_count(struct text list) {
  uint32_t cursor = 0, count = 0;
  while (text_next(list, &cursor)) count++;
  return count;
}
