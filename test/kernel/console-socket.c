// console-socket PATH: the other end of --console-socket. Prints what it gets, then relays the terminal:
// its output to standard output, standard input to it, until its last slave is closed.
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

static int receive(int connection, char *text, size_t size, int *count) {
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(8 * sizeof(int))];
  } control;
  struct iovec vector = { text, size };
  struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
  ssize_t got = recvmsg(connection, &message, 0);
  if (got < 0) return -1;
  text[got] = '\0';
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  *count = header ? (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int)) : 0;
  int descriptor = -1;
  if (*count) memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
  return descriptor;
}

static void relay(int master) {
  struct pollfd set[2] = { { .fd = master, .events = POLLIN }, { .fd = 0, .events = POLLIN } };
  char buffer[4096];
  while (poll(set, 2, -1) > 0) {
    if (set[0].revents) {
      ssize_t got = read(master, buffer, sizeof buffer);
      if (got <= 0) return; // EIO: no slave is open any more
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
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  if (argc != 2 || strlen(argv[1]) >= sizeof address.sun_path) return 2;
  strcpy(address.sun_path, argv[1]);
  int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 1) < 0) {
    perror("bind");
    return 1;
  }
  int connection = accept(listener, NULL, NULL), count = 0;
  char text[4097];
  int master = receive(connection, text, sizeof text - 1, &count);
  struct winsize size = { 0 };
  struct termios settings = { 0 };
  ioctl(master, TIOCGWINSZ, &size);
  tcgetattr(master, &settings);
  printf("name=%s descriptors=%d", text, count);
  printf(" size=%dx%d onlcr=%d", size.ws_col, size.ws_row, (settings.c_oflag & ONLCR) != 0);
  char more;
  printf(" more=%zd\n", recv(connection, &more, 1, 0));
  fflush(stdout);
  relay(master);
  return 0;
}
