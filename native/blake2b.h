// A digest that names a text: BLAKE2b (RFC 7693), unkeyed, 32 bytes.
#ifndef RUNTS_BLAKE2B_H
#define RUNTS_BLAKE2B_H
#include <stddef.h>
#include <stdint.h>

void blake2b_256(const void *data, size_t size, uint8_t digest[32]);
#endif
