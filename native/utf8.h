// UTF-8 by RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
#ifndef RUNTS_UTF8_H
#define RUNTS_UTF8_H
#include <stddef.h>

// Length in bytes of the longest valid beginning; equal to `size` when all of it is valid.
size_t utf8_prefix(const char *text, size_t size);
#endif
