#define _GNU_SOURCE
#include "rehearsal.h"
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_ROUNDS = 200 }; // each finds one block at least of every page

static struct findings {
  struct arena_uses uses;
  uint32_t count;
} *found; // shared with the children

static void on_access(int signal_number, siginfo_t *info, void *context) {
  (void)context;
  if (signal_number != SIGSEGV || info->si_code != SEGV_ACCERR || !arena_note_use(info->si_addr, &found->count)) _exit(3); // a real crash
}

__attribute__((noreturn)) static void perform_watched(void (*prepare)(struct arena_uses *uses), void (*perform)(void)) {
  struct sigaction action = { .sa_sigaction = on_access, .sa_flags = SA_SIGINFO };
  int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  prepare(&found->uses);
  for (int i = 0; i < 3; i++) dup2(nothing, i);
  sigaction(SIGSEGV, &action, NULL);
  arena_watch();
  perform();
  _exit(0);
}

struct arena_uses *rehearse(void (*prepare)(struct arena_uses *uses), void (*perform)(void)) {
  found = mmap(NULL, sizeof *found, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (found == MAP_FAILED) return NULL;
  for (int round = 0; round < MOST_ROUNDS; round++) {
    uint32_t before = found->count;
    int status;
    pid_t pid = fork();
    if (pid == 0) perform_watched(prepare, perform);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) return NULL;
    if (found->count == before) break;
  }
  return &found->uses;
}
