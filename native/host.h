// The runtime's side of a walk. One walk at a time per process.
#ifndef RUNTS_HOST_H
#define RUNTS_HOST_H
#include "walk.h"

enum walk_status { WALK_DONE, WALK_CALL, WALK_FAILED };
struct walk_result {
  enum walk_status status;
  uint32_t step;
  const struct failure *failure; // when WALK_FAILED
};

// Takes a copy of an encoded plan. -1 with errno EINVAL when it is damaged.
int host_begin(const void *bytes, size_t size, struct failure *failure);
// Walks on: to the end, to a step of TypeScript's, or to a failure (then nothing of the walk is alive any more).
struct walk_result host_walk(void);
void host_abort(void);
int host_slot(uint32_t index);
void host_set_slot(uint32_t index, int value);
// The start command: tells the init behind the socket to go on, and waits until it has executed the program.
struct walk_result host_start(const char *socket_path);
// From now on signals wait for host_supervise, which forwards them: one that comes earlier must not leave a container behind.
int host_hold_signals(struct failure *failure);
// Foreground: see supervise.c. Returns the exit status, or -1.
int host_supervise(pid_t pid, int master, struct failure *failure);

extern struct walk host; // the current walk, for the step functions
extern const step_function host_functions[STEP_COUNT];
// Connects to a socket of any path length; `type` is SOCK_STREAM or SOCK_SEQPACKET.
int unix_connect(const char *path, int type, struct failure *failure);
pid_t clone_init(struct walk *walk, uint64_t flags, int cgroup);

#define HOST_STEPS(X)                                                                                            \
  X(clone) X(open_namespace) X(join) X(id_map) X(id_map_helper) X(proc_write) X(cgroup_make) X(cgroup_open)      \
  X(cgroup_write) X(cgroup_own) X(device_filter) X(rlimit) X(connect) X(listen) X(send_descriptor)       \
  X(open_tree) X(user_namespace) X(idmap_tree) X(open_process) X(net_device) X(affinity) X(send_listener) \
  X(resctrl_make) X(resctrl_join)
#define DECLARE_HOST_STEP(name) int host_##name(struct walk *walk, const struct step *step);
HOST_STEPS(DECLARE_HOST_STEP)
#endif
