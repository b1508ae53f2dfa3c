// The "this process" and "other processes" sections of src/native.ts.
#include "addon.h"
#include <ctime>
#include <sys/mount.h>
#include <sys/utsname.h>
#include <unistd.h>

extern "C" {
#include "blake2b.h"
#include "process.h"
#include "utf8.h"
}

using Napi::CallbackInfo;
using Napi::Value;

static const double SAFE_INTEGER = 9007199254740991;

static Value environment(const CallbackInfo &info) {
  Arguments arguments(info, "env");
  std::string name = arguments.path();
  if (!arguments.good()) return info.Env().Undefined();
  const char *value = getenv(name.c_str());
  if (value == nullptr) return info.Env().Undefined();
  size_t size = strlen(value);
  if (utf8_prefix(value, size) == size) return Napi::String::New(info.Env(), value, size);
  struct failure failure;
  errno = EILSEQ;
  fail(&failure, "getenv", name.c_str());
  return throw_failure(info.Env(), failure);
}

static Value identity(const CallbackInfo &info) {
  const double ids[] = { double(getpid()), double(getuid()), double(geteuid()), double(getgid()), double(getegid()) };
  Napi::Array array = Napi::Array::New(info.Env());
  for (uint32_t i = 0; i < 5; i++) array.Set(i, Napi::Number::New(info.Env(), ids[i]));
  return array;
}

static Value capabilities(const CallbackInfo &info) {
  uint64_t mask;
  struct failure failure;
  if (process_capabilities(&mask, &failure) < 0) return throw_failure(info.Env(), failure);
  return Napi::BigInt::New(info.Env(), mask);
}

static Value system_name(const CallbackInfo &info) {
  struct utsname name;
  uname(&name);
  const char *const fields[] = { name.sysname, name.nodename, name.release, name.version, name.machine };
  Napi::Array array = Napi::Array::New(info.Env());
  for (uint32_t i = 0; i < 5; i++) array.Set(i, Napi::String::New(info.Env(), fields[i], utf8_prefix(fields[i], strlen(fields[i]))));
  return array;
}

static Value is_tty(const CallbackInfo &info) {
  Arguments arguments(info, "isTty");
  int fd = arguments.descriptor();
  if (!arguments.good()) return info.Env().Undefined();
  return Napi::Boolean::New(info.Env(), isatty(fd) == 1);
}

static Value open_at_start(const CallbackInfo &info) {
  Arguments arguments(info, "openAtStart");
  int fd = arguments.descriptor();
  if (!arguments.good()) return info.Env().Undefined();
  return Napi::Boolean::New(info.Env(), process_inherited(fd));
}

static Value digest(const CallbackInfo &info) {
  Arguments arguments(info, "digest");
  std::string text = arguments.text(), hex;
  if (!arguments.good()) return info.Env().Undefined();
  uint8_t bytes[32];
  blake2b_256(text.data(), text.size(), bytes);
  for (uint8_t byte : bytes) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return Napi::String::New(info.Env(), hex);
}

static Value now(const CallbackInfo &info) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  Napi::Array array = Napi::Array::New(info.Env());
  array.Set(0u, Napi::Number::New(info.Env(), double(time.tv_sec)));
  array.Set(1u, Napi::Number::New(info.Env(), double(time.tv_nsec)));
  return array;
}

static Value sleep_for(const CallbackInfo &info) {
  Arguments arguments(info, "sleep");
  int64_t milliseconds = arguments.integer(0, INT32_MAX);
  if (!arguments.good()) return info.Env().Undefined();
  process_sleep(milliseconds);
  return info.Env().Undefined();
}

static Value state_of(const CallbackInfo &info) {
  Arguments arguments(info, "processState");
  pid_t pid = pid_t(arguments.integer(0, INT32_MAX));
  if (!arguments.good()) return info.Env().Undefined();
  struct process_state state;
  struct failure failure;
  int found = process_state(pid, &state, &failure);
  if (found < 0) return throw_failure(info.Env(), failure);
  if (found == 0) return info.Env().Null();
  Napi::Array array = Napi::Array::New(info.Env());
  array.Set(0u, Napi::String::New(info.Env(), &state.letter, 1));
  array.Set(1u, Napi::Number::New(info.Env(), double(state.start_time)));
  return array;
}

static Value signal_process(const CallbackInfo &info) {
  Arguments arguments(info, "signal");
  pid_t pid = pid_t(arguments.integer(1, INT32_MAX));
  uint64_t start_time = uint64_t(arguments.integer(0, int64_t(SAFE_INTEGER)));
  int number = int(arguments.integer(0, 64));
  if (!arguments.good()) return info.Env().Undefined();
  struct failure failure;
  int sent = process_signal(pid, start_time, number, &failure);
  if (sent < 0) return throw_failure(info.Env(), failure);
  return Napi::Boolean::New(info.Env(), sent > 0);
}

static Value wait_exit(const CallbackInfo &info) {
  Arguments arguments(info, "waitExit");
  pid_t pid = pid_t(arguments.integer(1, INT32_MAX));
  uint64_t start_time = uint64_t(arguments.integer(0, int64_t(SAFE_INTEGER)));
  int32_t milliseconds = int32_t(arguments.integer(0, INT32_MAX));
  if (!arguments.good()) return info.Env().Undefined();
  struct failure failure;
  int gone = process_wait_exit(pid, start_time, milliseconds, &failure);
  if (gone < 0) return throw_failure(info.Env(), failure);
  return Napi::Boolean::New(info.Env(), gone > 0);
}

static Value wait_cgroup(const CallbackInfo &info) {
  Arguments arguments(info, "waitCgroup");
  std::string path = arguments.path(), line = arguments.path();
  int32_t milliseconds = int32_t(arguments.integer(0, INT32_MAX));
  if (!arguments.good()) return info.Env().Undefined();
  struct failure failure;
  int there = process_wait_cgroup(path.c_str(), line.c_str(), milliseconds, &failure);
  if (there < 0) return throw_failure(info.Env(), failure);
  return Napi::Boolean::New(info.Env(), there > 0);
}

static Value processes_of_cgroup(const CallbackInfo &info) {
  Arguments arguments(info, "cgroupProcesses");
  std::string path = arguments.path();
  if (!arguments.good()) return info.Env().Undefined();
  struct bytes pids;
  struct failure failure;
  if (cgroup_processes(path.c_str(), &pids, &failure) < 0) return throw_failure(info.Env(), failure);
  Value text = Napi::String::New(info.Env(), pids.data, pids.size);
  free(pids.data);
  return text;
}

static Value remove_below_cgroup(const CallbackInfo &info) {
  Arguments arguments(info, "removeCgroupsBelow");
  std::string path = arguments.path();
  if (!arguments.good()) return info.Env().Undefined();
  struct failure failure;
  int removed = cgroup_remove_below(path.c_str(), &failure);
  if (removed < 0) return throw_failure(info.Env(), failure);
  return Napi::Boolean::New(info.Env(), removed > 0);
}

static Value detach_mount(const CallbackInfo &info) {
  Arguments arguments(info, "detachMount");
  std::string path = arguments.path();
  if (!arguments.good()) return info.Env().Undefined();
  if (umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) return info.Env().Undefined();
  struct failure failure;
  fail(&failure, "umount2", path.c_str());
  return throw_failure(info.Env(), failure);
}

static Value run(const CallbackInfo &info) {
  Arguments arguments(info, "run");
  std::vector<std::string> words = arguments.paths();
  if (!arguments.good()) return info.Env().Undefined();
  struct failure failure;
  if (words.empty()) {
    errno = EINVAL;
    fail(&failure, "exec", "");
    return throw_failure(info.Env(), failure);
  }
  std::vector<char *> argv;
  for (std::string &word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  struct run_result result;
  if (process_run(argv.data(), &result, &failure) < 0) return throw_failure(info.Env(), failure);
  Napi::Object object = Napi::Object::New(info.Env());
  object.Set("status", Napi::Number::New(info.Env(), result.status));
  object.Set("stdout", Napi::String::New(info.Env(), result.out.data, result.out.size));
  object.Set("stderr", Napi::String::New(info.Env(), result.err.data, result.err.size));
  free(result.out.data);
  free(result.err.data);
  return object;
}

void export_process(Napi::Env env, Napi::Object exports) {
  export_function<environment>(env, exports, "env");
  export_function<identity>(env, exports, "identity");
  export_function<capabilities>(env, exports, "capabilities");
  export_function<system_name>(env, exports, "uname");
  export_function<is_tty>(env, exports, "isTty");
  export_function<open_at_start>(env, exports, "openAtStart");
  export_function<digest>(env, exports, "digest");
  export_function<now>(env, exports, "clock");
  export_function<sleep_for>(env, exports, "sleep");
  export_function<state_of>(env, exports, "processState");
  export_function<signal_process>(env, exports, "signal");
  export_function<wait_exit>(env, exports, "waitExit");
  export_function<wait_cgroup>(env, exports, "waitCgroup");
  export_function<processes_of_cgroup>(env, exports, "cgroupProcesses");
  export_function<remove_below_cgroup>(env, exports, "removeCgroupsBelow");
  export_function<detach_mount>(env, exports, "detachMount");
  export_function<run>(env, exports, "run");
}
