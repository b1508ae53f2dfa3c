// walkBegin, walk, slot ...: the current walk (host.c).
#include "addon.h"
#include <cstring>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

extern "C" {
#include "host.h"
#include "prepare.h"
#include "utf8.h"
}

// What a hook says may be anything, and its last bytes may begin within a character: a byte that is no UTF-8 becomes "?".
static std::string readable(const char *text) {
  std::string out(text);
  for (size_t at = 0; (at += utf8_prefix(out.data() + at, out.size() - at)) < out.size(); at++) out[at] = '?';
  return out;
}

static Napi::Value to_result(Napi::Env env, const struct walk_result &result) {
  static const char *const words[] = {"done", "call", "failed"};
  Napi::Object object = Napi::Object::New(env);
  object.Set("status", Napi::String::New(env, words[result.status]));
  object.Set("step", Napi::Number::New(env, result.step));
  if (result.status != WALK_FAILED) return object;
  object.Set("call", Napi::String::New(env, result.failure->call ? result.failure->call : ""));
  object.Set("errno", Napi::Number::New(env, result.failure->err));
  object.Set("detail", Napi::String::New(env, readable(result.failure->detail)));
  return object;
}

static bool append_string(std::string &out, const Napi::Value &value) {
  if (!value.IsString()) return false;
  out += value.As<Napi::String>().Utf8Value();
  return true;
}

// A text of the plan's string table: its length, its bytes, NUL. The items of a list have a NUL each.
static bool append_text(std::string &out, const Napi::Value &value) {
  size_t begin = out.size();
  out.append(4, '\0');
  if (value.IsArray()) {
    Napi::Array list = value.As<Napi::Array>();
    for (uint32_t i = 0, count = list.Length(); i < count; i++) {
      if (!append_string(out, list.Get(i))) return false;
      out += '\0';
    }
  } else if (value.IsTypedArray()) {
    Napi::Uint8Array bytes = value.As<Napi::Uint8Array>();
    out.append(reinterpret_cast<const char *>(bytes.Data()), bytes.ByteLength());
  } else if (!append_string(out, value)) {
    return false;
  }
  uint32_t length = uint32_t(out.size() - begin - 4);
  memcpy(&out[begin], &length, sizeof length);
  out += '\0';
  return true;
}

// Puts the texts behind the records and their offsets where their indices were. False when the two do not fit together.
static bool assemble_plan(const Data &records, const Napi::Value &list, std::string &plan) {
  if (!list.IsArray() || records.size < sizeof(struct plan_header)) return false;
  Napi::Array texts = list.As<Napi::Array>();
  plan.assign(static_cast<const char *>(records.bytes), records.size);
  std::vector<uint32_t> offsets(texts.Length());
  for (uint32_t i = 0; i < offsets.size(); i++) {
    offsets[i] = uint32_t(plan.size() - records.size);
    if (!append_text(plan, texts.Get(i))) return false;
  }
  auto *header = reinterpret_cast<struct plan_header *>(&plan[0]);
  auto *steps = reinterpret_cast<struct step *>(header + 1);
  header->size = uint32_t(plan.size());
  header->strings = uint32_t(records.size);
  header->strings_size = uint32_t(plan.size() - records.size);
  if (header->step_count != (records.size - sizeof *header) / sizeof *steps) return false;
  for (uint32_t i = 0; i < header->step_count; i++)
    for (uint32_t &text : steps[i].s) {
      if (text >= offsets.size()) return false;
      text = offsets[text];
    }
  return true;
}

static Napi::Value WalkBegin(const Napi::CallbackInfo &info) {
  Arguments arguments(info, "walkBegin");
  Data records;
  arguments.bytes(&records);
  if (!arguments.good()) return info.Env().Undefined();
  std::string plan;
  struct failure failure = {};
  if (!assemble_plan(records, info[1], plan)) {
    errno = EINVAL;
    fail(&failure, "plan", NULL);
    return throw_failure(info.Env(), failure);
  }
  if (host_begin(plan.data(), plan.size(), &failure) < 0) return throw_failure(info.Env(), failure);
  return info.Env().Undefined();
}

static Napi::Value PrepareNetwork(const Napi::CallbackInfo &info) {
  prepare_begin();
  return info.Env().Undefined();
}

static Napi::Value Walk(const Napi::CallbackInfo &info) { return to_result(info.Env(), host_walk()); }

static Napi::Value Slot(const Napi::CallbackInfo &info) {
  Arguments arguments(info, "slot");
  int64_t index = arguments.integer(0, SLOT_COUNT - 1);
  if (!arguments.good()) return info.Env().Undefined();
  return Napi::Number::New(info.Env(), host_slot(uint32_t(index)));
}

static Napi::Value SetSlot(const Napi::CallbackInfo &info) {
  Arguments arguments(info, "setSlot");
  int64_t index = arguments.integer(0, SLOT_COUNT - 1), value = arguments.integer(-1, INT32_MAX);
  if (arguments.good()) host_set_slot(uint32_t(index), int(value));
  return info.Env().Undefined();
}

static Napi::Value WalkAbort(const Napi::CallbackInfo &info) {
  host_abort();
  return info.Env().Undefined();
}

static Napi::Value StartInit(const Napi::CallbackInfo &info) {
  Arguments arguments(info, "startInit");
  std::string path = arguments.path();
  if (!arguments.good()) return info.Env().Undefined();
  return to_result(info.Env(), host_start(path.c_str()));
}

static Napi::Value HoldSignals(const Napi::CallbackInfo &info) {
  struct failure failure;
  if (host_hold_signals(&failure) < 0) return throw_failure(info.Env(), failure);
  return info.Env().Undefined();
}

static Napi::Value Supervise(const Napi::CallbackInfo &info) {
  Arguments arguments(info, "supervise");
  int64_t pid = arguments.integer(1, INT32_MAX), master = arguments.integer(-1, INT32_MAX);
  if (!arguments.good()) return info.Env().Undefined();
  struct failure failure;
  int status = host_supervise(pid_t(pid), int(master), &failure);
  if (status < 0) return throw_failure(info.Env(), failure);
  return Napi::Number::New(info.Env(), status);
}

// [columns, rows] of our own terminal
static Napi::Value TerminalSize(const Napi::CallbackInfo &info) {
  struct winsize size = {};
  if (ioctl(0, TIOCGWINSZ, &size) < 0) ioctl(1, TIOCGWINSZ, &size);
  Napi::Array result = Napi::Array::New(info.Env(), 2);
  result.Set(0u, Napi::Number::New(info.Env(), size.ws_col));
  result.Set(1u, Napi::Number::New(info.Env(), size.ws_row));
  return result;
}

// Inode of the user namespace that owns a namespace file (ioctl_ns(2)); 0 when it may not be known.
static Napi::Value NamespaceOwner(const Napi::CallbackInfo &info) {
  Arguments arguments(info, "namespaceOwner");
  std::string path = arguments.path();
  if (!arguments.good()) return info.Env().Undefined();
  struct stat st = {};
  int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  int owner = file < 0 ? -1 : ioctl(file, NS_GET_USERNS);
  if (owner < 0 || fstat(owner, &st) < 0) st.st_ino = 0;
  if (owner >= 0) close(owner);
  if (file >= 0) close(file);
  return Napi::Number::New(info.Env(), double(st.st_ino));
}

// The trace is a file in memory that both actors append their records to (walk.c).
static Napi::Value TraceBegin(const Napi::CallbackInfo &info) {
  int file = memfd_create("runts-trace", MFD_CLOEXEC);
  if (file >= 0 && fcntl(file, F_SETFL, O_APPEND) == 0) host_set_slot(SLOT_TRACE, file);
  return info.Env().Undefined();
}

// Four numbers a step: index, 1 for init, begin and end in nanoseconds since boot
static Napi::Value TraceEnd(const Napi::CallbackInfo &info) {
  Napi::Array result = Napi::Array::New(info.Env());
  uint64_t record[4];
  int file = host_slot(SLOT_TRACE);
  for (off_t at = 0; file >= 0 && pread(file, record, sizeof record, at) == sizeof record; at += sizeof record)
    for (uint64_t value : record) result.Set(result.Length(), Napi::Number::New(info.Env(), double(value)));
  return result;
}

void export_walk(Napi::Env env, Napi::Object exports) {
  export_function<PrepareNetwork>(env, exports, "prepareNetwork");
  export_function<WalkBegin>(env, exports, "walkBegin");
  export_function<Walk>(env, exports, "walk");
  export_function<Slot>(env, exports, "slot");
  export_function<SetSlot>(env, exports, "setSlot");
  export_function<WalkAbort>(env, exports, "walkAbort");
  export_function<StartInit>(env, exports, "startInit");
  export_function<HoldSignals>(env, exports, "holdSignals");
  export_function<Supervise>(env, exports, "supervise");
  export_function<TerminalSize>(env, exports, "terminalSize");
  export_function<NamespaceOwner>(env, exports, "namespaceOwner");
  export_function<TraceBegin>(env, exports, "traceBegin");
  export_function<TraceEnd>(env, exports, "traceEnd");
}
