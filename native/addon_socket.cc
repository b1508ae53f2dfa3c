// A stream to a service on this machine (systemd's D-Bus): connect, send, receive with a deadline.
#include "addon.h"
#include <poll.h> // POLLIN
#include <sys/socket.h>
#include <unistd.h>

extern "C" {
#include "host.h"
#include "process.h"
}

static Napi::Value ConnectUnix(const Napi::CallbackInfo &info) {
  Arguments arguments(info, "connectUnix");
  std::string path = arguments.path();
  if (!arguments.good()) return info.Env().Undefined();
  struct failure failure;
  int descriptor = unix_connect(path.c_str(), SOCK_STREAM, &failure);
  if (descriptor < 0) return throw_failure(info.Env(), failure);
  return Napi::Number::New(info.Env(), descriptor);
}

static Napi::Value Receive(const Napi::CallbackInfo &info) {
  Arguments arguments(info, "receive");
  int descriptor = arguments.descriptor();
  int32_t milliseconds = int32_t(arguments.integer(0, INT32_MAX));
  if (!arguments.good()) return info.Env().Undefined();
  uint8_t buffer[65536];
  struct failure failure;
  int ready = process_poll(descriptor, POLLIN, milliseconds);
  if (ready == 0) errno = ETIMEDOUT;
  ssize_t size = ready > 0 ? recv(descriptor, buffer, sizeof buffer, 0) : -1;
  if (size < 0) {
    fail(&failure, "recv", nullptr);
    return throw_failure(info.Env(), failure);
  }
  Napi::Uint8Array result = Napi::Uint8Array::New(info.Env(), size_t(size));
  for (ssize_t i = 0; i < size; i++) result.Data()[i] = buffer[i];
  return result;
}

void export_socket(Napi::Env env, Napi::Object exports) {
  export_function<ConnectUnix>(env, exports, "connectUnix");
  export_function<Receive>(env, exports, "receive");
}
