// seccomp-listener SOCKET ERRNO: what listens at a listenerPath. For each container that connects it prints a line
// "state JSON", then a line "call NUMBER PID" for each notification, which it answers with that error; with ERRNO 0 the
// call goes on. It ends when it is killed.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int receive(int connection) {
  static char text[65536];
  char control[CMSG_SPACE(4 * sizeof(int))];
  struct iovec data = { text, sizeof text - 1 };
  struct msghdr header = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
  ssize_t size = recvmsg(connection, &header, MSG_CMSG_CLOEXEC);
  if (size <= 0) return -1;
  struct cmsghdr *c = CMSG_FIRSTHDR(&header);
  if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int))) {
    puts("not exactly one descriptor");
    return -1;
  }
  int listener;
  memcpy(&listener, CMSG_DATA(c), sizeof listener);
  for (ssize_t more; (more = read(connection, text + size, sizeof text - 1 - (size_t)size)) > 0;) size += more;
  text[size] = '\0';
  printf("state %s\n", text);
  return listener;
}

// Until the last process with the filter is gone.
static void answer(int listener, int error) {
  for (;;) {
    struct seccomp_notif notification = { 0 };
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notification) < 0) {
      if (errno == EINTR) continue;
      return; // ENOENT: it was killed meanwhile, or all are gone
    }
    printf("call %d %d\n", notification.data.nr, (int)notification.pid);
    struct seccomp_notif_resp response = { .id = notification.id, .error = -error };
    if (error == 0) response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
  }
}

int main(int argc, char **argv) {
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  if (argc != 3) return 2;
  snprintf(address.sun_path, sizeof address.sun_path, "%s", argv[1]);
  setvbuf(stdout, NULL, _IOLBF, 0);
  int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(server, (struct sockaddr *)&address, sizeof address) < 0 || listen(server, 10) < 0) return 1;
  for (int connection; (connection = accept(server, NULL, NULL)) >= 0;) {
    if (fork() == 0) {
      int listener = receive(connection);
      if (listener >= 0) answer(listener, atoi(argv[2]));
      _exit(0);
    }
    close(connection);
  }
  return 0;
}
