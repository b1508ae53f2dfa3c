// The user's program: found and looked at when the container is created, executed when it is started.
#define _GNU_SOURCE
#include "init.h"
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Directories are refused, and what the user may not execute (also for a mount's noexec). 0 or -1 with errno.
static int executable(const char *path) {
  struct stat st;
  if (stat(path, &st) < 0) return -1;
  if (S_ISDIR(st.st_mode)) {
    errno = EISDIR;
    return -1;
  }
  if ((st.st_mode & 0111) == 0) { // root may not execute what nobody may
    errno = EACCES;
    return -1;
  }
  if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0) return 0;
  // The kernel has no EPERM here, but a seccomp filter made before faccessat2(2) was may have; execve(2) has the last word.
  if (errno != EPERM) return -1;
  return access(path, X_OK) == 0 || errno == EPERM ? 0 : -1;
}

static int search(struct walk *walk, const char *name, const char *directories) {
  struct program *program = walk->program;
  for (const char *at = directories;; at++) {
    size_t length = strcspn(at, ":");
    int size = snprintf(program->path, sizeof program->path, "%.*s%s%s", (int)length, at, length ? "/" : "./", name);
    if (size > 0 && (size_t)size < sizeof program->path && executable(program->path) == 0) return 0;
    at += length;
    if (*at == '\0') break;
  }
  errno = ENOENT;
  return walk_fail(walk, "search", name);
}

// The kernel says ENOENT when it is the interpreter that is missing: find that out while it can still be explained.
static int check_interpreter(struct walk *walk, const char *call, const char *interpreter) {
  if (access(interpreter, F_OK) == 0 || errno != ENOENT) return 0;
  return walk_fail(walk, call, interpreter);
}

static int check_script(struct walk *walk, char *line) {
  line[strcspn(line, "\n")] = '\0';
  line += strspn(line, " \t");
  line[strcspn(line, " \t")] = '\0';
  return *line ? check_interpreter(walk, "interpreter", line) : 0;
}

static int check_elf(struct walk *walk, int file, const Elf64_Ehdr *header) {
  if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_phentsize != sizeof(Elf64_Phdr)) return 0;
  for (unsigned i = 0; i < header->e_phnum && i < 64; i++) {
    Elf64_Phdr segment;
    char path[256];
    if (pread(file, &segment, sizeof segment, (off_t)(header->e_phoff + i * sizeof segment)) != sizeof segment) return 0;
    if (segment.p_type != PT_INTERP) continue;
    size_t size = segment.p_filesz;
    if (size >= sizeof path) return 0;
    if (pread(file, path, size, (off_t)segment.p_offset) != (ssize_t)size) return 0;
    path[size] = '\0';
    return check_interpreter(walk, "loader", path);
  }
  return 0;
}

static int look_inside(struct walk *walk) {
  _Alignas(Elf64_Ehdr) char start[257];
  int file = open(walk->program->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (file < 0) return 0; // executable but not readable: nothing can be said
  ssize_t size = pread(file, start, sizeof start - 1, 0);
  int result = 0;
  if (size > 2) {
    start[size] = '\0';
    if (start[0] == '#' && start[1] == '!') result = check_script(walk, start + 2);
    else if ((size_t)size >= sizeof(Elf64_Ehdr) && memcmp(start, ELFMAG, SELFMAG) == 0) result = check_elf(walk, file, (const Elf64_Ehdr *)(void *)start);
  }
  close(file);
  return result;
}

enum { MOST_USERS = 1 << 18, LARGEST_FILE = 64 << 20 };

// HOME of a user, from the container's own /etc/passwd: NAME:PASSWORD:UID:GID:COMMENT:HOME:SHELL
static void find_home(struct program *program, unsigned uid) {
  strcpy(program->home, "HOME=/");
  struct stat st;
  int file = open("/etc/passwd", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  FILE *stream = file < 0 || fstat(file, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > LARGEST_FILE ? NULL : fdopen(file, "r");
  char line[4096];
  // the image may have made it a device or a hole that never ends
  for (int lines = 0; stream && lines < MOST_USERS && fgets(line, sizeof line, stream); lines++) {
    char *field[7] = { line };
    for (int i = 1; i < 7; i++) {
      field[i] = field[i - 1] ? strchr(field[i - 1], ':') : NULL;
      if (field[i]) *field[i]++ = '\0';
    }
    char *end;
    if (!field[5] || strtoul(field[2], &end, 10) != uid || end == field[2] || *end) continue;
    field[5][strcspn(field[5], ":\n")] = '\0';
    if (field[5][0] == '/') snprintf(program->home, sizeof program->home, "HOME=%.4000s", field[5]);
    break;
  }
  if (stream) fclose(stream);
  else if (file >= 0) close(file);
}

int init_find_program(struct walk *walk, const struct step *step) {
  const char *name = walk_string(walk, step, 0);
  if (step->n[0] <= UINT32_MAX) find_home(walk->program, (unsigned)step->n[0]);
  if (strchr(name, '/')) {
    if (strlen(name) >= sizeof walk->program->path) errno = ENAMETOOLONG;
    else if (executable(name) == 0) {
      strcpy(walk->program->path, name);
      return look_inside(walk);
    }
    return walk_fail(walk, "stat", name);
  }
  return search(walk, name, walk_string(walk, step, 1)) < 0 ? -1 : look_inside(walk);
}

// Takes memory that is there already as far as it goes: the seccomp filter may forbid to ask for more.
static char **to_array(struct text list, const char *more) {
  static char *pool[8192];
  static size_t used;
  size_t size = text_count(list) + 2;
  char **array = size <= sizeof pool / sizeof *pool - used ? pool + used : calloc(size, sizeof *array);
  uint32_t cursor = 0, count = 0;
  if (array == pool + used) used += size;
  if (!array) return NULL;
  for (const char *item; (item = text_next(list, &cursor));) array[count++] = (char *)(uintptr_t)item;
  if (*more) array[count] = (char *)(uintptr_t)more;
  return array;
}

int init_exec(struct walk *walk, const struct step *step) {
  char **argv = to_array(walk_text(walk, step, 0), ""), **envp = to_array(walk_text(walk, step, 1), walk->program->home);
  if (!argv || !envp) return walk_fail(walk, "malloc", NULL);
  execve(walk->program->path, argv, envp);
  return walk_fail(walk, "execve", walk->program->path);
}
