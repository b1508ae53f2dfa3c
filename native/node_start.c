// Only in the Node.js addon: remembers at load time which descriptors came from outside. Node.js has by then opened its
// own and has marked nearly all of both close-on-exec, so this goes by what they are: Node.js keeps epoll and event
// descriptors, pipes to itself (both ends are here), and nothing else.
#define _GNU_SOURCE
#include "process.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LIMIT = 1024 };

struct descriptor {
  int number;
  struct stat status;
};

static bool anonymous(int fd) {
  char link[32], target[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t size = readlink(link, target, sizeof target - 1);
  if (size < 0) return false;
  target[size] = '\0';
  return strncmp(target, "anon_inode:", 11) == 0;
}

static bool same_pipe(const struct descriptor *a, const struct descriptor *b) {
  return S_ISFIFO(a->status.st_mode) && a->status.st_dev == b->status.st_dev && a->status.st_ino == b->status.st_ino;
}

static bool nodes_own(const struct descriptor *open, size_t count, size_t index) {
  for (size_t other = 0; other < count; other++)
    if (other != index && same_pipe(&open[index], &open[other])) return true;
  return anonymous(open[index].number);
}

__attribute__((constructor)) static void remember_inherited(void) {
  static struct descriptor open[LIMIT];
  size_t count = 0;
  for (int fd = 3; fd < LIMIT; fd++)
    if (fstat(fd, &open[count].status) == 0) open[count++].number = fd;
  process_node_inherited[0] = 7; // Node.js, like embed/main.c, sees to it that 0, 1 and 2 are always there
  for (size_t i = 0; i < count; i++) {
    int fd = open[i].number;
    if (!nodes_own(open, count, i)) process_node_inherited[fd / 64] |= UINT64_C(1) << fd % 64;
  }
}
