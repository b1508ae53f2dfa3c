// Namespaces from inside, and what belongs to a fresh one: loopback, names, the session keyring.
#define _GNU_SOURCE
#include "init.h"
#include "namespace.h"
#include "open_device.h"
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

// In a namespace with other processes these must not look into us: our descriptors and memory are the host's (CVE-2016-9962).
int init_join(struct walk *walk, const struct step *step) {
  int descriptor = slot_get(walk, step->n[0]);
  if (descriptor < 0) return -1;
  if (prctl(PR_SET_DUMPABLE, 0) < 0) return walk_fail(walk, "prctl", NULL);
  // The caller's groups go while they can: the user namespace may deny it (user_namespaces(7)). Who is not root has to keep them.
  if (step->n[1] & CLONE_NEWUSER) syscall(SYS_setgroups, 0L, NULL);
  if (setns(descriptor, (int)step->n[1]) < 0) return walk_fail(walk, "setns", NULL);
  if (!(step->n[1] & CLONE_NEWNS)) return 0;
  int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC); // exec: the container's root is where paths start from now on
  if (root < 0) return walk_fail(walk, "open", "/");
  slot_set(walk, SLOT_ROOT, root);
  return 0;
}

int init_unshare(struct walk *walk, const struct step *step) {
  return unshare((int)step->n[0]) < 0 ? walk_fail(walk, "unshare", NULL) : 0;
}

// Raw calls: musl's wrappers synchronise threads that do not exist here.
int init_become(struct walk *walk, const struct step *step) {
  gid_t gid = (gid_t)step->n[1];
  uid_t uid = (uid_t)step->n[0];
  if (syscall(SYS_setresgid, gid, gid, gid) < 0) return walk_fail(walk, "setresgid", NULL);
  return syscall(SYS_setresuid, uid, uid, uid) < 0 ? walk_fail(walk, "setresuid", NULL) : 0;
}

int init_loopback(struct walk *walk, const struct step *step) {
  (void)step;
  return loopback_up(&walk->failure);
}

int init_hostname(struct walk *walk, const struct step *step) {
  struct text name = walk_text(walk, step, 0);
  return sethostname(name.data, name.size) < 0 ? walk_fail(walk, "sethostname", name.data) : 0;
}

int init_domainname(struct walk *walk, const struct step *step) {
  struct text name = walk_text(walk, step, 0);
  return setdomainname(name.data, name.size) < 0 ? walk_fail(walk, "setdomainname", name.data) : 0;
}

// A session keyring of the container's own, searchable by processes that join later under the same user (keyrings(7)).
int init_keyring(struct walk *walk, const struct step *step) {
  char description[256];
  unsigned uid, gid, permissions;
  long key = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, walk_string(walk, step, 0));
  if (key < 0) return walk_fail(walk, "keyctl", "join session keyring");
  if (syscall(SYS_keyctl, KEYCTL_DESCRIBE, key, description, sizeof description) < 0) return walk_fail(walk, "keyctl", "describe");
  if (sscanf(description, "%*[^;];%u;%u;%x", &uid, &gid, &permissions) != 3) return 0;
  if (syscall(SYS_keyctl, KEYCTL_SETPERM, key, permissions | 0x80000 /* KEY_USR_SEARCH */) < 0) return walk_fail(walk, "keyctl", "setperm");
  return 0;
}

int init_new_session(struct walk *walk, const struct step *step) {
  (void)step;
  return setsid() < 0 ? walk_fail(walk, "setsid", NULL) : 0;
}

int init_open_device(struct walk *walk, const struct step *step) { return open_device(walk, step); }
