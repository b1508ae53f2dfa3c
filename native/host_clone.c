// clone: the container's first process is born in its cgroup and namespaces and executes init from a sealed memfd.
#define _GNU_SOURCE
#include "host.h"
#include "prepare.h"
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

struct child {
  struct walk *walk;
  int socket, image, error;
  bool raise_capabilities;
  uint64_t keep; // descriptors of the caller's that the container gets, a mask
  char argument[12];
};

// In a new user namespace nothing is mapped yet, so an execve would drop every capability (capabilities(7),
// "Transformation of capabilities during execve()"): ambient ones survive it.
static void raise_ambient(void) {
  struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
  struct __user_cap_data_struct data[2];
  if (syscall(SYS_capget, &header, data) < 0) return;
  data[0].inheritable = data[0].permitted;
  data[1].inheritable = data[1].permitted;
  if (syscall(SYS_capset, &header, data) < 0) return;
  for (int capability = 0; capability < 64; capability++)
    if (data[capability / 32].permitted >> capability % 32 & 1) prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0);
}

// Runs in the child, on a stack of its own but in our memory, while we are suspended (as after vfork): system calls only.
__attribute__((noreturn, used)) static void child_main(struct child *child) {
  if (child->raise_capabilities) raise_ambient();
  fcntl(child->socket, F_SETFD, 0);
  for (int i = 0; i < 64; i++) // Node.js makes all that it has inherited close-on-exec, standard input and output too
    if (child->keep >> i & 1) fcntl(i, F_SETFD, 0);
  for (int i = SLOT_SHARED; i < SLOT_COUNT; i++)
    if (child->walk->slots[i] >= 0) fcntl(child->walk->slots[i], F_SETFD, 0);
  char *argv[] = { "runts-init", child->argument, NULL }, *envp[] = { NULL };
  syscall(SYS_execveat, child->image, "", argv, envp, AT_EMPTY_PATH);
  child->error = errno;
  _exit(127);
}

// clone3 with a stack of the child's own, on which it calls child_main and never returns.
static long clone_vfork(struct clone_args *args, struct child *child) {
  long result;
#if defined(__x86_64__)
  register struct child *argument __asm__("r12") = child;
  __asm__ volatile("syscall\n\ttest %%rax, %%rax\n\tjnz 1f\n\txor %%ebp, %%ebp\n\tmov %%r12, %%rdi\n\tcall *%[entry]\n1:"
                   : "=a"(result)
                   : "0"((long)SYS_clone3), "D"(args), "S"(sizeof *args), "r"(argument), [entry] "r"(child_main)
                   : "rcx", "r11", "memory");
#elif defined(__aarch64__)
  register long number __asm__("x8") = SYS_clone3;
  register struct clone_args *x0 __asm__("x0") = args;
  register long x1 __asm__("x1") = sizeof *args;
  register struct child *argument __asm__("x19") = child;
  register void (*entry)(struct child *) __asm__("x20") = child_main;
  __asm__ volatile("svc 0\n\tcbnz x0, 1f\n\tmov x29, 0\n\tmov x0, x19\n\tblr x20\n1:"
                   : "+r"(x0)
                   : "r"(number), "r"(x1), "r"(argument), "r"(entry)
                   : "memory");
  result = (long)x0;
#else
#error "clone_vfork: only x86_64 and aarch64 are written"
#endif
  if (result >= 0) return result;
  errno = (int)-result;
  return -1;
}

static uint64_t kept_descriptors(const struct plan *plan) {
  uint64_t mask = 7;
  for (uint32_t i = 0; i < plan->header->step_count; i++)
    if (plan->steps[i].kind == STEP_keep_descriptors) mask |= plan->steps[i].n[0];
  return mask;
}

pid_t clone_init(struct walk *walk, uint64_t flags, int cgroup) {
  static _Alignas(16) uint8_t stack[16384];
  int sockets[2], pidfd = -1;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0) return walk_fail(walk, "socketpair", NULL);
  struct child child = { .walk = walk, .socket = sockets[1], .raise_capabilities = flags & CLONE_NEWUSER, .keep = kept_descriptors(&walk->plan) };
  snprintf(child.argument, sizeof child.argument, "%d", sockets[1]);
  child.image = prepared_init(&walk->failure);
  // made ahead, unless another user namespace is to own it
  bool born_inside = flags & CLONE_NEWNET && !(flags & CLONE_NEWUSER) && child.image >= 0 && prepared_network_enter();
  if (born_inside) flags &= ~(uint64_t)CLONE_NEWNET;
  struct clone_args args = {
    .flags = flags | CLONE_VM | CLONE_VFORK | CLONE_PIDFD | (cgroup >= 0 ? CLONE_INTO_CGROUP : 0),
    .pidfd = (uint64_t)(uintptr_t)&pidfd,
    .exit_signal = SIGCHLD,
    .stack = (uint64_t)(uintptr_t)stack,
    .stack_size = sizeof stack,
    .cgroup = cgroup >= 0 ? (uint64_t)cgroup : 0,
  };
  sigset_t all, before; // a handler of ours must not run in the child: it would see our memory
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  long pid = child.image < 0 ? -1 : clone_vfork(&args, &child);
  if (pid < 0 && child.image >= 0) walk_fail(walk, "clone3", NULL);
  sigprocmask(SIG_SETMASK, &before, NULL);
  if (born_inside && prepared_network_leave(&walk->failure) < 0 && pid > 0) {
    kill((pid_t)pid, SIGKILL);
    waitpid((pid_t)pid, NULL, 0);
    pid = -1;
  }
  if (child.image >= 0) close(child.image);
  close(sockets[1]);
  if (pid > 0 && child.error) {
    waitpid((pid_t)pid, NULL, 0);
    close(pidfd);
    errno = child.error;
    pid = walk_fail(walk, "execveat", "runts-init");
  }
  if (pid < 0) {
    close(sockets[0]);
    return -1;
  }
  walk->socket = sockets[0];
  walk->slots[SLOT_PID] = (int)pid;
  slot_set(walk, SLOT_PIDFD, pidfd);
  return (pid_t)pid;
}

int host_clone(struct walk *walk, const struct step *step) {
  int cgroup = -1;
  if (step->n[1] < SLOT_COUNT && (cgroup = slot_get(walk, step->n[1])) < 0) return -1;
  if (clone_init(walk, step->n[0], cgroup) < 0) return -1;
  struct message message = { .type = MESSAGE_BOOTSTRAP };
  for (int i = 0; i < SLOT_COUNT; i++) message.slots[i] = i >= SLOT_SHARED ? walk->slots[i] : -1;
  walk->fresh = 0;
  if (message_send(walk, &message) < 0) return walk_fail(walk, "sendmsg", "init");
  return 0;
}
