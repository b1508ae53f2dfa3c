// The production host: one static executable with QuickJS, the binding and the program's bytecode.
// The bytecode is in parts, each one function (native, argv, load) => exports; see src/host.ts.
#define _GNU_SOURCE
#include "../utf8.h"
#include "arena.h"
#include "napi_qjs.h"
#include "rehearsal.h"
#include "snapshot.h"
#include "stand_ins.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

extern napi_value napi_register_module_v1(napi_env env, napi_value exports);
// The parts, as in scripts/bundle.mjs and CMakeLists.txt: `cli` is the first; `cold`, the last, is not in the snapshot, which
// would be twice as large.
#define PART_LIST(X) X(cli) X(create) X(exec) X(seccomp) X(systemd) X(cold)
#define DECLARE_PART(name) extern const uint8_t part_##name[], part_##name##_end[];
#define LIST_PART(name) { #name, part_##name, part_##name##_end },
#define COUNT_PART(name) +1

PART_LIST(DECLARE_PART)
enum { PARTS = PART_LIST(COUNT_PART) };
static const struct part {
  const char *name;
  const uint8_t *begin, *end;
} parts[PARTS] = { PART_LIST(LIST_PART) };

// The engine; what every part is called with, and what it gave back: JS_UNDEFINED until it is loaded.
static SNAPSHOT struct {
  JSRuntime *runtime;
  JSContext *context;
  JSValue native, argv, load;
  JSValue exports[PARTS];
} host;

// One line on standard error, written at once: whatever is left of the process cannot mix with it.
static void complain(const char *format, ...) {
  char line[2048];
  va_list values;
  va_start(values, format);
  int size = vsnprintf(line, sizeof line - 1, format, values);
  va_end(values);
  if (size < 0) return;
  size_t length = (size_t)size < sizeof line - 1 ? (size_t)size : sizeof line - 2;
  line[length++] = '\n';
  ssize_t written = write(2, line, length);
  (void)written; // there is nowhere left to report it
}

// A descriptor that is missing would be given to the next file opened, and messages would be written into that.
static void open_missing_stdio(void) {
  for (int fd = 0; fd < 3; fd++)
    if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) != fd) _exit(1);
}

// The text of a property or of a value, "" when there is none or making it throws. Free with JS_FreeCString.
static const char *text_of(JSContext *context, JSValue value) {
  const char *text = JS_IsUndefined(value) ? NULL : JS_ToCString(context, value);
  if (text == NULL) JS_FreeValue(context, JS_GetException(context));
  return text;
}

// The program catches its own errors: what comes here is a bug. "runts: internal error: TypeError: ... at f (cli.js:3:4), at ..."
static void report_exception(JSContext *context) {
  JSValue error = JS_GetException(context);
  JSValue stack = JS_IsObject(error) ? JS_GetPropertyStr(context, error, "stack") : JS_UNDEFINED;
  const char *message = text_of(context, error), *frames = JS_IsException(stack) ? NULL : text_of(context, stack);
  char place[1024];
  size_t size = 0;
  for (const char *at = frames != NULL ? frames : ""; *at != '\0' && size < sizeof place - 2; at++) {
    if (*at == '\n' && at[1] != '\0') place[size++] = ',';
    if (*at != '\n' && (*at != ' ' || at[1] != ' ') && (*at != ' ' || size > 0)) place[size++] = *at;
  }
  place[size] = '\0';
  complain("runts: internal error: %s%s%s%s", message != NULL && *message != '\0' ? message : "an exception without a text",
           size > 0 ? " (" : "", place, size > 0 ? ")" : "");
  if (frames != NULL) JS_FreeCString(context, frames);
  if (message != NULL) JS_FreeCString(context, message);
  JS_FreeValue(context, stack);
  JS_FreeValue(context, error);
}

// Runs a part's function on first use. Returns a new reference to its exports, or JS_EXCEPTION.
static JSValue load_part(JSContext *context, int index) {
  if (JS_IsUndefined(host.exports[index])) {
    const struct part *part = &parts[index];
    JSValue script = JS_ReadObject(context, part->begin, (size_t)(part->end - part->begin), JS_READ_OBJ_BYTECODE);
    JSValue function = JS_IsException(script) ? script : JS_EvalFunction(context, script);
    if (JS_IsException(function)) return function;
    JSValue arguments[] = { host.native, host.argv, host.load };
    JSValue exports = JS_Call(context, function, JS_UNDEFINED, 3, arguments);
    JS_FreeValue(context, function);
    if (JS_IsException(exports)) return exports;
    host.exports[index] = exports;
  }
  return JS_DupValue(context, host.exports[index]);
}

static JSValue load(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  const char *name = argc > 0 ? JS_ToCString(context, argv[0]) : NULL;
  if (name == NULL) return JS_ThrowTypeError(context, "load: the name of a part expected");
  int index = 0;
  while (index < PARTS && strcmp(parts[index].name, name) != 0) index++;
  JSValue exports = index < PARTS ? load_part(context, index) : JS_ThrowReferenceError(context, "no part called %s", name);
  JS_FreeCString(context, name);
  return exports;
}

// Stack that JavaScript may use: deep recursion must become an exception, under a small `ulimit -s` too.
static size_t stack_room(void) {
  const size_t most = 4 << 20;
  struct rlimit limit;
  if (getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur / 2 < most) return limit.rlim_cur / 2;
  return most;
}

// Only what src/ uses (ES2022 without Promise, Proxy and the like): each further one costs start-up time.
static JSContext *new_context(JSRuntime *runtime) {
  JSContext *context = JS_NewContextRaw(runtime);
  if (context == NULL) return NULL;
  JS_AddIntrinsicBaseObjects(context);
  JS_AddIntrinsicRegExp(context);
  JS_AddIntrinsicJSON(context);
  JS_AddIntrinsicMapSet(context);
  JS_AddIntrinsicTypedArrays(context);
  JS_AddIntrinsicDate(context);
#ifdef RUNTS_SANITIZE
  JS_AddIntrinsicPromise(context); // yargs has an async method: never called, but only freed when the class is known
#endif
  return context;
}

// Everything but the parts.
static int set_up(void) {
#ifdef RUNTS_SANITIZE
  host.runtime = JS_NewRuntime(); // the leak checker knows malloc only
#else
  host.runtime = JS_NewRuntime2(&arena, NULL);
#endif
  host.context = host.runtime == NULL ? NULL : new_context(host.runtime);
  if (host.context == NULL) {
    complain("runts: cannot allocate memory");
    return -1;
  }
  JS_SetGCThreshold(host.runtime, (size_t)-1); // reference counts free nearly everything; commands are short
  for (int i = 0; i < PARTS; i++) host.exports[i] = JS_UNDEFINED;
  host.argv = JS_NewArray(host.context);
  host.load = JS_NewCFunction(host.context, load, "load", 1);
  host.native = napi_qjs_load(host.context, napi_register_module_v1);
  if (!JS_IsException(host.native)) return 0;
  report_exception(host.context);
  return -1;
}

// The arguments without the program's name. JavaScript strings cannot hold bytes that are not UTF-8.
static int read_arguments(JSContext *context, int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    size_t size = strlen(argv[i]);
    if (utf8_prefix(argv[i], size) != size) {
      complain("runts: argument %d is not valid UTF-8", i);
      return -1;
    }
    JS_SetPropertyUint32(context, host.argv, (uint32_t)i - 1, JS_NewStringLen(context, argv[i], size));
  }
  return 0;
}

// Calls main() of the `cli` part; its value is the exit status.
static int run(JSContext *context) {
  int32_t status = 1;
  JSValue cli = load_part(context, 0);
  JSValue function = JS_IsException(cli) ? JS_EXCEPTION : JS_GetPropertyStr(context, cli, "main");
  JSValue result = JS_IsException(function) ? JS_EXCEPTION : JS_Call(context, function, JS_UNDEFINED, 0, NULL);
  if (JS_IsException(result) || JS_ToInt32(context, &status, result) < 0) {
    report_exception(context);
    status = 1;
  }
  JS_FreeValue(context, result);
  JS_FreeValue(context, function);
  JS_FreeValue(context, cli);
  return status;
}

#ifndef RUNTS_SANITIZE
// At build time: loads the parts, so that nobody has to do it again.
static void prepare_snapshot(struct arena_uses *uses) {
  arena_begin_snapshot(uses);
  if (set_up() < 0) _exit(1);
  for (int i = 0; i < PARTS - 1; i++) {
    JSValue exports = load_part(host.context, i);
    if (JS_IsException(exports)) {
      report_exception(host.context);
      _exit(1);
    }
    JS_FreeValue(host.context, exports);
  }
}

static const char *rehearsal_bundle;

// The life of a container as an engine has it, and the same in one command.
static void perform_commands(void) {
  const char *bundle = rehearsal_bundle;
  char root[2048], socket[4096];
  snprintf(root, sizeof root, "%s/state", bundle);
  snprintf(socket, sizeof socket, "%s/runts-rehearsal/start.sock", root);
  const char *commands[][9] = {
    { "--root", root, "--version" },
    { "--root", root, "delete", "--force", "runts-rehearsal" },
    { "--root", root, "create", "--bundle", bundle, "--console-socket", root, "runts-rehearsal" },
    { "--root", root, "state", "runts-rehearsal" },
    { "--root", root, "start", "runts-rehearsal" },
    { "--root", root, "list" },
    { "--root", root, "exec", "runts-rehearsal", "true" },
    { "--root", root, "kill", "runts-rehearsal", "KILL" },
    { "--root", root, "delete", "--force", "runts-rehearsal" },
    { "--root", root, "run", "--bundle", bundle, "runts-rehearsal" },
  };
  stand_ins_install(host.context, host.native);
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
    JS_SetPropertyStr(host.context, host.argv, "length", JS_NewInt32(host.context, 0));
    for (uint32_t word = 0; word < 9 && commands[i][word]; word++)
      JS_SetPropertyUint32(host.context, host.argv, word, JS_NewString(host.context, commands[i][word]));
    if (run(host.context) != 0) _exit(1);
    if (strcmp(commands[i][2], "create") == 0) close(open(socket, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)); // what init would have
  }
}

__attribute__((noreturn)) static void take_snapshot(const char *path, const char *bundle) {
  rehearsal_bundle = bundle;
  struct arena_uses *uses = rehearse(prepare_snapshot, perform_commands);
  if (!uses) {
    complain("runts: the rehearsal for the snapshot failed");
    _exit(1);
  }
  prepare_snapshot(uses);
  if (!arena_end_snapshot()) {
    complain("runts: the snapshot needs more room, see FIRST_CHUNK in arena.c");
    _exit(1);
  }
  snapshot_write(path);
}
#endif

#ifdef RUNTS_SANITIZE
// Lets the leak checker and QuickJS' own assertions look at an empty heap. A normal run leaves that to the kernel.
static void tear_down(void) {
  for (int i = 0; i < PARTS; i++) JS_FreeValue(host.context, host.exports[i]);
  JS_FreeValue(host.context, host.load);
  JS_FreeValue(host.context, host.argv);
  JS_FreeValue(host.context, host.native);
  napi_qjs_unload();
  JS_FreeContext(host.context);
  JS_FreeRuntime(host.runtime);
}
#endif

int main(int argc, char **argv) {
  open_missing_stdio();
#ifndef RUNTS_SANITIZE
  if (!snapshot_taken() && argc == 4 && strcmp(argv[1], "--snapshot") == 0) take_snapshot(argv[2], argv[3]);
#endif
  signal(SIGPIPE, SIG_IGN); // a reader that goes away is an EPIPE, as in Node.js
  signal(SIGCHLD, SIG_DFL); // ignored by the caller, our children could not be waited for, and a hook that fails would not be noticed
  if (snapshot_taken()) JS_UpdateStackTop(host.runtime);
  else if (set_up() < 0) return 1;
  JS_SetMaxStackSize(host.runtime, stack_room());
  int status = read_arguments(host.context, argc, argv) < 0 ? 1 : run(host.context);
#ifdef RUNTS_SANITIZE
  tear_down();
  return status; // the leak checker runs at exit
#else
  _exit(status);
#endif
}
