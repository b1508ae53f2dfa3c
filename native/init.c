#define _GNU_SOURCE
#include "init.h"
#include "hook.h"
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define INIT_ENTRY(name) [STEP_##name] = init_##name,
static const step_function init_functions[STEP_COUNT] = { INIT_STEPS(INIT_ENTRY)[STEP_hook] = hook_run };

#ifdef RUNTS_SANITIZE
// Its environment is empty. The leak checker needs the host's /proc at the end, and init has no end: it executes the program.
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "detect_leaks=0"; }
#endif

static struct program program;
static struct walk walk = { .inside = true, .program = &program };

// What the caller had set up for itself is not the container's: engines call us with blocked and ignored signals.
static void reset_signals(void) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  for (int signal_number = 1; signal_number < NSIG; signal_number++) signal(signal_number, SIG_DFL);
}

static int map_plan(void) {
  struct stat st;
  int descriptor = walk.slots[SLOT_PLAN];
  if (descriptor < 0 || fstat(descriptor, &st) < 0) return -1;
  void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  return bytes == MAP_FAILED ? -1 : plan_check(&walk.plan, bytes, (size_t)st.st_size);
}

static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

// Descriptors that leaked into us close now, not at exec: a caller may wait for the end of a pipe that it left open.
static void close_strangers(void) {
  int keep[SLOT_COUNT + 64 + 2], count = 0;
  uint64_t preserved = 0;
  for (uint32_t i = 0; i < walk.plan.header->step_count; i++)
    if (walk.plan.steps[i].kind == STEP_keep_descriptors) preserved = walk.plan.steps[i].n[0];
  for (int i = 3; i < 64; i++)
    if (preserved >> i & 1) keep[count++] = i;
  for (int i = SLOT_SHARED; i < SLOT_COUNT; i++)
    if (walk.slots[i] >= 0) keep[count++] = walk.slots[i];
  keep[count++] = walk.socket;
  qsort(keep, (size_t)count, sizeof *keep, compare);
  unsigned first = 3;
  for (int i = 0; i < count; first = (unsigned)keep[i++] + 1)
    if ((unsigned)keep[i] > first) syscall(SYS_close_range, first, (unsigned)keep[i] - 1, 0);
  syscall(SYS_close_range, first, ~0U, 0);
  syscall(SYS_close_range, 3, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
}

static void bootstrap(const char *socket_number) {
  struct message message;
  walk.socket = atoi(socket_number);
  for (int i = 0; i < SLOT_COUNT; i++) walk.slots[i] = -1;
  if (message_receive(&walk, &message) != 1 || message.type != MESSAGE_BOOTSTRAP) init_leave(1);
  memcpy(walk.slots, message.slots, sizeof walk.slots);
  if (map_plan() < 0) init_leave(1);
  close_strangers();
}

// A seccomp filter of the container's may refuse exit_group(2) too, and then the C library would try for ever.
void init_leave(int status) {
  syscall(SYS_exit_group, status);
  __builtin_trap();
}

__attribute__((noreturn)) static void give_up(void) {
  struct message message = { .type = MESSAGE_FAILED, .next = walk.next, .err = walk.failure.err };
  strncpy(message.call, walk.failure.call ? walk.failure.call : "", sizeof message.call - 1);
  memcpy(message.detail, walk.failure.detail, sizeof message.detail);
  message_send(&walk, &message);
  init_leave(1);
}

// The end of the socket means that the runtime is gone: then so are we.
static void receive_turn(void) {
  struct message message;
  if (message_receive(&walk, &message) != 1 || message.type != MESSAGE_TURN || message.next > walk.plan.header->step_count) init_leave(1);
  walk.next = message.next;
}

static void give_turn(void) {
  struct message message = { .type = MESSAGE_TURN, .next = walk.next };
  if (message_send(&walk, &message) < 0) init_leave(1);
  receive_turn();
}

int main(int argc, char **argv) {
  if (argc != 2) return 1;
  reset_signals();
  umask(0); // modes are given exactly
  bootstrap(argv[1]);
  receive_turn();
  while (walk.next < walk.plan.header->step_count) {
    if (walk.plan.steps[walk.next].actor != ACTOR_INIT) {
      give_turn();
      continue;
    }
    int next = walk_step(&walk, init_functions);
    if (next < 0) give_up();
    walk.next = (uint32_t)next;
  }
  return 0;
}

// Joined pid and time namespaces take effect for children only (setns(2)): the walk goes on in one. CLONE_PARENT makes it
// the runtime's child, like the first.
int init_refork(struct walk *w, const struct step *step) {
  struct clone_args args = { .flags = step->n[0] | CLONE_PARENT };
  int gate[2]; // closes when we end: what the child says must not be heard before its pid is known
  char nothing;
  if (pipe2(gate, O_CLOEXEC) < 0) return walk_fail(w, "pipe2", NULL);
  long pid = syscall(SYS_clone3, &args, sizeof args);
  if (pid < 0) return walk_fail(w, "clone3", NULL);
  if (pid == 0) {
    close(gate[1]);
    while (read(gate[0], &nothing, 1) < 0 && errno == EINTR) continue;
    close(gate[0]);
    return 0;
  }
  struct message message = { .type = MESSAGE_PROCESS, .pid = (int32_t)pid };
  init_leave(message_send(w, &message) < 0 ? 1 : 0);
}

// Everything is set up. Whoever connects (the start command) is from now on the one that we report to.
int init_wait_for_start(struct walk *w, const struct step *step) {
  int listener = slot_get(w, step->n[0]);
  if (listener < 0) return -1;
  // By now an exec may have the same ids and capabilities, and must not look into us (CVE-2016-9962). execve ends this.
  if (prctl(PR_SET_DUMPABLE, 0) < 0) return walk_fail(w, "prctl", NULL);
  close(w->socket);
  do w->socket = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  while (w->socket < 0 && errno == EINTR);
  if (w->socket < 0) init_leave(1);
  slot_set(w, step->n[0], -1);
  struct message message;
  if (message_receive(w, &message) != 1 || message.type != MESSAGE_TURN) init_leave(1);
  return 0;
}
