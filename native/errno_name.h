// strerrorname_np(3) for every libc.
#ifndef RUNTS_ERRNO_NAME_H
#define RUNTS_ERRNO_NAME_H

// "ENOENT", or NULL for a number without a name.
const char *errno_name(int err);
#endif
