// Files and directories, as src/native.ts offers them. Every function returns -1 with *failure filled when it fails.
// Every descriptor is opened with O_CLOEXEC: what has not got the flag was inherited (see process.h).
#ifndef RUNTS_FS_H
#define RUNTS_FS_H
#include "failure.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

struct bytes {
  char *data; // malloc'ed, one more byte than size, which is NUL
  size_t size;
};

// Reads from fd to its end; EFBIG when that does not come. `text`: EILSEQ unless it is UTF-8. `path` is for the failure only.
int fs_read_all(int fd, const char *path, bool text, struct bytes *out, struct failure *failure);
int fs_read(const char *path, bool text, struct bytes *out, struct failure *failure);
// Writes everything, waiting where fd is non-blocking.
int fs_write_all(int fd, const char *path, const void *data, size_t size, struct failure *failure);

// One write(2) to a file that exists; EIO when the kernel takes only a part.
int fs_write_file(const char *path, const void *data, size_t size, struct failure *failure);
// EEXIST when there; mode as given, whatever the umask. No half-written file stays.
int fs_create_file(const char *path, const void *data, size_t size, mode_t mode, struct failure *failure);
// Atomically puts a new file in the place of path.
int fs_replace_file(const char *path, const void *data, size_t size, mode_t mode, struct failure *failure);

// Names in a directory but for `.` and `..`, each ended by NUL, sorted by byte value. EILSEQ when one is not UTF-8.
int fs_list(const char *path, struct bytes *out, struct failure *failure);
// 1, 0 when there is nothing, -1.
int fs_stat(const char *path, bool follow, struct stat *out, struct failure *failure);
int fs_real_path(const char *path, struct bytes *out, struct failure *failure);
int fs_read_link(const char *path, struct bytes *out, struct failure *failure);
int fs_cwd(struct bytes *out, struct failure *failure);
// A descriptor that holds the flock(2), -1 with failure->err 0 when another holds it and `wait` is false.
int fs_lock(const char *path, bool wait, struct failure *failure);

// remove_tree.c: the directory and everything in it, crossing no mount (EXDEV), following no symlink. Absent is success.
int fs_remove_tree(const char *path, struct failure *failure);
#endif
