// Foreground run and exec: until the container's process ends, signals go to it and bytes go between its terminal and ours.
#define _GNU_SOURCE
#include "host.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

// A handler and a pipe instead of signalfd: in Node.js other threads have these signals unblocked.
static int signal_pipe[2] = { -1, -1 };
static volatile int supervised = -1; // pidfd, as soon as there is one

// Forwards at once: nobody reads the pipe while a full standard output keeps us waiting.
static void on_signal(int number) {
  int kept = errno, pidfd = supervised;
  unsigned char byte = (unsigned char)number;
  if (pidfd >= 0 && number != SIGWINCH) syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0);
  else if (write(signal_pipe[1], &byte, 1) < 0) errno = kept; // full: more signals than anybody could have meant
  errno = kept;
}

static bool forwarded(int number) {
  switch (number) {
  case SIGTTIN: case SIGTTOU: return false; // they stop a background job that wants its terminal, which is us; with a handler it would try for ever
  case SIGKILL: case SIGSTOP: case SIGCHLD: case SIGURG: case SIGPIPE: case SIGSEGV: case SIGBUS: case SIGILL: case SIGFPE: case SIGTRAP: case SIGABRT: return false;
  default: return number < 32 || number >= SIGRTMIN;
  }
}

// nohup(1), or a shell that puts us into the background: what the caller ignores for us is not for the container either.
// Node.js has forgotten it by now.
static bool ignored_by_caller(int number) {
  struct sigaction before;
  return (number == SIGHUP || number == SIGINT || number == SIGQUIT) && sigaction(number, NULL, &before) == 0 && before.sa_handler == SIG_IGN;
}

int host_hold_signals(struct failure *failure) {
  struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
  sigset_t none;
  if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) < 0) return fail(failure, "pipe2", NULL);
  for (int i = 1; i < NSIG; i++)
    if (forwarded(i) && !ignored_by_caller(i)) sigaction(i, &action, NULL);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  return 0;
}

static void copy_size(int master) {
  struct winsize size;
  if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) ioctl(master, TIOCSWINSZ, &size);
}

static void handle_signals(int pidfd, int master) {
  unsigned char number;
  while (read(signal_pipe[0], &number, 1) == 1) {
    if (number == SIGWINCH && master >= 0) copy_size(master);
    else syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0);
  }
}

static void write_all(int to, const char *data, ssize_t size) {
  while (size > 0) {
    ssize_t wrote = write(to, data, (size_t)size);
    if (wrote < 0 && errno == EAGAIN) poll(&(struct pollfd){ .fd = to, .events = POLLOUT }, 1, -1);
    else if (wrote < 0 && errno != EINTR) return;
    else if (wrote > 0) data += wrote, size -= wrote;
  }
}

// False at the end of `from`.
static bool relay(int from, int to) {
  char buffer[16384];
  ssize_t size = read(from, buffer, sizeof buffer);
  if (size < 0) return errno == EINTR || errno == EAGAIN;
  write_all(to, buffer, size);
  return size > 0;
}

// Input that the container's terminal has not taken yet. Waiting for that would be for ever: a program that writes much
// before it reads waits for us to take its output.
static struct {
  char data[16384];
  size_t at, end;
  bool begun; // what was typed last ends within a line
} typed;

static bool take_input(int input) {
  ssize_t size = read(input, typed.data, sizeof typed.data);
  if (size < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  typed.at = 0;
  typed.end = size > 0 ? (size_t)size : 0;
  if (typed.end > 0) typed.begun = typed.data[typed.end - 1] != '\n' && typed.data[typed.end - 1] != '\r';
  return typed.end > 0;
}

// A terminal has no end of file: a user who has no more to say types ^D, a second time when a line is begun (termios(3), VEOF).
static void type_end(int master) {
  struct termios settings;
  if (tcgetattr(master, &settings) < 0) return;
  for (typed.at = typed.end = 0; typed.end < (typed.begun ? 2 : 1); typed.end++) typed.data[typed.end] = (char)settings.c_cc[VEOF];
}

static void pass_input(int master) {
  ssize_t wrote = write(master, typed.data + typed.at, typed.end - typed.at);
  if (wrote >= 0) typed.at += (size_t)wrote;
  else if (errno != EINTR && errno != EAGAIN) typed.at = typed.end;
}

static void serve(int pidfd, int master) {
  int input = master < 0 ? -1 : STDIN_FILENO, output = master;
  for (bool ended = false; !ended;) {
    bool full = typed.at < typed.end;
    struct pollfd set[] = { { .fd = pidfd, .events = POLLIN }, { .fd = signal_pipe[0], .events = POLLIN },
                            { .fd = full ? -1 : input, .events = POLLIN }, { .fd = output, .events = full ? POLLIN | POLLOUT : POLLIN } };
    if (poll(set, 4, -1) < 0) continue;
    if (set[1].revents) handle_signals(pidfd, master);
    if (set[2].revents && !take_input(input)) {
      input = -1;
      type_end(master);
    }
    if (set[3].revents & POLLOUT) pass_input(master);
    if (set[3].revents & ~POLLOUT && !relay(output, STDOUT_FILENO)) output = -1; // EIO: nobody has the terminal open any more
    ended = set[0].revents != 0;
  }
  while (output >= 0 && poll(&(struct pollfd){ .fd = output, .events = POLLIN }, 1, 0) > 0 && relay(output, STDOUT_FILENO)) {}
}

int host_supervise(pid_t pid, int master, struct failure *failure) {
  struct termios before, raw;
  siginfo_t info = { 0 };
  int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (pidfd < 0) return fail(failure, "pidfd_open", NULL);
  if (signal_pipe[0] < 0 && host_hold_signals(failure) < 0) return -1;
  bool terminal = master >= 0 && tcgetattr(STDIN_FILENO, &before) == 0;
  if (terminal) {
    raw = before;
    cfmakeraw(&raw);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  }
  if (master >= 0) {
    copy_size(master);
    fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK);
  }
  supervised = pidfd;
  serve(pidfd, master);
  supervised = -1;
  if (terminal) tcsetattr(STDIN_FILENO, TCSANOW, &before);
  int result = waitid(P_PID, (id_t)pid, &info, WEXITED) < 0 ? fail(failure, "waitid", NULL)
               : info.si_code == CLD_EXITED                 ? info.si_status
                                                            : 128 + info.si_status;
  close(pidfd);
  return result;
}
