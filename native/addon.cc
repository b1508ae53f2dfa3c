#include "addon.h"
#include <cmath>
#include <cstring>

extern "C" {
#include "errno_name.h"
#include "utf8.h"
}

static Napi::Value throw_native(Napi::Env env, int err, const char *syscall, const std::string &path) {
  const char *name = errno_name(err);
  std::string code = name != nullptr ? name : "EUNKNOWN";
  Napi::Error error = Napi::Error::New(env, code + ": " + syscall + (path.empty() ? "" : " \"" + path + "\""));
  error.Set("code", Napi::String::New(env, code));
  error.Set("errno", Napi::Number::New(env, err));
  error.Set("syscall", Napi::String::New(env, syscall));
  error.Set("path", Napi::String::New(env, path));
  error.ThrowAsJavaScriptException();
  return env.Undefined();
}

Napi::Value throw_failure(Napi::Env env, const struct failure &failure) {
  // The detail may have been cut in the middle of a character, or be a name that is not UTF-8.
  return throw_native(env, failure.err, failure.call, std::string(failure.detail, utf8_prefix(failure.detail, strlen(failure.detail))));
}

void Arguments::refuse(const char *expected) {
  if (refusal_.empty()) refusal_ = "argument " + std::to_string(index_) + ": " + expected;
}

bool Arguments::good() {
  if (info_.Env().IsExceptionPending()) return false; // a getter's own
  if (refusal_.empty()) return true;
  throw_native(info_.Env(), EINVAL, function_, refusal_);
  return false;
}

std::string Arguments::text() {
  Napi::Value value = next();
  if (value.IsString()) return value.As<Napi::String>().Utf8Value();
  refuse("a string expected");
  return "";
}

std::string Arguments::path() {
  std::string path = text();
  if (path.find('\0') != std::string::npos) refuse("a text without NUL expected");
  return path;
}

int64_t Arguments::integer(int64_t low, int64_t high) {
  Napi::Value value = next();
  double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : NAN;
  if (number >= double(low) && number <= double(high) && number == std::floor(number)) return int64_t(number);
  refuse("an integer in range expected");
  return 0;
}

bool Arguments::boolean() {
  Napi::Value value = next();
  if (value.IsBoolean()) return value.As<Napi::Boolean>().Value();
  refuse("a boolean expected");
  return false;
}

static bool is_bytes(const Napi::Value &value) {
  return value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array;
}

static void view(const Napi::Value &value, Data *out) {
  Napi::Uint8Array array = value.As<Napi::Uint8Array>();
  out->bytes = array.Data();
  out->size = array.ByteLength();
}

void Arguments::bytes(Data *out) {
  Napi::Value value = next();
  if (is_bytes(value)) view(value, out);
  else refuse("a Uint8Array expected");
}

void Arguments::data(Data *out) {
  Napi::Value value = next();
  if (is_bytes(value)) return view(value, out);
  if (!value.IsString()) return refuse("a string or a Uint8Array expected");
  out->text = value.As<Napi::String>().Utf8Value();
  out->bytes = out->text.data();
  out->size = out->text.size();
}

std::vector<std::string> Arguments::paths() {
  std::vector<std::string> list;
  Napi::Value value = next();
  if (!value.IsArray()) {
    refuse("an array of strings expected");
    return list;
  }
  Napi::Array array = value.As<Napi::Array>();
  uint32_t length = array.Length();
  for (uint32_t i = 0; i < length; i++) {
    Napi::HandleScope scope(info_.Env());
    Napi::Value item = array.Get(i);
    if (info_.Env().IsExceptionPending() || !item.IsString()) {
      refuse("an array of strings expected");
      break;
    }
    list.push_back(item.As<Napi::String>().Utf8Value());
    if (list.back().find('\0') != std::string::npos) refuse("texts without NUL expected");
  }
  return list;
}

static Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  export_files(env, exports);
  export_process(env, exports);
  export_socket(env, exports);
  export_walk(env, exports);
  return exports;
}

NODE_API_MODULE(runts, initialize)
