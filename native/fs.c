#define _GNU_SOURCE
#include "fs.h"
#include "utf8.h"
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

static int fail_with(struct failure *failure, int err, const char *call, const char *detail) {
  errno = err;
  return fail(failure, call, detail);
}

// Closes and forgets; keeps errno, which says what went wrong before.
static void drop(int fd) {
  int err = errno;
  close(fd);
  errno = err;
}

static int grow(struct bytes *bytes, size_t *room) {
  size_t more = *room * 2;
  char *data = realloc(bytes->data, more + 1);
  if (data == NULL) return -1;
  bytes->data = data;
  *room = more;
  return 0;
}

static int allocate(struct bytes *bytes, size_t room) {
  bytes->size = 0;
  bytes->data = malloc(room + 1);
  return bytes->data == NULL ? -1 : 0;
}

static int discard(struct bytes *bytes, const char *call, const char *path, struct failure *failure) {
  int err = errno;
  free(bytes->data);
  bytes->data = NULL;
  return fail_with(failure, err, call, path);
}

// Ends the text and refuses what JavaScript could only keep damaged.
static int finish(struct bytes *out, bool text, const char *path, struct failure *failure) {
  out->data[out->size] = '\0';
  if (!text || utf8_prefix(out->data, out->size) == out->size) return 0;
  errno = EILSEQ;
  return discard(out, "decode", path, failure);
}

// What is read here is text for people and engines to write. A device or a hole that never ends must not take all memory.
enum { LARGEST_FILE = 64 << 20 };

int fs_read_all(int fd, const char *path, bool text, struct bytes *out, struct failure *failure) {
  struct stat st; // procfs and pipes say 0: then the first guess is a page
  size_t expected = fstat(fd, &st) == 0 && st.st_size > 0 && st.st_size <= LARGEST_FILE ? (size_t)st.st_size : 0;
  size_t room = expected > 0 ? expected + 1 : 4096;
  if (allocate(out, room) < 0) return fail(failure, "malloc", path);
  for (;;) {
    if (out->size == room && grow(out, &room) < 0) return discard(out, "malloc", path, failure);
    ssize_t count = read(fd, out->data + out->size, room - out->size);
    if (count == 0) return finish(out, text, path, failure);
    if (count > 0) {
      out->size += (size_t)count;
      errno = EFBIG;
      if (out->size > LARGEST_FILE) return discard(out, "read", path, failure);
      if (out->size == expected) return finish(out, text, path, failure);
    } else if (errno == EAGAIN) {
      struct pollfd readable = { .fd = fd, .events = POLLIN };
      if (poll(&readable, 1, -1) < 0 && errno != EINTR) return discard(out, "poll", path, failure);
    } else if (errno != EINTR) {
      return discard(out, "read", path, failure);
    }
  }
}

int fs_read(const char *path, bool text, struct bytes *out, struct failure *failure) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(failure, "open", path);
  int result = fs_read_all(fd, path, text, out, failure);
  close(fd);
  return result;
}

int fs_write_all(int fd, const char *path, const void *data, size_t size, struct failure *failure) {
  const char *at = data;
  while (size > 0) {
    ssize_t count = write(fd, at, size);
    if (count >= 0) {
      at += count;
      size -= (size_t)count;
    } else if (errno == EAGAIN) {
      struct pollfd writable = { .fd = fd, .events = POLLOUT };
      if (poll(&writable, 1, -1) < 0 && errno != EINTR) return fail(failure, "poll", path);
    } else if (errno != EINTR) {
      return fail(failure, "write", path);
    }
  }
  return 0;
}

static int write_once(int fd, const char *path, const void *data, size_t size, struct failure *failure) {
  ssize_t count;
  do count = write(fd, data, size);
  while (count < 0 && errno == EINTR);
  if (count < 0) return fail(failure, "write", path);
  return (size_t)count == size ? 0 : fail_with(failure, EIO, "write", path);
}

// A delayed write error (a full disk on a network file system) may come as late as close(2).
static int finish_file(int fd, const char *path, struct failure *failure) {
  return close(fd) < 0 && errno != EINTR ? fail(failure, "close", path) : 0;
}

int fs_write_file(const char *path, const void *data, size_t size, struct failure *failure) {
  int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return fail(failure, "open", path);
  int result = write_once(fd, path, data, size, failure);
  drop(fd);
  return result;
}

static int create(const char *path, const char *name, const void *data, size_t size, mode_t mode, struct failure *failure) {
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 0600);
  if (fd < 0) return fail(failure, "open", name);
  int result = fchmod(fd, mode) < 0 ? fail(failure, "fchmod", name) : fs_write_all(fd, name, data, size, failure);
  if (result < 0) close(fd);
  else result = finish_file(fd, name, failure);
  if (result < 0) unlink(path);
  return result;
}

int fs_create_file(const char *path, const void *data, size_t size, mode_t mode, struct failure *failure) {
  return create(path, path, data, size, mode, failure);
}

// `/a/b/name` -> `/a/b/.runts-0123456789abcdef`: not derived from the name, which may be as long as NAME_MAX allows.
static char *hidden_sibling(const char *path) {
  uint64_t number;
  if (getrandom(&number, sizeof number, 0) != sizeof number) return NULL;
  const char *slash = strrchr(path, '/');
  int directory = slash == NULL ? 0 : (int)(slash - path) + 1;
  char *name;
  return asprintf(&name, "%.*s.runts-%016llx", directory, path, (unsigned long long)number) < 0 ? NULL : name;
}

int fs_replace_file(const char *path, const void *data, size_t size, mode_t mode, struct failure *failure) {
  char *sibling = hidden_sibling(path);
  if (sibling == NULL) return fail(failure, "getrandom", path);
  int result = create(sibling, path, data, size, mode, failure);
  if (result == 0 && rename(sibling, path) < 0) {
    result = fail(failure, "rename", path);
    unlink(sibling);
  }
  free(sibling);
  return result;
}

static int by_bytes(const struct dirent **a, const struct dirent **b) {
  return strcmp((*a)->d_name, (*b)->d_name);
}

static int not_dots(const struct dirent *entry) {
  return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

int fs_list(const char *path, struct bytes *out, struct failure *failure) {
  struct dirent **entries;
  int count = scandir(path, &entries, not_dots, by_bytes);
  if (count < 0) return fail(failure, "open", path);
  size_t size = 0;
  for (int i = 0; i < count; i++) size += strlen(entries[i]->d_name) + 1;
  int result = allocate(out, size) < 0 ? fail(failure, "malloc", path) : 0;
  for (int i = 0; i < count; i++) {
    if (result == 0) {
      size_t length = strlen(entries[i]->d_name) + 1;
      memcpy(out->data + out->size, entries[i]->d_name, length);
      out->size += length;
    }
    free(entries[i]);
  }
  free(entries);
  return result < 0 ? result : finish(out, true, path, failure);
}

int fs_stat(const char *path, bool follow, struct stat *out, struct failure *failure) {
  if ((follow ? stat(path, out) : lstat(path, out)) == 0) return 1;
  return errno == ENOENT || errno == ENOTDIR ? 0 : fail(failure, follow ? "stat" : "lstat", path);
}

// Takes over a malloc'ed text.
static int adopt(char *text, const char *path, struct bytes *out, struct failure *failure) {
  out->data = text;
  out->size = strlen(text);
  return finish(out, true, path, failure);
}

int fs_real_path(const char *path, struct bytes *out, struct failure *failure) {
  char *real = realpath(path, NULL);
  return real == NULL ? fail(failure, "realpath", path) : adopt(real, path, out, failure);
}

int fs_read_link(const char *path, struct bytes *out, struct failure *failure) {
  size_t room = 256; // st_size of a link is 0 on procfs: ask until the answer does not fill the room
  if (allocate(out, room) < 0) return fail(failure, "malloc", path);
  for (;;) {
    ssize_t size = readlink(path, out->data, room);
    if (size < 0) return discard(out, "readlink", path, failure);
    out->size = (size_t)size;
    if (out->size < room) return finish(out, true, path, failure);
    if (grow(out, &room) < 0) return discard(out, "malloc", path, failure);
  }
}

int fs_cwd(struct bytes *out, struct failure *failure) {
  char *cwd = getcwd(NULL, 0);
  return cwd == NULL ? fail(failure, "getcwd", "") : adopt(cwd, "", out, failure);
}

int fs_lock(const char *path, bool wait, struct failure *failure) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(failure, "open", path);
  while (flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB) < 0) {
    if (errno == EINTR) continue;
    bool busy = errno == EWOULDBLOCK && !wait;
    fail(failure, "flock", path);
    if (busy) failure->err = 0;
    close(fd);
    return -1;
  }
  return fd;
}
