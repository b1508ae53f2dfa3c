// Runs a host program (newuidmap, systemd's tools) to its end.
#define _GNU_SOURCE
#include "process.h"
#include "utf8.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUT, ERR, STREAMS };

// Between vfork and execve, in our memory while we are suspended: system calls only. Returns the errno of what failed.
// The program gets the signals as a fresh process has them (the runtime ignores SIGPIPE), and no descriptor of ours.
static int become(char *const *argv, const int writers[STREAMS]) {
  struct sigaction fresh = { .sa_handler = SIG_DFL };
  sigset_t none;
  for (int i = 1; i < NSIG; i++) sigaction(i, &fresh, NULL);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  int input = open("/dev/null", O_RDONLY);
  if (input < 0 || dup2(input, 0) < 0 || dup2(writers[OUT], 1) < 0 || dup2(writers[ERR], 2) < 0) return errno;
  if (syscall(SYS_close_range, 3U, ~0U, 0U) < 0) return errno;
  execvp(argv[0], argv);
  return errno;
}

static int spawn(char *const *argv, int writers[STREAMS], pid_t *pid, struct failure *failure) {
  static volatile int err; // the child's answer; not on the stack, which the child shares
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before); // a handler of ours must not run in the child
  err = 0;
  pid_t child = vfork();
  if (child == 0) {
    err = become(argv, writers);
    _exit(127);
  }
  if (child < 0) err = errno;
  sigprocmask(SIG_SETMASK, &before, NULL);
  *pid = child;
  if (err == 0) return 0;
  if (child > 0) waitpid(child, NULL, 0);
  errno = err;
  return fail(failure, "exec", argv[0]);
}

// Takes what there is; 1, 0 at the end, -1.
static int drain(int fd, struct bytes *into) {
  char chunk[4096];
  ssize_t count = read(fd, chunk, sizeof chunk);
  if (count < 0) return errno == EINTR ? 1 : -1;
  if (count == 0) return 0;
  char *grown = realloc(into->data, into->size + (size_t)count + 1);
  if (grown == NULL) return -1;
  memcpy(grown + into->size, chunk, (size_t)count);
  into->data = grown;
  into->size += (size_t)count;
  grown[into->size] = '\0';
  return 1;
}

// Reads both pipes to their ends together: a program that fills the one while we wait at the other would hang.
static int collect(int readers[STREAMS], struct bytes *into[STREAMS]) {
  struct pollfd set[STREAMS] = { { .fd = readers[OUT], .events = POLLIN }, { .fd = readers[ERR], .events = POLLIN } };
  for (int open = STREAMS; open > 0;) {
    if (poll(set, STREAMS, -1) < 0) {
      if (errno == EINTR) continue;
      return -1;
    }
    for (int i = 0; i < STREAMS; i++) {
      if (set[i].revents == 0) continue;
      int more = drain(set[i].fd, into[i]);
      if (more < 0) return -1;
      if (more > 0) continue;
      set[i].fd = -1; // poll(2) passes over negative descriptors
      open--;
    }
  }
  return 0;
}

static int wait_for(pid_t pid) {
  int status;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void close_both(int fds[STREAMS]) {
  close(fds[OUT]);
  close(fds[ERR]);
}

static int run_with(char *const *argv, int readers[STREAMS], int writers[STREAMS], struct run_result *result, struct failure *failure) {
  pid_t pid;
  int spawned = spawn(argv, writers, &pid, failure);
  close_both(writers);
  if (spawned < 0) return -1;
  struct bytes *into[STREAMS] = { &result->out, &result->err };
  int collected = collect(readers, into) < 0 ? fail(failure, "read", argv[0]) : 0;
  if (collected < 0) kill(pid, SIGKILL);
  result->status = wait_for(pid);
  if (collected < 0) return -1;
  return result->status < 0 ? fail(failure, "waitpid", argv[0]) : 0;
}

static int check_texts(const struct run_result *result, const char *name, struct failure *failure) {
  if (utf8_prefix(result->out.data, result->out.size) == result->out.size &&
      utf8_prefix(result->err.data, result->err.size) == result->err.size)
    return 0;
  errno = EILSEQ;
  return fail(failure, "decode", name);
}

int process_run(char *const *argv, struct run_result *result, struct failure *failure) {
  int out[2], err[2];
  *result = (struct run_result){ .out.data = calloc(1, 1), .err.data = calloc(1, 1) };
  int done = -1;
  if (result->out.data == NULL || result->err.data == NULL) {
    fail(failure, "malloc", argv[0]);
  } else if (pipe2(out, O_CLOEXEC) < 0) {
    fail(failure, "pipe2", argv[0]);
  } else {
    if (pipe2(err, O_CLOEXEC) < 0) {
      fail(failure, "pipe2", argv[0]);
      close(out[1]);
    } else {
      int readers[STREAMS] = { out[0], err[0] }, writers[STREAMS] = { out[1], err[1] };
      done = run_with(argv, readers, writers, result, failure);
      close(err[0]);
    }
    close(out[0]);
  }
  if (done == 0) done = check_texts(result, argv[0], failure);
  if (done == 0) return 0;
  free(result->out.data);
  free(result->err.data);
  return -1;
}
