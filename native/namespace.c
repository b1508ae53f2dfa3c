#define _GNU_SOURCE
#include "namespace.h"
#include <fcntl.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

int namespace_open(const char *path, int type, struct failure *failure) {
  int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return fail(failure, "open", path);
  int found = ioctl(descriptor, NS_GET_NSTYPE);
  if (found == type) return descriptor;
  errno = EINVAL;
  fail(failure, found < 0 ? "not a namespace" : "other namespace", path);
  close(descriptor);
  return -1;
}

int loopback_up(struct failure *failure) {
  struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
  int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return fail(failure, "socket", NULL);
  int result = ioctl(descriptor, SIOCSIFFLAGS, &request) < 0 ? fail(failure, "ioctl", "lo") : 0;
  close(descriptor);
  return result;
}
