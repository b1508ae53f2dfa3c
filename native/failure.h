/* How C reports that something failed: a function returns -1 and says here which call failed, with which errno, on what. */
#ifndef RUNTS_FAILURE_H
#define RUNTS_FAILURE_H

#include <errno.h>
#include <stddef.h>

struct failure {
  const char *call; /* the system call, a string constant: "openat2" */
  int err;          /* positive errno */
  char detail[512]; /* what it was called on; cut, always terminated */
};

/**
 * Records errno (read first, kept) for `call` on `detail` (may be NULL) and returns -1.
 * `f` may be NULL where nobody asks why.
 */
static inline int fail(struct failure *f, const char *call, const char *detail) {
  if (f == NULL) return -1;
  f->err = errno;
  f->call = call;
  size_t n = 0;
  if (detail != NULL)
    for (; n < sizeof f->detail - 1 && detail[n] != '\0'; n++) f->detail[n] = detail[n];
  f->detail[n] = '\0';
  return -1;
}

#endif
