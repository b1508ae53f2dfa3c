#define _GNU_SOURCE
#include "prepare.h"
#include "namespace.h"
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U
#endif

extern const uint8_t init_image[], init_image_end[];

static struct {
  pthread_t thread;
  bool running;
  int init, ours, made; // descriptors: the copy, our network namespace and the new one; -1 when there is none
} prepared = { .init = -1, .ours = -1, .made = -1 };

// An unwritable copy: neither the container nor anybody else can change what runs with the container's privileges
// (CVE-2019-5736), and /proc/PID/exe of init leads to nothing of the host's.
static int sealed_init(struct failure *failure) {
  size_t size = (size_t)(init_image_end - init_image);
  int image = memfd_create("runts-init", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
  if (image < 0 && errno == EINVAL) image = memfd_create("runts-init", MFD_CLOEXEC | MFD_ALLOW_SEALING); // before Linux 6.3
  if (image < 0) return fail(failure, "memfd_create", "runts-init");
  if (write(image, init_image, size) == (ssize_t)size && fcntl(image, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0)
    return image;
  fail(failure, "write", "runts-init");
  close(image);
  return -1;
}

// Root of a user namespace may leave a network namespace that another one owns, but not come back: then it is not for us to use.
static void make_network(void) {
  prepared.ours = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  if (prepared.ours < 0 || unshare(CLONE_NEWNET) < 0) return;
  int made = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  struct failure ignored;
  loopback_up(&ignored); // the step that does this for the container finds it done
  if (setns(prepared.ours, CLONE_NEWNET) == 0) prepared.made = made;
  else if (made >= 0) close(made);
}

static void *prepare(void *nothing) {
  struct failure ignored;
  prepared.init = sealed_init(&ignored);
  make_network();
  return nothing;
}

static void forget(int *descriptor) {
  if (*descriptor >= 0) close(*descriptor);
  *descriptor = -1;
}

static void finish(void) {
  if (prepared.running) pthread_join(prepared.thread, NULL);
  prepared.running = false;
}

// Those that we may use, but for the one that we are on: next to us the thread would wait for the end of our turn. False when
// there is none; then nothing can be gained.
static bool other_processors(cpu_set_t *set) {
  int here = sched_getcpu();
  if (here < 0 || here >= CPU_SETSIZE || sched_getaffinity(0, sizeof *set, set) < 0) return false;
  CPU_CLR(here, set);
  return CPU_COUNT(set) > 0;
}

void prepare_begin(void) {
  cpu_set_t others;
  finish();
  forget(&prepared.init);
  forget(&prepared.ours);
  forget(&prepared.made);
  if (!other_processors(&others)) return;
  sigset_t all, before; // signals are for the thread that waits for them
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  prepared.running = pthread_create(&prepared.thread, NULL, prepare, NULL) == 0;
  if (prepared.running) pthread_setaffinity_np(prepared.thread, sizeof others, &others);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

int prepared_init(struct failure *failure) {
  finish();
  int init = prepared.init;
  prepared.init = -1;
  return init < 0 ? sealed_init(failure) : init;
}

bool prepared_network_enter(void) {
  finish();
  return prepared.made >= 0 && setns(prepared.made, CLONE_NEWNET) == 0;
}

int prepared_network_leave(struct failure *failure) {
  int result = setns(prepared.ours, CLONE_NEWNET) < 0 ? fail(failure, "setns", "our own network namespace") : 0;
  forget(&prepared.ours);
  forget(&prepared.made);
  return result;
}
