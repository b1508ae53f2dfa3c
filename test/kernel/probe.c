// Runs inside containers and prints what the shell cannot tell about itself.
//   probe fds          the open descriptors, one number a line
//   probe keyring      the session keyring as KEYCTL_DESCRIBE has it: type;uid;gid;perm;description
//   probe args ...     its arguments, one a line
//   probe watch        tries for ever to look into other processes and prints which of them are runts
//   probe call NAME    makes a harmless system call and prints what came of it
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fds(void) {
  for (int fd = 0; fd < 1024; fd++)
    if (fcntl(fd, F_GETFD) >= 0) printf("%d\n", fd);
  return 0;
}

static int keyring(void) {
  char text[256] = "";
  if (syscall(SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, text, sizeof text) < 0) {
    printf("%s\n", strerror(errno));
    return 1;
  }
  printf("%ld %s\n", syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0), text);
  return 0;
}

__attribute__((noreturn)) static void watch(void) {
  puts("watching");
  for (;;) {
    fflush(stdout);
    DIR *processes = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(processes));) {
      char path[300], link[300] = "";
      if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || atoi(entry->d_name) == getpid()) continue;
      snprintf(path, sizeof path, "/proc/%s/exe", entry->d_name);
      if (readlink(path, link, sizeof link - 1) > 0 && strstr(link, "runts")) printf("%s is %s\n", path, link);
    }
    closedir(processes);
  }
}

static int call(const char *name) {
  long result = strcmp(name, "getcpu") == 0 ? syscall(SYS_getcpu, NULL, NULL, NULL) : -1;
  printf("%s\n", result < 0 ? strerror(errno) : "done");
  return 0;
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  if (strcmp(what, "fds") == 0) return fds();
  if (strcmp(what, "keyring") == 0) return keyring();
  if (strcmp(what, "watch") == 0) watch();
  if (strcmp(what, "call") == 0 && argc > 2) return call(argv[2]);
  if (strcmp(what, "args") != 0) return 2;
  for (int i = 0; i < argc; i++) printf("%s\n", argv[i]);
  return 0;
}
