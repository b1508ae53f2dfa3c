#include "utf8.h"
#include <stdint.h>
#include <string.h>

// Length of the sequence that starts at p (1 to 4), 0 when it is none. RFC 3629 section 4 is this table.
static size_t sequence(const uint8_t *p, size_t left) {
  uint8_t low = 0x80, high = 0xBF; // of the second byte: this is where overlong forms and surrogates show
  size_t length;
  if (p[0] < 0x80) return 1;
  if (p[0] < 0xC2) return 0;
  if (p[0] < 0xE0) length = 2;
  else if (p[0] < 0xF0) length = 3;
  else if (p[0] < 0xF5) length = 4;
  else return 0;
  if (p[0] == 0xE0) low = 0xA0;
  if (p[0] == 0xED) high = 0x9F;
  if (p[0] == 0xF0) low = 0x90;
  if (p[0] == 0xF4) high = 0x8F;
  if (left < length || p[1] < low || p[1] > high) return 0;
  for (size_t i = 2; i < length; i++)
    if ((p[i] & 0xC0) != 0x80) return 0;
  return length;
}

size_t utf8_prefix(const char *text, size_t size) {
  const uint8_t *bytes = (const uint8_t *)text;
  size_t at = 0;
  while (at < size) {
    uint64_t word; // nearly everything is ASCII: eight bytes at a time
    if (size - at >= sizeof word) {
      memcpy(&word, bytes + at, sizeof word);
      if ((word & UINT64_C(0x8080808080808080)) == 0) {
        at += sizeof word;
        continue;
      }
    }
    size_t length = sequence(bytes + at, size - at);
    if (length == 0) break;
    at += length;
  }
  return at;
}
