// The start-up snapshot: the engine with the program's parts already loaded, as it was when the executable was built.
//
// Whatever a variable marked SNAPSHOT holds at the end of `runts --snapshot FILE DIRECTORY`, as the linker made it, it holds at
// the start of the finished `runts`: both are one link, so all addresses are the same (the executable is static and not
// relocatable), and the build replaces one section by the other (objcopy --update-section). Pages that are written to are
// copied by the kernel, the rest stays shared.
#ifndef RUNTS_SNAPSHOT_H
#define RUNTS_SNAPSHOT_H
#include <stdbool.h>

#ifdef RUNTS_SANITIZE
#define SNAPSHOT // a dynamic executable has other addresses each time
#else
#define SNAPSHOT __attribute__((section("snapshot")))
#endif

// Whether this executable has one.
bool snapshot_taken(void);
// Writes it to a file and exits; the status is 0 when that was done.
__attribute__((noreturn)) void snapshot_write(const char *path);
#endif
