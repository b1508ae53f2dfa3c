// syscall NUMBER [ARGUMENT...]: makes a system call with raw numbers and prints its result, or the number of the error.
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv) {
  unsigned long a[7] = { 0 };
  for (int i = 1; i < argc && i < 8; i++) a[i - 1] = strtoul(argv[i], NULL, 0);
  long result = syscall((long)a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
  if (result < 0) printf("error %d\n", errno);
  else printf("%ld\n", result);
  return 0;
}
