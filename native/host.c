#define _GNU_SOURCE
#include "host.h"
#include "hook.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOST_ENTRY(name) [STEP_##name] = host_##name,
const step_function host_functions[STEP_COUNT] = { HOST_STEPS(HOST_ENTRY)[STEP_hook] = hook_run };

struct walk host = { .slots = { [0 ... SLOT_COUNT - 1] = -1 }, .socket = -1 };
static uint8_t *plan_copy;
static size_t plan_size;
static bool ahead; // init has got its turn already, and we do what is to be done meanwhile

static void reset(void) {
  for (int i = 0; i < SLOT_COUNT; i++) host.slots[i] = -1;
  host.fresh = 0;
  host.next = 0;
  ahead = false;
  host.socket = -1;
  host.failure = (struct failure){ 0 };
}

static void release(void) {
  for (int i = SLOT_PIDFD; i < SLOT_COUNT; i++)
    if (host.slots[i] >= 0) close(host.slots[i]);
  if (host.socket >= 0) close(host.socket);
  if (plan_copy) munmap(plan_copy, plan_size);
  plan_copy = NULL;
  reset();
}

// The copy is shared memory, so that init can map the very same pages (see clone_init).
int host_begin(const void *bytes, size_t size, struct failure *failure) {
  release();
  int descriptor = memfd_create("runts-plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (descriptor < 0) return fail(failure, "memfd_create", NULL);
  if (write(descriptor, bytes, size) != (ssize_t)size || fcntl(descriptor, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0) {
    fail(failure, "write", "plan");
    close(descriptor);
    return -1;
  }
  plan_copy = mmap(NULL, size, PROT_READ, MAP_SHARED, descriptor, 0);
  plan_size = size;
  if (plan_copy == MAP_FAILED) {
    plan_copy = NULL;
    fail(failure, "mmap", "plan");
    close(descriptor);
    return -1;
  }
  slot_set(&host, SLOT_PLAN, descriptor);
  if (plan_check(&host.plan, plan_copy, size) == 0) return 0;
  errno = EINVAL;
  fail(failure, "plan", NULL);
  release();
  return -1;
}

// How init ended when it said nothing: an OOM kill, a pids limit, a crash.
static void describe_death(void) {
  siginfo_t info = { 0 };
  host.failure.call = "init";
  host.failure.err = 0;
  host.failure.detail[0] = '\0';
  if (host.slots[SLOT_PID] <= 0 || waitid(P_PID, (id_t)host.slots[SLOT_PID], &info, WEXITED) < 0) return;
  host.slots[SLOT_PID] = -1;
  snprintf(host.failure.detail, sizeof host.failure.detail, info.si_code == CLD_EXITED ? "exit %d" : "signal %d", info.si_status);
}

void host_abort(void) {
  if (host.slots[SLOT_PID] > 0) {
    if (host.slots[SLOT_PIDFD] >= 0) syscall(SYS_pidfd_send_signal, host.slots[SLOT_PIDFD], SIGKILL, NULL, 0);
    waitpid(host.slots[SLOT_PID], NULL, 0);
  }
  struct failure kept = host.failure;
  release();
  host.failure = kept;
}

static struct walk_result failed(uint32_t step) {
  host_abort();
  return (struct walk_result){ WALK_FAILED, step, &host.failure };
}

static void take_failure(const struct message *message) {
  static char call[sizeof message->call];
  memcpy(call, message->call, sizeof call);
  host.failure.call = call;
  host.failure.err = message->err;
  memcpy(host.failure.detail, message->detail, sizeof host.failure.detail);
}

// refork: the walk goes on in a sibling of the process that init was
static int take_process(pid_t pid) {
  waitpid(host.slots[SLOT_PID], NULL, 0);
  host.slots[SLOT_PID] = pid;
  int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (pidfd < 0) {
    walk_fail(&host, "pidfd_open", NULL);
    kill(pid, SIGKILL); // host_abort() could not, and would wait for it
    return -1;
  }
  slot_set(&host, SLOT_PIDFD, pidfd);
  return 0;
}

// A filter that notifies may notify sendmsg(2), too: so the descriptor is not sent, but fetched (pidfd_getfd(2)).
static int take_listener(int number) {
  if (number < 0 || host.slots[SLOT_LISTENER] >= 0) return 0;
  int descriptor = (int)syscall(SYS_pidfd_getfd, host.slots[SLOT_PIDFD], number, 0);
  if (descriptor < 0) return walk_fail(&host, "pidfd_getfd", "seccomp listener");
  slot_set(&host, SLOT_LISTENER, descriptor);
  return 0;
}

static int give_turn(uint32_t next) {
  struct message message = { .type = MESSAGE_TURN, .next = next };
  // an init that is gone has left a message that says why
  return message_send(&host, &message) < 0 && errno != EPIPE && errno != ECONNRESET ? walk_fail(&host, "sendmsg", "init") : 0;
}

// Before steps that init need not wait for: it goes on behind them, if what comes there is its own.
static int send_ahead(void) {
  const struct step *steps = host.plan.steps;
  uint32_t next = host.next, count = host.plan.header->step_count;
  while (next < count && steps[next].meanwhile) next += 1 + steps[next].else_count;
  if (host.socket < 0 || next >= count || steps[next].actor != ACTOR_INIT || steps[next].kind == STEP_wait_for_start) return 0;
  ahead = true;
  return give_turn(next);
}

// Whether init has nothing more to ask for before it executes the program.
static bool is_last_turn(void) {
  if (!plan_copy) return true; // the start command
  for (uint32_t i = host.next; i < host.plan.header->step_count; i++) {
    if (host.plan.steps[i].kind == STEP_exec) return true;
    if (host.plan.steps[i].actor != ACTOR_INIT) return false;
  }
  return false;
}

// It is init's turn. 1: the turn is ours again (host.next is set); 0: init has executed the program; -1: failure.
static int init_turn(void) {
  struct message message;
  bool executed = false;
  if (!ahead && give_turn(host.next) < 0) return -1;
  ahead = false;
  // what it says before the end can wait until then: to wake up for it would hold up the program
  if (is_last_turn()) poll(&(struct pollfd){ .fd = host.socket }, 1, -1);
  for (;;) {
    int got = message_receive(&host, &message);
    if (got < 0) return walk_fail(&host, "recvmsg", "init");
    if (got == 0) {
      if (executed) return 0;
      describe_death();
      return -1;
    }
    switch (message.type) {
    case MESSAGE_EXECUTED: executed = true; break;
    case MESSAGE_PROCESS:
      if (take_process(message.pid) < 0) return -1;
      break;
    case MESSAGE_FAILED:
      host.next = message.next;
      take_failure(&message);
      return -1;
    case MESSAGE_TURN: host.next = message.next; return take_listener(message.listener) < 0 ? -1 : 1;
    default: errno = EPROTO; return walk_fail(&host, "recvmsg", "init");
    }
  }
}

struct walk_result host_walk(void) {
  if (!plan_copy) return (struct walk_result){ WALK_DONE, 0, NULL };
  while (host.next < host.plan.header->step_count) {
    const struct step *step = &host.plan.steps[host.next];
    if (step->meanwhile && !ahead && send_ahead() < 0) return failed(host.next);
    if (step->actor == ACTOR_TYPESCRIPT) return (struct walk_result){ WALK_CALL, host.next++, NULL };
    if (step->actor == ACTOR_INIT && step->kind == STEP_wait_for_start) { // from here on init listens to the start command
      struct message message = { .type = MESSAGE_TURN, .next = host.next };
      if (message_send(&host, &message) < 0) {
        walk_fail(&host, "sendmsg", "init");
        return failed(host.next);
      }
      break;
    }
    if (step->actor == ACTOR_INIT) {
      int turn = init_turn();
      if (turn < 0) return failed(host.next);
      if (turn == 0) { // what is left behind exec is ours: poststart hooks
        while (host.next < host.plan.header->step_count && host.plan.steps[host.next].kind != STEP_exec) host.next++;
        host.next++;
      }
      continue;
    }
    int next = walk_step(&host, host_functions);
    if (next < 0) return failed(host.next);
    host.next = (uint32_t)next;
  }
  return (struct walk_result){ WALK_DONE, host.next, NULL };
}

int host_slot(uint32_t index) { return index < SLOT_COUNT ? host.slots[index] : -1; }
void host_set_slot(uint32_t index, int value) { slot_set(&host, index, value); }

struct walk_result host_start(const char *socket_path) {
  release();
  host.socket = unix_connect(socket_path, SOCK_SEQPACKET, &host.failure);
  if (host.socket < 0) return failed(0);
  unlink(socket_path); // nobody else may start it; when we die before init is told, init sees the end of the connection
  int turn = init_turn();
  if (turn == 0) return (struct walk_result){ WALK_DONE, 0, NULL };
  if (turn > 0) {
    errno = EPROTO;
    walk_fail(&host, "recvmsg", "init");
  }
  return failed(host.next);
}
