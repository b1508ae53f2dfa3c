// The steps that a plan is made of: number, name, the names of its numbers, the names of its texts.
// src/plan/step.ts has the same table for the planner; test/unit/steps.test.ts compares the two.
// A number is never used again for another meaning; adding or changing a row changes STEP_TABLE_HASH.
#ifndef RUNTS_STEPS_H
#define RUNTS_STEPS_H
#include <stdint.h>

#define PLAN_VERSION 2

#define STEPS(X)                                                                                     \
  X(1, clone, "flags cgroup", "")                                                                    \
  X(2, refork, "flags", "")                                                                          \
  X(3, open_namespace, "slot type", "path")                                                          \
  X(4, join, "slot types", "")                                                                       \
  X(5, unshare, "flags", "")                                                                         \
  X(6, id_map, "deny_setgroups", "uid_map gid_map")                                                  \
  X(7, id_map_helper, "", "program arguments")                                                       \
  X(8, become, "uid gid", "")                                                                        \
  X(9, proc_write, "", "file value")                                                                 \
  X(10, cgroup_make, "slot", "path")                                                                 \
  X(11, cgroup_open, "slot", "path")                                                                 \
  X(12, cgroup_write, "slot", "file value")                                                          \
  X(13, cgroup_own, "slot uid gid", "files")                                                         \
  X(14, device_filter, "slot", "program")                                                            \
  X(15, hook, "timeout", "kind path args env before after")                                          \
  X(16, loopback, "", "")                                                                            \
  X(17, keyring, "", "name label")                                                                   \
  X(18, propagate, "flags", "path")                                                                  \
  X(19, root, "private_parent bind", "path")                                                         \
  X(20, mount_fs, "attributes flags", "type source target options")                                  \
  X(21, mount_bind, "set clear all_set all_clear flags slot", "source target")                       \
  X(22, mount_attributes, "set clear flags", "target")                                               \
  X(23, mount_propagation, "flags", "target")                                                        \
  X(24, mask, "", "path")                                                                            \
  X(25, read_only, "", "path")                                                                       \
  X(26, device, "kind mode major minor uid gid", "path")                                             \
  X(27, symlink, "", "target path")                                                                  \
  X(28, console, "master slave width height uid bind", "")                                                    \
  X(29, pivot, "", "")                                                                               \
  X(30, move_root, "", "")                                                                           \
  X(31, hostname, "", "name")                                                                        \
  X(32, domainname, "", "name")                                                                      \
  X(33, private_proc, "slot", "")                                                                    \
  X(34, sysctl, "slot", "path value")                                                                \
  X(35, label, "slot", "file value")                                                                 \
  X(36, no_new_privileges, "", "")                                                                   \
  X(37, rlimit, "resource soft hard", "")                                                            \
  X(38, umask, "mask", "")                                                                           \
  X(39, bounding_set, "keep", "")                                                                    \
  X(40, user, "uid gid keep_capabilities set_groups", "groups")                                      \
  X(41, capabilities, "effective permitted inheritable ambient", "")                                 \
  X(42, seccomp, "flags slot", "program")                                                            \
  X(43, working_directory, "when", "path")                                                         \
  X(44, own_stdio, "uid", "")                                                                        \
  X(45, find_program, "home_of", "name search_path")                                              \
  X(46, wait_for_start, "slot", "")                                                                  \
  X(47, exec, "", "args env")                                                                    \
  X(48, keep_descriptors, "mask", "")                                                                \
  X(49, new_session, "", "")                                                                         \
  X(50, connect, "slot", "path")                                                                     \
  X(51, listen, "slot", "path")                                                                      \
  X(52, send_descriptor, "connection slot", "text")                                                  \
  X(53, open_device, "slot major minor", "path")                                                     \
  X(54, open_tree, "slot flags", "path")                                                             \
  X(55, user_namespace, "slot", "uid_map gid_map")                                                   \
  X(56, idmap_tree, "slot user_namespace recursive", "")                                             \
  X(57, scheduler, "policy flags nice priority runtime deadline period", "")                         \
  X(58, io_priority, "value", "")                                                                    \
  X(59, personality, "domain", "")                                                                   \
  X(60, memory_policy, "mode", "nodes")                                                              \
  X(61, affinity, "", "cpus")                                                                        \
  X(62, open_process, "slot pid start_time", "")                                                     \
  X(63, record, "", "")                                                                              \
  X(64, set_terminal, "slave", "")                                                                   \
  X(65, change_root, "", "")                                                                         \
  X(66, send_listener, "connection slot", "before between after")                                    \
  X(67, scope, "", "unit")                                                                           \
  X(68, net_device, "", "name target")                                                               \
  X(69, draft, "", "")                                                                               \
  X(70, resctrl_make, "", "path schemata")                                                           \
  X(71, resctrl_join, "", "path")

#define STEP_ENUM(number, name, numbers, texts) STEP_##name = number,
enum step_kind { STEPS(STEP_ENUM) STEP_COUNT };

// FNV-1a over the rows "number name numbers texts\n"; both tables' test computes it.
#define STEP_TABLE_HASH UINT64_C(0x4c153fbc64dfade5)

enum step_actor { ACTOR_INIT = 0, ACTOR_HOST = 1, ACTOR_TYPESCRIPT = 2 };

// Slots hold what exists only at run time. Those from SLOT_SHARED on are descriptors that both actors know.
enum { SLOT_PID = 0, SLOT_PIDFD = 1, SLOT_SHARED = 16, SLOT_PLAN = 16, SLOT_ROOT = 17, SLOT_NULL = 18, SLOT_TRACE = 19, SLOT_LISTENER = 12, SLOT_COUNT = 64 };

// flags of mount_fs and mount_bind
enum {
  MOUNT_NO_SYMLINKS = 2,      // the target path must not contain a symlink (proc, sysfs)
  MOUNT_COPY_UP = 4,          // tmpcopyup
  MOUNT_KEEP_MODE = 8,        // a tmpfs takes the mode of the directory that it covers
  MOUNT_RECURSIVE = 16,       // rbind; recursive attributes
  MOUNT_SOURCE_NO_FOLLOW = 32,
  MOUNT_PROC_ONLY = 64,       // the source must be a proc file system
};
#endif
