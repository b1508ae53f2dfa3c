#define _GNU_SOURCE
#include "walk.h"
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int walk_fail(struct walk *walk, const char *call, const char *detail) { return fail(&walk->failure, call, detail); }

int slot_get(struct walk *walk, uint64_t index) {
  if (index < SLOT_COUNT && walk->slots[index] >= 0) return walk->slots[index];
  errno = EBADF;
  return walk_fail(walk, "slot", NULL);
}

void slot_set(struct walk *walk, uint64_t index, int value) {
  if (index >= SLOT_COUNT) return;
  if (walk->slots[index] >= 0 && index != SLOT_PID) close(walk->slots[index]);
  walk->slots[index] = value;
  if (index >= SLOT_SHARED && value >= 0) walk->fresh |= UINT64_C(1) << index;
}

// --trace: one fixed record per step, appended to a descriptor that both actors have
static void trace(struct walk *walk, const struct timespec *begin) {
  struct timespec end;
  clock_gettime(CLOCK_MONOTONIC, &end);
  uint64_t record[4] = { walk->next, walk->inside, (uint64_t)begin->tv_sec * 1000000000u + (uint64_t)begin->tv_nsec,
                         (uint64_t)end.tv_sec * 1000000000u + (uint64_t)end.tv_nsec };
  if (write(walk->slots[SLOT_TRACE], record, sizeof record) != sizeof record) slot_set(walk, SLOT_TRACE, -1);
}

int walk_step(struct walk *walk, const step_function *functions) {
  const struct step *step = &walk->plan.steps[walk->next];
  struct timespec begin;
  if (walk->slots[SLOT_TRACE] >= 0) clock_gettime(CLOCK_MONOTONIC, &begin);
  int result = -1;
  if (functions[step->kind]) result = functions[step->kind](walk, step);
  else {
    errno = ENOSYS;
    walk_fail(walk, "step", NULL);
  }
  if (walk->slots[SLOT_TRACE] >= 0) trace(walk, &begin);
  if (result >= 0) return (int)walk->next + 1 + step->else_count;
  for (int i = 0; i < 4; i++)
    if (step->tolerated[i] != 0 && step->tolerated[i] == walk->failure.err) return (int)walk->next + 1;
  return -1;
}

int message_send(struct walk *walk, struct message *message) {
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * SLOT_COUNT)] = { 0 };
  int count = 0, descriptors[SLOT_COUNT];
  message->version = PLAN_VERSION;
  message->table_hash = STEP_TABLE_HASH;
  message->listener = -1;
  if (message->type == MESSAGE_TURN) {
    if (walk->inside) message->listener = walk->slots[SLOT_LISTENER];
    for (int i = SLOT_SHARED; i < SLOT_COUNT; i++)
      if (walk->fresh >> i & 1 && walk->slots[i] >= 0) {
        message->slots[count] = i;
        descriptors[count++] = walk->slots[i];
      }
    message->slots[count] = -1;
    walk->fresh = 0;
  }
  struct iovec data = { message, sizeof *message };
  struct msghdr header = { .msg_iov = &data, .msg_iovlen = 1 };
  if (count > 0) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
    struct cmsghdr *c = CMSG_FIRSTHDR(&header);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
    memcpy(CMSG_DATA(c), descriptors, sizeof(int) * (size_t)count);
  }
  ssize_t sent;
  if (count == 0) return write(walk->socket, message, sizeof *message) < 0 ? -1 : 0; // also a tight seccomp filter allows write(2)
  do sent = sendmsg(walk->socket, &header, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent < 0 ? -1 : 0;
}

// Of anything but a turn they are closed: `message` is NULL then.
static void take_descriptors(struct walk *walk, const struct message *message, struct msghdr *header) {
  for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int descriptor, slot = message && i < SLOT_COUNT ? message->slots[i] : -1;
      memcpy(&descriptor, CMSG_DATA(c) + i * sizeof(int), sizeof descriptor);
      if (slot >= SLOT_SHARED && slot < SLOT_COUNT) slot_set(walk, (uint64_t)slot, descriptor);
      else close(descriptor);
    }
  }
  if (message) walk->fresh = 0;
}

int message_receive(struct walk *walk, struct message *message) {
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * SLOT_COUNT)];
  struct iovec data = { message, sizeof *message };
  struct msghdr header = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
  ssize_t got;
  do got = recvmsg(walk->socket, &header, MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  if (got < 0) return errno == ECONNRESET ? 0 : -1;
  bool good = (size_t)got == sizeof *message && !(header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) &&
              message->version == PLAN_VERSION && message->table_hash == STEP_TABLE_HASH;
  take_descriptors(walk, good && message->type == MESSAGE_TURN ? message : NULL, &header);
  if (got == 0) return 0;
  if (!good) {
    errno = EPROTO;
    return -1;
  }
  message->call[sizeof message->call - 1] = message->detail[sizeof message->detail - 1] = '\0';
  return 1;
}
