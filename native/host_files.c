// Sockets, devices and mount sources that the host opens because init could not, or must not.
#define _GNU_SOURCE
#include "host.h"
#include <fcntl.h>
#include <linux/mount.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

enum { LONGEST_NAME = 80 }; // with its slash, behind "/proc/self/fd/NUMBER"

// A socket address holds 107 bytes of path; a longer one goes through its directory's descriptor, which is stored then.
static int unix_address(const char *path, struct sockaddr_un *address, int *descriptor) {
  *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
  *descriptor = -1;
  if (strlen(path) < sizeof address->sun_path) {
    memcpy(address->sun_path, path, strlen(path));
    return 0;
  }
  const char *slash = strrchr(path, '/');
  char directory[4096];
  errno = ENAMETOOLONG;
  if (!slash || (size_t)(slash - path) >= sizeof directory || strlen(slash) > LONGEST_NAME) return -1;
  memcpy(directory, path, (size_t)(slash - path));
  directory[slash - path] = '\0';
  *descriptor = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
  snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d%.*s", *descriptor, LONGEST_NAME, slash);
  return *descriptor < 0 ? -1 : 0;
}

static int unix_socket(const char *path, int type, bool listening, struct failure *failure) {
  struct sockaddr_un address;
  int directory, result = -1;
  const char *call = "socket";
  if (unix_address(path, &address, &directory) < 0) return fail(failure, listening ? "bind" : "connect", path);
  int descriptor = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  if (descriptor >= 0 && listening) {
    call = "bind";
    if (bind(descriptor, (struct sockaddr *)&address, sizeof address) == 0 && listen(descriptor, 1) == 0) result = descriptor;
  } else if (descriptor >= 0) {
    call = "connect";
    if (connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0) result = descriptor;
  }
  if (result < 0) {
    fail(failure, call, path);
    if (descriptor >= 0) close(descriptor);
  }
  if (directory >= 0) close(directory);
  return result;
}

int unix_connect(const char *path, int type, struct failure *failure) { return unix_socket(path, type, false, failure); }

int host_connect(struct walk *walk, const struct step *step) {
  int descriptor = unix_connect(walk_string(walk, step, 0), SOCK_STREAM, &walk->failure);
  if (descriptor < 0) return -1;
  slot_set(walk, step->n[0], descriptor);
  return 0;
}

// The state directory is private to us; init gets the listening end, "start" connects.
int host_listen(struct walk *walk, const struct step *step) {
  int descriptor = unix_socket(walk_string(walk, step, 0), SOCK_SEQPACKET, true, &walk->failure);
  if (descriptor < 0) return -1;
  slot_set(walk, step->n[0], descriptor);
  return 0;
}

// One message with one descriptor, over a connection that is closed then.
static int send_one(struct walk *walk, const struct step *step, const char *text, size_t size) {
  int connection = slot_get(walk, step->n[0]), descriptor = slot_get(walk, step->n[1]);
  if (connection < 0 || descriptor < 0) return -1;
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof descriptor)] = { 0 };
  struct iovec data = { (void *)(uintptr_t)text, size };
  struct msghdr header = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_LEN(sizeof descriptor) };
  struct cmsghdr *c = CMSG_FIRSTHDR(&header);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN(sizeof descriptor);
  memcpy(CMSG_DATA(c), &descriptor, sizeof descriptor);
  if (sendmsg(connection, &header, MSG_NOSIGNAL) < 0) return walk_fail(walk, "sendmsg", NULL);
  slot_set(walk, step->n[0], -1);
  return 0;
}

// The console protocol: the terminal's name as text. A pidfd goes the same way.
int host_send_descriptor(struct walk *walk, const struct step *step) {
  struct text text = walk_text(walk, step, 0);
  return send_one(walk, step, text.data, text.size);
}

// config-linux.md, "The Container Process State": JSON with the pid in two places, and the seccomp listener.
int host_send_listener(struct walk *walk, const struct step *step) {
  struct text before = walk_text(walk, step, 0), between = walk_text(walk, step, 1), after = walk_text(walk, step, 2);
  size_t room = (size_t)before.size + between.size + after.size + 32;
  char *text = malloc(room);
  if (!text) return walk_fail(walk, "malloc", NULL);
  int pid = walk->slots[SLOT_PID], size = snprintf(text, room, "%s%d%s", before.data, pid, between.data);
  // the state's own pid is known already when the container runs
  if (after.size > 0) size += snprintf(text + size, room - (size_t)size, "%d%s", pid, after.data);
  int result = send_one(walk, step, text, (size_t)size);
  free(text);
  return result;
}

int host_open_tree(struct walk *walk, const struct step *step) {
  const char *path = walk_string(walk, step, 0);
  int tree = (int)syscall(SYS_open_tree, AT_FDCWD, path, (unsigned)(step->n[1] | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (tree < 0) return walk_fail(walk, "open_tree", path);
  slot_set(walk, step->n[0], tree);
  return 0;
}

int host_idmap_tree(struct walk *walk, const struct step *step) {
  int tree = slot_get(walk, step->n[0]), user_namespace = slot_get(walk, step->n[1]);
  if (tree < 0 || user_namespace < 0) return -1;
  struct mount_attr attributes = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)user_namespace };
  if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | (step->n[2] ? AT_RECURSIVE : 0), &attributes, sizeof attributes) < 0)
    return walk_fail(walk, "mount_setattr", "idmap");
  return 0;
}
