// swap ONE OTHER: exchanges two names, again and again, until it is killed: what a hostile process does to a volume that it
// shares with a container which is being created.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  for (;;)
    if (renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) < 0) return 1;
}
