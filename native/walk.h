// What both actors have in common: the runtime (host) and init walk the same list of steps over one socket.
//
//   host                                    init
//    |-- bootstrap {version, hash, slots} --->|      once, before anything runs
//    |-- turn {next step, new slots} -------->|
//    |<- turn {next step, new slots} ---------|      whenever the actor of the next step is the other one;
//    |                                        |      before steps marked `meanwhile`, which the host does after that
//    |<- failed {step, call, errno, detail} --|      init is gone after it
//    |<- process {pid} -----------------------|      refork: the walk goes on in another process
//    |<- executed ----------------------------|      the program runs as soon as the socket closes
#ifndef RUNTS_WALK_H
#define RUNTS_WALK_H
#include "failure.h"
#include "plan.h"
#include <stdbool.h>
#include <sys/types.h>

struct walk {
  struct plan plan;
  uint32_t next;         // the step to do next
  int slots[SLOT_COUNT]; // pids and descriptors, -1 when unset
  uint64_t fresh;        // shared slots that the other actor has not got yet
  int socket;            // to the other actor
  bool inside;           // this is init
  struct failure failure;
  struct program *program; // init only: what find_program and exec share
};

enum message_type { MESSAGE_BOOTSTRAP = 1, MESSAGE_TURN, MESSAGE_FAILED, MESSAGE_PROCESS, MESSAGE_EXECUTED };

struct message {
  uint32_t type, version;
  uint64_t table_hash;
  uint32_t next;
  int32_t pid, err;
  int32_t listener; // turn: number in init of the descriptor that seccomp returned, -1 for none
  int32_t slots[SLOT_COUNT]; // bootstrap: descriptor numbers; turn: which slots the descriptors sent along belong to, -1 ends
  char call[32];
  char detail[512];
};

typedef int (*step_function)(struct walk *walk, const struct step *step);

// Does one step; returns the index of the step to go on with, or -1 with walk->failure set.
int walk_step(struct walk *walk, const step_function *functions);
// Sends a message with the shared descriptors that are fresh. 0 or -1 with errno.
int message_send(struct walk *walk, struct message *message);
// Receives a message, storing descriptors that come with it in their slots. 1, 0 when the other end is gone, -1 with errno.
int message_receive(struct walk *walk, struct message *message);

// A slot's value; fails with EBADF when it is unset.
int slot_get(struct walk *walk, uint64_t index);
// Stores a descriptor, closing the one that was there.
void slot_set(struct walk *walk, uint64_t index, int value);
int walk_fail(struct walk *walk, const char *call, const char *detail);

static inline struct text walk_text(struct walk *walk, const struct step *step, int index) { return step_text(&walk->plan, step, index); }
static inline const char *walk_string(struct walk *walk, const struct step *step, int index) { return step_string(&walk->plan, step, index); }
#endif
