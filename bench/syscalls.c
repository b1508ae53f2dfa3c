// syscalls: a million cheap system calls, some that filters always allow, some that they look into: what a seccomp filter costs
// the program that it is for.
#define _GNU_SOURCE
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
  for (int i = 0; i < 250000; i++) {
    syscall(SYS_getppid);
    syscall(SYS_umask, 022);
    syscall(SYS_personality, 0xffffffff); // a rule with arguments in Docker's profile: the kernel cannot cache its verdict
    syscall(SYS_personality, 0);
  }
  return 0;
}
