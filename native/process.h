// This process and others, as src/native.ts offers them. -1 with *failure filled when a call fails.
#ifndef RUNTS_PROCESS_H
#define RUNTS_PROCESS_H
#include "failure.h"
#include "fs.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

// Whether fd was open when the process started.
bool process_inherited(int fd);
// node_start.c: Node.js marks what it inherited close-on-exec, so that there the mark tells nothing.
extern uint64_t process_node_inherited[16]; // one bit for each descriptor below 1024

// Effective capabilities as a mask. (capget(2))
int process_capabilities(uint64_t *out, struct failure *failure);
// Returns after that time, whatever signals come.
void process_sleep(int64_t milliseconds);

struct process_state {
  char letter;         // of proc_pid_stat(5)
  uint64_t start_time; // clock ticks since boot: with the pid it names a process for as long as the machine runs
};
// 1, 0 when there is no such process, -1.
int process_state(pid_t pid, struct process_state *out, struct failure *failure);
enum { PROCESS_GONE = -2 };
// A pidfd of the process with that start time; PROCESS_GONE when it is not there any more or a zombie; -1.
int process_open(pid_t pid, uint64_t start_time, struct failure *failure);
// 1 sent, 0 when that process is gone or a zombie, -1.
int process_signal(pid_t pid, uint64_t start_time, int signal, struct failure *failure);

// wait.c: poll(2) on one descriptor, whatever signals come. 1, 0 when nothing has come in that many milliseconds, -1 with errno.
int process_poll(int fd, short events, int32_t milliseconds);
// Both: 1 when it has come, 0 when it has not in that many milliseconds, -1.
int process_wait_exit(pid_t pid, uint64_t start_time, int32_t milliseconds, struct failure *failure);
// Until cgroup.events in that directory has the line; 1 too when there is no such directory (any more).
int process_wait_cgroup(const char *directory, const char *line, int32_t milliseconds, struct failure *failure);

// cgroup_tree.c: the pids in a cgroup and below it, each with a line break; none when there is no such cgroup.
int cgroup_processes(const char *path, struct bytes *out, struct failure *failure);
// Removes all cgroups below one: 1 when none is left, 0 when one is busy, -1.
int cgroup_remove_below(const char *path, struct failure *failure);

struct run_result {
  int status; // 128 + signal when killed
  struct bytes out, err;
};
// run.c: executes argv[0] (searched in PATH) and waits. argv ends with NULL. The texts are UTF-8, or EILSEQ.
int process_run(char *const *argv, struct run_result *result, struct failure *failure);
#endif
