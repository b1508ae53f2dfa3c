// What the parts of the binding share. Arguments are positional and checked; everything thrown is a NativeError.
//
// node-addon-api without C++ exceptions: after a failed call its values are unusable (using one aborts Node.js), so
// each function checks its arguments with `Arguments`, which says at the end whether all were good, and only then acts.
#ifndef RUNTS_ADDON_H
#define RUNTS_ADDON_H
#include <cstdint>
#include <napi.h>
#include <string>
#include <vector>

extern "C" {
#include "failure.h"
}

// Throws a NativeError (src/native.ts): code, errno, syscall, path. Returns undefined, to be returned at once.
Napi::Value throw_failure(Napi::Env env, const struct failure &failure);

// A piece of a string or of a Uint8Array. Good as long as the call lasts.
struct Data {
  std::string text;
  const void *bytes = nullptr;
  size_t size = 0;
};

class Arguments {
public:
  Arguments(const Napi::CallbackInfo &info, const char *function) : info_(info), function_(function) {}
  // A string; as a path it must not contain NUL, which C would take for its end (EINVAL).
  std::string text();
  std::string path();
  int64_t integer(int64_t low, int64_t high);
  int descriptor() { return int(integer(INT32_MIN, INT32_MAX)); }
  unsigned mode() { return unsigned(integer(0, 07777)); }
  bool boolean();
  void data(Data *out);
  void bytes(Data *out);
  std::vector<std::string> paths();
  // Whether all were good; if not, the NativeError (EINVAL) is thrown already.
  bool good();

private:
  Napi::Value next() { return info_[index_++]; }
  void refuse(const char *expected);
  const Napi::CallbackInfo &info_;
  const char *function_;
  size_t index_ = 0;
  std::string refusal_;
};

template <Napi::Value (*function)(const Napi::CallbackInfo &)>
void export_function(Napi::Env env, Napi::Object exports, const char *name) {
  exports.Set(name, Napi::Function::New<function>(env, name));
}

void export_files(Napi::Env env, Napi::Object exports);
void export_process(Napi::Env env, Napi::Object exports);
void export_socket(Napi::Env env, Napi::Object exports);
void export_walk(Napi::Env env, Napi::Object exports);
#endif
