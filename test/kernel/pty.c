// pty FILE COLUMNS ROWS COMMAND...: runs a command on a new terminal of that size and writes the terminal's name to FILE.
// The terminal's output goes to standard output, standard input to the terminal; exits as the command does.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void relay(int master) {
  struct pollfd set[2] = { { .fd = master, .events = POLLIN }, { .fd = 0, .events = POLLIN } };
  char buffer[4096];
  while (poll(set, 2, -1) > 0) {
    if (set[0].revents) {
      ssize_t got = read(master, buffer, sizeof buffer);
      if (got <= 0) return; // EIO: the command and what it has started are gone
      if (write(1, buffer, (size_t)got) < 0) return;
    }
    if (set[1].revents) {
      ssize_t got = read(0, buffer, sizeof buffer);
      if (got <= 0) set[1].fd = -1;
      else if (write(master, buffer, (size_t)got) < 0) return;
    }
  }
}

int main(int argc, char **argv) {
  if (argc < 5) return 2;
  int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0) return 2;
  struct winsize size = { .ws_col = (unsigned short)atoi(argv[2]), .ws_row = (unsigned short)atoi(argv[3]) };
  ioctl(master, TIOCSWINSZ, &size);
  FILE *file = fopen(argv[1], "w");
  if (!file) return 2;
  fprintf(file, "%s\n", ptsname(master));
  fclose(file);
  pid_t pid = fork();
  if (pid == 0) {
    setsid();
    int slave = open(ptsname(master), O_RDWR); // becomes the controlling terminal
    for (int i = 0; i < 3; i++) dup2(slave, i);
    if (slave > 2) close(slave);
    execvp(argv[4], argv + 4);
    _exit(127);
  }
  relay(master);
  int status;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
