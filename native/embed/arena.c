// The engine's memory. A command lives for a millisecond and gives nothing back to the kernel, so this is as simple as can
// be: sizes in classes, a list of free blocks for each, new blocks cut from chunks whose pages the kernel has made present
// at once (a page fault each would cost three times as much). The first chunk is part of the snapshot.
#define _GNU_SOURCE
#include "arena.h"
#include "snapshot.h"
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
  HEADER = 8, // in front of each block, which itself is aligned to 16: its class
  STEP = 16,
  SMALL = 64,                // classes of blocks up to SMALL * STEP bytes, header included; beyond, four classes to a doubling
  CLASSES = SMALL + 4 * 28,  // up to 2^38 bytes
  CHUNK = 32 << 10, MAX_CHUNK = 256 << 10, // each a quarter of what there is already, but within these
  FIRST_CHUNK = 1280 << 10, // for all that the snapshot holds
  LARGEST_MOVED = 2 << 10,  // larger blocks are used here and there
  PAGE = 4096,
};

struct block {
  struct block *next; // only while it is free
};

static SNAPSHOT struct block *unused[CLASSES];
static SNAPSHOT uint8_t *fresh, *fresh_end;
static size_t chunk_size = CHUNK, chunks;
static SNAPSHOT _Alignas(4096) uint8_t first_chunk[FIRST_CHUNK];

// While the snapshot is made: what is written to comes first, then what is only read, then the rest.
static struct {
  struct arena_uses *uses, *found; // of the snapshot that is made, of the one that is watched
  uint8_t *next[ARENA_USES], *end[ARENA_USES]; // the room for each use; the rest is cut from `fresh`
  uint32_t count;
  struct place {
    uint32_t begin, end; // offsets in the first chunk; nothing of one that could not be moved
  } places[ARENA_NUMBERS];
  uint8_t allowed[FIRST_CHUNK / PAGE]; // arena_watch: the use that each page allows
} taking;

// The first class that has `size` bytes; bytes of a class. Header included.
static unsigned class_of(size_t size) {
  if (size <= SMALL * STEP) return (unsigned)((size + STEP - 1) / STEP - 1);
  unsigned doubling = 63 - (unsigned)__builtin_clzll(size - 1); // 2^doubling < size <= 2^(doubling + 1)
  return SMALL + 4 * (doubling - 10) + (unsigned)(((size - 1) >> (doubling - 2)) & 3);
}

static size_t bytes_of(unsigned class) {
  if (class < SMALL) return (size_t)(class + 1) * STEP;
  unsigned doubling = (class - SMALL) / 4 + 10, quarter = (class - SMALL) % 4;
  return ((size_t)1 << doubling) + ((size_t)(quarter + 1) << (doubling - 2));
}

static unsigned *class_at(void *block) { return (unsigned *)(void *)((uint8_t *)block - HEADER); }

static size_t usable(const void *block) { return block ? bytes_of(*class_at((void *)(uintptr_t)block)) - HEADER : 0; }

// The engine does not survive every allocation that fails: it was seen to crash. So the process ends as if it had been killed
// here, which every command is made for, but not without a word.
__attribute__((noreturn)) static void give_up(void) {
  static const char message[] = "runts: cannot allocate memory\n";
  ssize_t written = write(2, message, sizeof message - 1);
  (void)written; // there is nowhere left to report it
  _exit(1);
}

// A new block. What is left of a chunk that is too small for it is lost: at most an eighth, as larger blocks have their own.
static void *cut(size_t bytes) {
  if (bytes > (size_t)(fresh_end - fresh)) {
    bool own = bytes > chunk_size / 8;
    size_t size = own ? (bytes + STEP + 4095) & ~(size_t)4095 : chunk_size;
    uint8_t *chunk = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (chunk == MAP_FAILED) give_up();
    if (own) return chunk + STEP;
    chunks += size;
    while (chunk_size < MAX_CHUNK && chunk_size < chunks / 4) chunk_size *= 2;
    fresh = chunk + STEP - HEADER;
    fresh_end = chunk + size;
  }
  void *block = fresh + HEADER;
  fresh += bytes;
  return block;
}

static void *allocate_anywhere(unsigned class) {
  struct block *block = unused[class];
  if (!block) return cut(bytes_of(class));
  unused[class] = block->next;
  return block;
}

static void *allocate_for_snapshot(unsigned class) {
  size_t bytes = bytes_of(class);
  uint32_t number = taking.count < ARENA_NUMBERS ? taking.count++ : 0;
  uint8_t use = taking.uses->of[number];
  taking.uses->bytes[number] = (uint16_t)bytes;
  bool has_room = use != ARENA_IDLE && bytes <= (size_t)(taking.end[use] - taking.next[use]);
  uint8_t *block = has_room ? taking.next[use] + HEADER : allocate_anywhere(class);
  if (has_room) taking.next[use] += bytes;
  uint32_t begin = (uint32_t)(block - HEADER - first_chunk);
  taking.places[number] = bytes <= LARGEST_MOVED ? (struct place){ begin, begin + (uint32_t)bytes } : (struct place){ 0, 0 };
  return block;
}

// Blocks in a room of their own are not used again for others while the snapshot is made.
static bool in_room(const void *block) {
  return taking.uses && (const uint8_t *)block >= first_chunk && (const uint8_t *)block < taking.end[ARENA_READ];
}

static void *allocate(JSMallocState *state, size_t size) {
  if (size > SIZE_MAX - HEADER) return NULL;
  unsigned class = class_of(size + HEADER);
  size_t bytes = bytes_of(class);
  if (state->malloc_size + bytes > state->malloc_limit || class >= CLASSES) return NULL;
  void *block = taking.uses ? allocate_for_snapshot(class) : allocate_anywhere(class);
  if (!block) return NULL;
  *class_at(block) = class;
  state->malloc_count++;
  state->malloc_size += bytes;
  return block;
}

static void release(JSMallocState *state, void *pointer) {
  if (!pointer) return;
  struct block *block = pointer;
  unsigned class = *class_at(block);
  if (!in_room(pointer)) {
    block->next = unused[class];
    unused[class] = block;
  }
  state->malloc_count--;
  state->malloc_size -= bytes_of(class);
}

static void *resize(JSMallocState *state, void *block, size_t size) {
  if (!block) return size ? allocate(state, size) : NULL;
  if (size == 0) {
    release(state, block);
    return NULL;
  }
  size_t room = usable(block);
  if (size <= room) return block;
  void *larger = allocate(state, size);
  if (!larger) return NULL;
  memcpy(larger, block, room);
  release(state, block);
  return larger;
}

void arena_begin_snapshot(struct arena_uses *uses) {
  uint8_t *at = first_chunk + STEP - HEADER;
  taking.uses = uses;
  for (int use = ARENA_WRITTEN; use > ARENA_IDLE; use--) {
    taking.next[use] = at;
    for (uint32_t i = 0; i < ARENA_NUMBERS; i++)
      if (uses->of[i] == use) at += uses->bytes[i];
    taking.end[use] = at;
  }
  fresh = at;
  fresh_end = first_chunk + FIRST_CHUNK;
}

// The rest of the first chunk, and what was freed in it, would be copied from the file page by page: a chunk from the kernel
// is cheaper.
bool arena_end_snapshot(void) {
  bool inside = fresh >= first_chunk && fresh <= first_chunk + FIRST_CHUNK && taking.count < ARENA_NUMBERS;
  fresh = fresh_end = NULL;
  memset(unused, 0, sizeof unused);
  taking.uses = NULL;
  return inside;
}

static const int protections[ARENA_USES] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE };

// A page that two rooms share allows what the one with less use does.
void arena_watch(void) {
  taking.found = taking.uses;
  arena_end_snapshot();
  for (size_t i = 0; i < sizeof taking.allowed; i++) {
    const uint8_t *end = first_chunk + (i + 1) * PAGE;
    taking.allowed[i] = end <= taking.end[ARENA_WRITTEN] ? ARENA_WRITTEN : end <= taking.end[ARENA_READ] ? ARENA_READ : ARENA_IDLE;
    mprotect(first_chunk + i * PAGE, PAGE, protections[taking.allowed[i]]);
  }
}

// The number of the block at an offset of the first chunk, -1 when there is none that could be moved.
static int number_at(size_t offset) {
  for (uint32_t i = taking.count; i-- > 0;) // the last that got this place
    if (offset >= taking.places[i].begin && offset < taking.places[i].end) return (int)i;
  return -1;
}

bool arena_note_use(void *address, uint32_t *count) {
  size_t offset = (size_t)((uint8_t *)address - first_chunk), page = offset / PAGE;
  if ((uint8_t *)address < first_chunk || offset >= FIRST_CHUNK || taking.allowed[page] == ARENA_WRITTEN) return false;
  uint8_t use = ++taking.allowed[page];
  mprotect(first_chunk + page * PAGE, PAGE, protections[use]);
  int number = number_at(offset);
  if (number < 0 || taking.found->of[number] >= use) return true;
  taking.found->of[number] = use;
  ++*count;
  return true;
}

const JSMallocFunctions arena = { allocate, release, resize, usable };
