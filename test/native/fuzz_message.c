// Sends damaged messages to the receiver that runtime and init share (native/walk.c), under AddressSanitizer:
// fuzz_message SEED ROUNDS
#define _GNU_SOURCE
#include "../../native/walk.h"
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_DESCRIPTORS = 70 };
static uint64_t state;

static uint32_t next(uint32_t below) {
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return (uint32_t)((state * UINT64_C(0x2545F4914F6CDD1D)) >> 32) % below;
}

static int open_descriptors(void) {
  int count = 0;
  DIR *directory = opendir("/proc/self/fd");
  while (directory && readdir(directory)) count++;
  if (directory) closedir(directory);
  return count;
}

static void fill(uint8_t *bytes, size_t size) {
  for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)next(256);
  struct message *message = (struct message *)(void *)bytes;
  if (next(4) == 0) return;
  message->version = PLAN_VERSION;
  message->table_hash = STEP_TABLE_HASH;
  message->type = next(8);
  for (int i = 0; i < SLOT_COUNT; i++)
    if (next(4)) message->slots[i] = (int)next(SLOT_COUNT + 8) - 4;
}

static void send_one(int socket, const void *bytes, size_t size, int descriptor, size_t count) {
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * MOST_DESCRIPTORS)] = { 0 };
  int descriptors[MOST_DESCRIPTORS];
  for (size_t i = 0; i < count; i++) descriptors[i] = descriptor;
  struct iovec data = { (void *)(uintptr_t)bytes, size };
  struct msghdr header = { .msg_iov = &data, .msg_iovlen = 1 };
  if (count > 0) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    struct cmsghdr *c = CMSG_FIRSTHDR(&header);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int) * count);
    memcpy(CMSG_DATA(c), descriptors, sizeof(int) * count);
  }
  if (sendmsg(socket, &header, 0) < 0) abort();
}

int main(int argc, char **argv) {
  int sockets[2], null = open("/dev/null", O_RDONLY);
  static struct walk walk;
  struct message received;
  _Alignas(struct message) uint8_t bytes[sizeof(struct message) + 64];
  uint32_t taken = 0, refused = 0;
  if (argc != 3 || null < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets) < 0) return 1;
  state = strtoull(argv[1], NULL, 10) | 1;
  walk.socket = sockets[1];
  for (int i = 0; i < SLOT_COUNT; i++) walk.slots[i] = -1;
  int before = open_descriptors();
  for (uint32_t round = 0, rounds = (uint32_t)strtoul(argv[2], NULL, 10); round < rounds; round++) {
    fill(bytes, sizeof bytes);
    size_t size = next(3) ? sizeof received : 1 + next(sizeof bytes - 1);
    send_one(sockets[0], bytes, size, null, next(3) ? 0 : next(MOST_DESCRIPTORS));
    if (message_receive(&walk, &received) == 1) {
      taken++;
      if (strlen(received.call) >= sizeof received.call || strlen(received.detail) >= sizeof received.detail) abort();
    } else refused++;
    for (int i = 0; i < SLOT_COUNT; i++) slot_set(&walk, (uint64_t)i, -1);
    if (walk.slots[SLOT_PID] != -1) abort();
  }
  int left = open_descriptors() - before;
  printf("%" PRIu32 " taken, %" PRIu32 " refused, %d descriptors left\n", taken, refused, left);
  return 0;
}
