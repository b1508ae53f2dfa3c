#define _GNU_SOURCE
#include "process.h"
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

uint64_t process_node_inherited[16];

bool process_inherited(int fd) {
  if (fd < 0 || fd >= 1024) return false;
  int flags = fcntl(fd, F_GETFD);
  if (flags < 0) return false;
  // All of ours are close-on-exec, and nothing that is can have come through the execve that started us.
  if ((flags & FD_CLOEXEC) == 0) return true;
  return process_node_inherited[fd / 64] >> fd % 64 & 1;
}

int process_capabilities(uint64_t *out, struct failure *failure) {
  struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
  if (syscall(SYS_capget, &header, data) < 0) return fail(failure, "capget", "");
  *out = (uint64_t)data[1].effective << 32 | data[0].effective;
  return 0;
}

void process_sleep(int64_t milliseconds) {
  struct timespec end;
  clock_gettime(CLOCK_MONOTONIC, &end);
  end.tv_sec += milliseconds / 1000;
  end.tv_nsec += milliseconds % 1000 * 1000000;
  if (end.tv_nsec >= 1000000000) {
    end.tv_sec++;
    end.tv_nsec -= 1000000000;
  }
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) == EINTR) continue;
}

// "PID (NAME) S ..." where NAME may hold anything, ") S 1" too: the last parenthesis is the one. (proc_pid_stat(5))
static bool parse_stat(const char *line, struct process_state *out) {
  const char *at = strrchr(line, ')');
  if (at == NULL || at[1] != ' ' || at[2] == '\0' || at[3] != ' ') return false;
  out->letter = at[2];
  at += 3;
  for (int field = 3; field < 21; field++) { // field 3 is the state; 22 is the start time
    at = strchr(at + 1, ' ');
    if (at == NULL) return false;
  }
  char *end;
  errno = 0;
  out->start_time = strtoull(at, &end, 10);
  return errno == 0 && end != at && (*end == ' ' || *end == '\n');
}

int process_state(pid_t pid, struct process_state *out, struct failure *failure) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  struct bytes line;
  struct failure why;
  if (fs_read(path, false, &line, &why) < 0) {
    if (why.err == ENOENT || why.err == ESRCH) return 0;
    *failure = why;
    return -1;
  }
  bool good = parse_stat(line.data, out);
  free(line.data);
  errno = EPROTO;
  return good ? 1 : fail(failure, "read", path);
}

// The descriptor is taken first: it goes on naming the process that is compared afterwards, whatever the pid is reused for.
int process_open(pid_t pid, uint64_t start_time, struct failure *failure) {
  char name[16];
  snprintf(name, sizeof name, "%d", pid);
  int fd = (int)syscall(SYS_pidfd_open, pid, 0); // close-on-exec by itself
  if (fd < 0) {
    // EINVAL, ENOENT (which of them depends on the kernel's version): the pid is now a mere thread's
    if (pid > 0 && (errno == ESRCH || errno == EINVAL || errno == ENOENT)) return PROCESS_GONE;
    return fail(failure, "pidfd_open", name);
  }
  struct process_state state;
  int found = process_state(pid, &state, failure);
  if (found > 0 && state.start_time == start_time && state.letter != 'Z' && state.letter != 'X') return fd;
  close(fd);
  return found < 0 ? -1 : PROCESS_GONE;
}

int process_signal(pid_t pid, uint64_t start_time, int signal, struct failure *failure) {
  int fd = process_open(pid, start_time, failure);
  if (fd < 0) return fd == PROCESS_GONE ? 0 : -1;
  int result = 1;
  if (syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0) < 0) {
    char name[16];
    snprintf(name, sizeof name, "%d", pid);
    result = errno == ESRCH ? 0 : fail(failure, "pidfd_send_signal", name);
  }
  close(fd);
  return result;
}
