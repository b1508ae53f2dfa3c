// spawn: times commands from outside, without the cost of the program that asks for it (Node.js needs milliseconds to
// start a process). Requests are lines on standard input, their fields separated by tabs; each is answered by one line.
//
//   run COUNT TOGETHER ARGUMENT...   starts the command COUNT times, at once or one after the other; "%" in an argument is the
//                                    number of the start -> "NANOSECONDS USER_MICROSECONDS SYSTEM_MICROSECONDS PEAK_KB FAILURES"
//   gone PID-FILE                    waits for the end of an orphan (a container's first process) -> "0"
//
// PEAK_KB is the largest resident set of any one process of the command (getrusage(2), ru_maxrss).
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ARGUMENTS = 64, STARTS = 1000 };
extern char **environ;

struct totals {
  long user, system, peak, failures;
};

static void add(struct totals *totals, int status, const struct rusage *usage) {
  totals->user += usage->ru_utime.tv_sec * 1000000 + usage->ru_utime.tv_usec;
  totals->system += usage->ru_stime.tv_sec * 1000000 + usage->ru_stime.tv_usec;
  if (usage->ru_maxrss > totals->peak) totals->peak = usage->ru_maxrss;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) totals->failures++;
}

static void numbered(char **from, char **to, char *space, int number) {
  for (; *from; from++) {
    *to++ = space;
    for (const char *at = *from; *at; at++) space += *at == '%' ? sprintf(space, "%d", number) : (*space = *at, 1);
    *space++ = '\0';
  }
  *to = NULL;
}

static void run(char **arguments) {
  static char space[1 << 16];
  static pid_t pids[STARTS];
  int count = atoi(arguments[0]), together = atoi(arguments[1]);
  if (count > STARTS) exit(2);
  int output = open("stdout", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
  int errors = open("stderr", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  posix_spawn_file_actions_adddup2(&actions, errors, 2);
  struct totals totals = { 0 };
  struct timespec begin, end;
  struct rusage usage;
  int status;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  for (int i = 0; i < count; i++) {
    char *argv[ARGUMENTS];
    numbered(arguments + 2, argv, space, i);
    if (posix_spawn(&pids[i], argv[0], &actions, NULL, argv, environ) != 0) pids[i] = 0, totals.failures++;
    else if (!together && wait4(pids[i], &status, 0, &usage) == pids[i]) add(&totals, status, &usage);
  }
  for (int i = 0; together && i < count; i++)
    if (pids[i] && wait4(pids[i], &status, 0, &usage) == pids[i]) add(&totals, status, &usage);
  clock_gettime(CLOCK_MONOTONIC, &end);
  close(output);
  close(errors);
  posix_spawn_file_actions_destroy(&actions);
  long long nanoseconds = (end.tv_sec - begin.tv_sec) * 1000000000LL + end.tv_nsec - begin.tv_nsec;
  printf("%lld %ld %ld %ld %ld\n", nanoseconds, totals.user, totals.system, totals.peak, totals.failures);
}

// Orphans are ours, because of PR_SET_CHILD_SUBREAPER.
static void gone(const char *file) {
  FILE *stream = fopen(file, "r");
  int pid = 0;
  if (stream && fscanf(stream, "%d", &pid) == 1) waitpid(pid, NULL, 0);
  if (stream) fclose(stream);
  puts("0");
}

int main(void) {
  char line[8192];
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  while (fgets(line, sizeof line, stdin)) {
    char *fields[ARGUMENTS], *rest = line;
    int count = 0;
    line[strcspn(line, "\n")] = '\0';
    while (count < ARGUMENTS - 1 && (fields[count] = strsep(&rest, "\t"))) count++;
    fields[count] = NULL;
    if (strcmp(fields[0], "run") == 0) run(fields + 1);
    else gone(fields[1]);
    fflush(stdout);
    while (waitpid(-1, NULL, WNOHANG) > 0) continue; // orphans that have ended
  }
  return 0;
}
