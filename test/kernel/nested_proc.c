// Asks for a procfs in a user namespace of its own, which the kernel gives to whoever has a whole one in sight already.
// Prints the errno, 0 for success.
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID) < 0) return 1;
  pid_t pid = fork();
  if (pid == 0) {
    int error = mount("proc", "/tmp", "proc", 0, NULL) == 0 ? 0 : errno;
    printf("%d\n", error);
    fflush(stdout);
    _exit(0);
  }
  return pid < 0 || waitpid(pid, NULL, 0) < 0;
}
