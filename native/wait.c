// Waiting for what happens elsewhere: the end of a process, a line in a cgroup's events.
#define _GNU_SOURCE
#include "process.h"
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

// poll(2) on one descriptor until a moment; 1 when there is something, 0 when the moment has come, -1.
static int poll_until(int fd, short events, int64_t end) {
  for (;;) {
    int64_t left = end - now();
    struct pollfd set = { .fd = fd, .events = events };
    int count = poll(&set, 1, left < 0 ? 0 : (int)left);
    if (count >= 0) return count;
    if (errno != EINTR) return -1;
  }
}

int process_poll(int fd, short events, int32_t milliseconds) { return poll_until(fd, events, now() + milliseconds); }

int process_wait_exit(pid_t pid, uint64_t start_time, int32_t milliseconds, struct failure *failure) {
  int64_t end = now() + milliseconds;
  int fd = process_open(pid, start_time, failure);
  if (fd < 0) return fd == PROCESS_GONE ? 1 : -1;
  int result = poll_until(fd, POLLIN, end);
  if (result < 0) fail(failure, "poll", "pidfd");
  close(fd);
  return result;
}

// Whether one of the lines of the file is that one; read from its start each time, which also rearms kernfs' poll.
static int has_line(int fd, const char *line, const char *path, struct failure *failure) {
  char text[1024];
  ssize_t size = pread(fd, text, sizeof text - 1, 0);
  if (size < 0) return errno == ENODEV ? 1 : fail(failure, "read", path); // ENODEV: the cgroup has been removed
  text[size] = '\0';
  size_t length = strlen(line);
  for (const char *at = text; at != NULL; at = strchr(at, '\n'), at = at == NULL ? NULL : at + 1)
    if (strncmp(at, line, length) == 0 && at[length] == '\n') return 1;
  return 0;
}

int process_wait_cgroup(const char *directory, const char *line, int32_t milliseconds, struct failure *failure) {
  int64_t end = now() + milliseconds;
  char path[4096];
  if (snprintf(path, sizeof path, "%s/cgroup.events", directory) >= (int)sizeof path) {
    errno = ENAMETOOLONG;
    return fail(failure, "open", directory);
  }
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT || errno == ENOTDIR || errno == ENODEV ? 1 : fail(failure, "open", path);
  int result;
  // An event may have come between the read and the poll: the kernel counts them, so that poll returns at once then.
  while ((result = has_line(fd, line, path, failure)) == 0) {
    int ready = poll_until(fd, POLLPRI, end);
    if (ready == 0) break;
    if (ready < 0) {
      result = fail(failure, "poll", path);
      break;
    }
  }
  close(fd);
  return result;
}
