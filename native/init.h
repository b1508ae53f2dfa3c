// The container's first process: a static program that walks its share of the plan and then becomes the container's program.
#ifndef RUNTS_INIT_H
#define RUNTS_INIT_H
#include "walk.h"

enum { DIRECTORY_TRY = 0, DIRECTORY_RETRY = 1, DIRECTORY_MAKE = 2 }; // working_directory's "when"
enum { GROUPS_KEEP = 0, GROUPS_SET = 1, GROUPS_DROP_IF_ALLOWED = 2 };         // user's "set_groups"

struct program {
  char path[4096];   // what find_program found
  char home[4096];   // "HOME=..." or empty
  bool in_directory; // working_directory has succeeded
};

#define INIT_STEPS(X)                                                                                                   \
  X(refork) X(join) X(unshare) X(become) X(loopback) X(keyring) X(propagate) X(root) X(mount_fs) X(mount_bind)          \
  X(mount_attributes) X(mount_propagation) X(mask) X(read_only) X(device) X(symlink) X(console) X(pivot) X(move_root)   \
  X(hostname) X(domainname) X(private_proc) X(sysctl) X(label) X(no_new_privileges) X(rlimit) X(umask) X(bounding_set)  \
  X(user) X(capabilities) X(seccomp) X(working_directory) X(own_stdio) X(find_program) X(wait_for_start) X(exec)        \
  X(keep_descriptors) X(new_session) X(scheduler) X(io_priority) X(personality) X(memory_policy) X(affinity)            \
  X(set_terminal) X(open_device) X(change_root)
#define DECLARE_INIT_STEP(name) int init_##name(struct walk *walk, const struct step *step);
INIT_STEPS(DECLARE_INIT_STEP)

// The only way out of init.
__attribute__((noreturn)) void init_leave(int status);
int attach_mount(struct walk *walk, int mount, int target, const char *path);
// EPERM when a symlink of the image has led what is for another place into /proc (CVE-2015-3630, CVE-2025-52881).
int attach_outside_proc(struct walk *walk, int mount, int target, const char *path);
// Every whole procfs and sysfs that is not below `root` is unmounted, or covered.
int detach_kernel_mounts(struct walk *walk, const char *root);
// tmpfs "tmpcopyup": copies what is below one directory into another
int copy_tree(int from, int to, struct failure *failure);
#endif
