#define _GNU_SOURCE
#include "hook.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TAIL = 400 };  // bytes of output that a message keeps
enum { GLANCE = 10 }; // milliseconds between two looks at a hook whose end nothing tells

struct output {
  char tail[TAIL];
  size_t size;
};

static void keep_tail(struct output *output, const char *data, size_t size) {
  if (size > TAIL) data += size - TAIL, size = TAIL;
  size_t keep = output->size + size > TAIL ? TAIL - size : output->size;
  memmove(output->tail, output->tail + output->size - keep, keep);
  memcpy(output->tail + keep, data, size);
  output->size = keep + size;
}

// What a pipe holds, and no more: whoever writes without end must not keep us from looking at the time.
static void drain(int descriptor, struct output *output) {
  char buffer[4096];
  ssize_t got;
  for (size_t total = 0; total < 65536 && (got = read(descriptor, buffer, sizeof buffer)) > 0; total += (size_t)got) keep_tail(output, buffer, (size_t)got);
}

static int64_t milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct pipes {
  int input[2], output[2], failure[2]; // failure: errno of a failed execve
};

__attribute__((noreturn)) static void hook_child(const struct pipes *pipes, const char *path, char **argv, char **envp) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  for (int i = 1; i < NSIG; i++) signal(i, SIG_DFL); // an ignored signal would stay ignored through execve
  setpgid(0, 0);                                     // a timeout kills what the hook started, too
  dup2(pipes->input[0], 0);
  dup2(pipes->output[1], 1);
  dup2(pipes->output[1], 2);
  int failure = fcntl(pipes->failure[1], F_DUPFD_CLOEXEC, 3); // 0 to 2 may have been closed when we were called
  syscall(SYS_close_range, 3, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
  execve(path, argv, envp);
  int error = errno;
  if (write(failure, &error, sizeof error) < 0) _exit(126);
  _exit(127);
}

static char **to_array(struct text list) {
  char **array = calloc(text_count(list) + 1, sizeof *array);
  uint32_t cursor = 0;
  for (int i = 0; array && (array[i] = (char *)(uintptr_t)text_next(list, &cursor)); i++) {}
  return array;
}

// Feeds the state and collects the output until the hook ends or its time is over: 1 when it has ended, 0 when it has not,
// -1 when it cannot be waited for. A hook inside may be under the container's seccomp filter as we are: pidfd_open(2) may fail.
static int wait_for_hook(pid_t pid, int input, int output, const char *state, struct output *kept, int64_t deadline, int *status) {
  int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  size_t size = strlen(state), sent = 0;
  pid_t ended;
  while ((ended = waitpid(pid, status, WNOHANG)) == 0) {
    struct pollfd poll_set[3] = { { .fd = pidfd, .events = POLLIN }, { .fd = output, .events = POLLIN }, { .fd = input, .events = POLLOUT } };
    int64_t left = deadline < 0 ? INT32_MAX : deadline - milliseconds();
    if (left <= 0) break;
    if (pidfd < 0 && left > GLANCE) left = GLANCE;
    if (poll(poll_set, 3, left > 1000000 ? 1000000 : (int)left) < 0) {
      if (errno == EINTR) continue;
      ended = -1;
      break;
    }
    if (poll_set[1].revents) drain(output, kept);
    if (poll_set[1].revents & POLLHUP) output = -1;
    if (poll_set[2].revents) { // EPIPE is no error: a hook need not read its state
      ssize_t wrote = write(input, state + sent, size - sent);
      if (wrote > 0) sent += (size_t)wrote;
      if (sent == size || (wrote < 0 && errno != EAGAIN && errno != EINTR)) {
        close(input);
        input = -1;
      }
    }
  }
  int error = errno;
  if (input >= 0) close(input);
  if (output >= 0) drain(output, kept);
  if (pidfd >= 0) close(pidfd);
  errno = error;
  return ended > 0 ? 1 : (int)ended;
}

// The detail of a failure: how it ended, and of a long path and the output as much as there is room for.
static int judge(struct walk *walk, const char *path, bool in_time, int status, struct output *kept) {
  if (in_time && WIFEXITED(status) && WEXITSTATUS(status) == 0) return 0;
  char text[sizeof walk->failure.detail], end[16] = "timeout";
  if (in_time && WIFEXITED(status)) snprintf(end, sizeof end, "exit %d", WEXITSTATUS(status));
  else if (in_time) snprintf(end, sizeof end, "signal %d", WTERMSIG(status));
  int size = snprintf(text, sizeof text, "%.255s\n%s\n", path, end);
  size_t room = sizeof text - (size_t)size - 1, tail = kept->size < room ? kept->size : room;
  for (size_t i = 0; i < tail; i++) {
    char byte = kept->tail[kept->size - tail + i];
    text[size++] = byte ? byte : ' '; // the text ends at the first NUL
  }
  text[size] = '\0';
  errno = 0;
  return walk_fail(walk, "hook", text);
}

static int run(struct walk *walk, const struct step *step, struct pipes *pipes, char **argv, char **envp, const char *state) {
  const char *path = walk_string(walk, step, 1);
  pid_t pid = fork();
  if (pid == 0) hook_child(pipes, path, argv, envp);
  close(pipes->input[0]);
  close(pipes->output[1]);
  close(pipes->failure[1]);
  pipes->input[0] = pipes->output[1] = pipes->failure[1] = -1;
  if (pid < 0) return walk_fail(walk, "fork", path);
  setpgid(pid, pid); // in both, so that it is true whoever runs first
  int error = 0, status = 0;
  ssize_t got = read(pipes->failure[0], &error, sizeof error);
  fcntl(pipes->input[1], F_SETFL, O_NONBLOCK);
  fcntl(pipes->output[0], F_SETFL, O_NONBLOCK);
  struct output kept = { .size = 0 };
  int64_t deadline = step->n[0] ? milliseconds() + (int64_t)step->n[0] * 1000 : -1;
  if (got == sizeof error) {
    waitpid(pid, &status, 0);
    errno = error;
    return walk_fail(walk, "execve", path);
  }
  int ended = wait_for_hook(pid, pipes->input[1], pipes->output[0], state, &kept, deadline, &status);
  pipes->input[1] = -1; // closed by wait_for_hook
  if (ended < 0) walk_fail(walk, "wait", path);
  if (ended <= 0) {
    kill(-pid, SIGKILL);
    waitpid(pid, &status, 0);
  }
  return ended < 0 ? -1 : judge(walk, path, ended > 0, status, &kept);
}

int hook_run(struct walk *walk, const struct step *step) {
  struct pipes pipes = { { -1, -1 }, { -1, -1 }, { -1, -1 } };
  const char *before = walk_string(walk, step, 4), *after = walk_string(walk, step, 5);
  size_t room = strlen(before) + strlen(after) + 16;
  char *state = malloc(room), **argv = to_array(walk_text(walk, step, 2)), **envp = to_array(walk_text(walk, step, 3));
  int result = -1;
  void (*on_pipe)(int) = signal(SIGPIPE, SIG_IGN); // a hook need not read its state
  // the pid as whoever runs the hook sees it (runtime-spec, "State"); none once the container is gone
  int pid = walk->inside ? (int)getpid() : walk->slots[SLOT_PID];
  if (!state || !argv || !envp) walk_fail(walk, "malloc", NULL);
  else if (pipe2(pipes.input, O_CLOEXEC) < 0 || pipe2(pipes.output, O_CLOEXEC) < 0 || pipe2(pipes.failure, O_CLOEXEC) < 0) walk_fail(walk, "pipe2", NULL);
  else {
    snprintf(state, room, "%s%d%s", before, pid > 0 ? pid : 0, after);
    result = run(walk, step, &pipes, argv, envp, state);
  }
  int all[] = { pipes.input[0], pipes.input[1], pipes.output[0], pipes.output[1], pipes.failure[0], pipes.failure[1] };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (all[i] >= 0) close(all[i]);
  signal(SIGPIPE, on_pipe);
  free(state);
  free(argv);
  free(envp);
  return result;
}
