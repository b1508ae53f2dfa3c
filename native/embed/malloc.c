// malloc(3) for the rest of the program, from the same arena: musl's asks the kernel for pages, and gives them back, much
// too often for a process that lives for a millisecond. The process has one thread.
#include "arena.h"
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static JSMallocState state = { .malloc_limit = SIZE_MAX };

static void *checked(void *memory) {
  if (memory == NULL) errno = ENOMEM;
  return memory;
}

void *malloc(size_t size) { return checked(arena.js_malloc(&state, size ? size : 1)); }

void *calloc(size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) return checked(NULL);
  void *memory = malloc(bytes);
  return memory == NULL ? NULL : memset(memory, 0, bytes);
}

void *realloc(void *memory, size_t size) { return checked(arena.js_realloc(&state, memory, size ? size : 1)); }

void free(void *memory) { arena.js_free(&state, memory); }
