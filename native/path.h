// Paths inside the rootfs. The image is hostile: every look-up is one openat2(RESOLVE_IN_ROOT) from the root's descriptor,
// so no symlink, no ".." and no magic link leads out of it (CVE-2018-15664, -2019-19921, -2021-30465, -2024-45310).
#ifndef RUNTS_PATH_H
#define RUNTS_PATH_H
#include "failure.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

// An O_PATH descriptor of what is there. `flags` are open(2)'s (O_NOFOLLOW, O_DIRECTORY ...).
int path_open(int root, const char *path, int flags, bool no_symlinks, struct failure *failure);
// The same; what is missing is made: directories with mode 0755, and as the last component a directory or an empty file
// (0644). A dangling symlink means what is to be made, inside the root like everything else.
int path_make(int root, const char *path, bool directory, bool no_symlinks, struct failure *failure);
// The directory that holds the last component (made when missing); *name points into path, behind the last slash.
int path_parent(int root, const char *path, const char **name, struct failure *failure);
#endif
