// The "files" section of src/native.ts.
#include "addon.h"
#include <fcntl.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

extern "C" {
#include "fs.h"
}

using Napi::CallbackInfo;
using Napi::Value;

static Value done(const CallbackInfo &info, int result, const struct failure &failure) {
  return result < 0 ? throw_failure(info.Env(), failure) : info.Env().Undefined();
}

// For system calls that are one function: the failure is made of errno.
static Value called(const CallbackInfo &info, int result, const char *call, const std::string &path) {
  struct failure failure;
  return done(info, result < 0 ? fail(&failure, call, path.c_str()) : 0, failure);
}

static Value number(const CallbackInfo &info, double value) {
  return Napi::Number::New(info.Env(), value);
}

static Value take_text(const CallbackInfo &info, int result, struct bytes *bytes, const struct failure &failure) {
  if (result < 0) return throw_failure(info.Env(), failure);
  Value text = Napi::String::New(info.Env(), bytes->data, bytes->size);
  free(bytes->data);
  return text;
}

static Value read_text(const CallbackInfo &info) {
  Arguments arguments(info, "readText");
  std::string path = arguments.path();
  if (!arguments.good()) return info.Env().Undefined();
  struct bytes bytes;
  struct failure failure;
  int result = fs_read(path.c_str(), true, &bytes, &failure);
  return take_text(info, result, &bytes, failure);
}

static Value read_bytes(const CallbackInfo &info) {
  Arguments arguments(info, "readBytes");
  std::string path = arguments.path();
  if (!arguments.good()) return info.Env().Undefined();
  struct bytes bytes;
  struct failure failure;
  if (fs_read(path.c_str(), false, &bytes, &failure) < 0) return throw_failure(info.Env(), failure);
  Napi::Uint8Array array = Napi::Uint8Array::New(info.Env(), bytes.size);
  if (!info.Env().IsExceptionPending() && bytes.size > 0) memcpy(array.Data(), bytes.data, bytes.size);
  free(bytes.data);
  return array;
}

static Value read_all(const CallbackInfo &info) {
  Arguments arguments(info, "readAll");
  int fd = arguments.descriptor();
  if (!arguments.good()) return info.Env().Undefined();
  struct bytes bytes;
  struct failure failure;
  int result = fs_read_all(fd, std::to_string(fd).c_str(), true, &bytes, &failure);
  return take_text(info, result, &bytes, failure);
}

static Value write_file(const CallbackInfo &info) {
  Arguments arguments(info, "writeFile");
  Data data;
  std::string path = arguments.path();
  arguments.data(&data);
  if (!arguments.good()) return info.Env().Undefined();
  struct failure failure;
  return done(info, fs_write_file(path.c_str(), data.bytes, data.size, &failure), failure);
}

typedef int (*file_maker)(const char *path, const void *data, size_t size, mode_t mode, struct failure *failure);

static Value make_file(const CallbackInfo &info, const char *name, file_maker make) {
  Arguments arguments(info, name);
  Data data;
  std::string path = arguments.path();
  arguments.data(&data);
  mode_t mode = arguments.mode();
  if (!arguments.good()) return info.Env().Undefined();
  struct failure failure;
  return done(info, make(path.c_str(), data.bytes, data.size, mode, &failure), failure);
}

static Value create_file(const CallbackInfo &info) {
  return make_file(info, "createFile", fs_create_file);
}

static Value replace_file(const CallbackInfo &info) {
  return make_file(info, "replaceFile", fs_replace_file);
}

static Value rename_file(const CallbackInfo &info) {
  Arguments arguments(info, "rename");
  std::string from = arguments.path(), to = arguments.path();
  if (!arguments.good()) return info.Env().Undefined();
  struct failure failure;
  return done(info, rename(from.c_str(), to.c_str()) < 0 ? fail(&failure, "rename", to.c_str()) : 0, failure);
}

static Value write_descriptor(const CallbackInfo &info) {
  Arguments arguments(info, "write");
  Data data;
  int fd = arguments.descriptor();
  arguments.data(&data);
  if (!arguments.good()) return info.Env().Undefined();
  struct failure failure;
  return done(info, fs_write_all(fd, std::to_string(fd).c_str(), data.bytes, data.size, &failure), failure);
}

static Value make_directory(const CallbackInfo &info) {
  Arguments arguments(info, "mkdir");
  std::string path = arguments.path();
  mode_t mode = arguments.mode();
  if (!arguments.good()) return info.Env().Undefined();
  return called(info, mkdir(path.c_str(), mode), "mkdir", path);
}

static Value change_mode(const CallbackInfo &info) {
  Arguments arguments(info, "chmod");
  std::string path = arguments.path();
  mode_t mode = arguments.mode();
  if (!arguments.good()) return info.Env().Undefined();
  return called(info, chmod(path.c_str(), mode), "chmod", path);
}

static Value remove_directory(const CallbackInfo &info) {
  Arguments arguments(info, "rmdir");
  std::string path = arguments.path();
  if (!arguments.good()) return info.Env().Undefined();
  return called(info, rmdir(path.c_str()), "rmdir", path);
}

static Value remove_file(const CallbackInfo &info) {
  Arguments arguments(info, "unlink");
  std::string path = arguments.path();
  if (!arguments.good()) return info.Env().Undefined();
  return called(info, unlink(path.c_str()), "unlink", path);
}

static Value remove_tree(const CallbackInfo &info) {
  Arguments arguments(info, "removeTree");
  std::string path = arguments.path();
  if (!arguments.good()) return info.Env().Undefined();
  struct failure failure;
  return done(info, fs_remove_tree(path.c_str(), &failure), failure);
}

static Value list(const CallbackInfo &info) {
  Arguments arguments(info, "list");
  std::string path = arguments.path();
  if (!arguments.good()) return info.Env().Undefined();
  struct bytes names;
  struct failure failure;
  if (fs_list(path.c_str(), &names, &failure) < 0) return throw_failure(info.Env(), failure);
  Napi::Array array = Napi::Array::New(info.Env());
  uint32_t count = 0;
  for (size_t at = 0; at < names.size;) {
    Napi::HandleScope scope(info.Env());
    size_t length = strlen(names.data + at);
    array.Set(count++, Napi::String::New(info.Env(), names.data + at, length));
    at += length + 1;
  }
  free(names.data);
  return array;
}

static const char *kind_of(mode_t mode) {
  switch (mode & S_IFMT) {
  case S_IFREG: return "f";
  case S_IFDIR: return "d";
  case S_IFLNK: return "l";
  case S_IFCHR: return "c";
  case S_IFBLK: return "b";
  case S_IFIFO: return "p";
  case S_IFSOCK: return "s";
  default: return "?";
  }
}

static Value status_of(const CallbackInfo &info, const char *name, bool follow) {
  Arguments arguments(info, name);
  std::string path = arguments.path();
  if (!arguments.good()) return info.Env().Undefined();
  struct stat st;
  struct failure failure;
  int found = fs_stat(path.c_str(), follow, &st, &failure);
  if (found < 0) return throw_failure(info.Env(), failure);
  if (found == 0) return info.Env().Null();
  Napi::Object object = Napi::Object::New(info.Env());
  object.Set("kind", Napi::String::New(info.Env(), kind_of(st.st_mode)));
  object.Set("mode", number(info, st.st_mode & 07777));
  object.Set("uid", number(info, st.st_uid));
  object.Set("gid", number(info, st.st_gid));
  object.Set("dev", number(info, double(st.st_dev)));
  object.Set("ino", number(info, double(st.st_ino)));
  object.Set("size", number(info, double(st.st_size)));
  object.Set("major", number(info, major(st.st_rdev)));
  object.Set("minor", number(info, minor(st.st_rdev)));
  return object;
}

static Value status(const CallbackInfo &info) {
  return status_of(info, "stat", true);
}

static Value link_status(const CallbackInfo &info) {
  return status_of(info, "lstat", false);
}

static Value can_access(const CallbackInfo &info) {
  Arguments arguments(info, "access");
  std::string path = arguments.path();
  int mode = int(arguments.integer(0, R_OK | W_OK | X_OK));
  if (!arguments.good()) return info.Env().Undefined();
  return Napi::Boolean::New(info.Env(), faccessat(AT_FDCWD, path.c_str(), mode, AT_EACCESS) == 0);
}

static Value real_path(const CallbackInfo &info) {
  Arguments arguments(info, "realPath");
  std::string path = arguments.path();
  if (!arguments.good()) return info.Env().Undefined();
  struct bytes real;
  struct failure failure;
  int result = fs_real_path(path.c_str(), &real, &failure);
  return take_text(info, result, &real, failure);
}

static Value read_link(const CallbackInfo &info) {
  Arguments arguments(info, "readLink");
  std::string path = arguments.path();
  if (!arguments.good()) return info.Env().Undefined();
  struct bytes target;
  struct failure failure;
  int result = fs_read_link(path.c_str(), &target, &failure);
  return take_text(info, result, &target, failure);
}

static Value cwd(const CallbackInfo &info) {
  struct bytes path;
  struct failure failure;
  int result = fs_cwd(&path, &failure);
  return take_text(info, result, &path, failure);
}

static Value fs_type(const CallbackInfo &info) {
  Arguments arguments(info, "fsType");
  std::string path = arguments.path();
  if (!arguments.good()) return info.Env().Undefined();
  struct statfs fs;
  if (statfs(path.c_str(), &fs) < 0) return called(info, -1, "statfs", path);
  return number(info, double(fs.f_type));
}

static Value mount_flags(const CallbackInfo &info) {
  Arguments arguments(info, "mountFlags");
  std::string path = arguments.path();
  if (!arguments.good()) return info.Env().Undefined();
  struct statvfs fs;
  if (statvfs(path.c_str(), &fs) < 0) return called(info, -1, "statfs", path);
  return number(info, double(fs.f_flag & ~0x20ul)); // ST_VALID is the kernel's own; musl does not hide it
}

static Value open_file(const CallbackInfo &info) {
  Arguments arguments(info, "open");
  std::string path = arguments.path();
  bool path_only = arguments.boolean();
  if (!arguments.good()) return info.Env().Undefined();
  int fd = open(path.c_str(), (path_only ? O_PATH : O_RDONLY) | O_CLOEXEC);
  return fd < 0 ? called(info, fd, "open", path) : number(info, fd);
}

static Value open_append(const CallbackInfo &info) {
  Arguments arguments(info, "openAppend");
  std::string path = arguments.path();
  mode_t mode = arguments.mode();
  if (!arguments.good()) return info.Env().Undefined();
  int fd = open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, mode);
  return fd < 0 ? called(info, fd, "open", path) : number(info, fd);
}

static Value close_descriptor(const CallbackInfo &info) {
  Arguments arguments(info, "close");
  int fd = arguments.descriptor();
  if (!arguments.good()) return info.Env().Undefined();
  return called(info, close(fd), "close", std::to_string(fd));
}

static Value lock(const CallbackInfo &info) {
  Arguments arguments(info, "lock");
  std::string path = arguments.path();
  bool wait = arguments.boolean();
  if (!arguments.good()) return info.Env().Undefined();
  struct failure failure;
  int fd = fs_lock(path.c_str(), wait, &failure);
  return fd < 0 && failure.err != 0 ? throw_failure(info.Env(), failure) : number(info, fd);
}

void export_files(Napi::Env env, Napi::Object exports) {
  export_function<read_text>(env, exports, "readText");
  export_function<read_bytes>(env, exports, "readBytes");
  export_function<write_file>(env, exports, "writeFile");
  export_function<create_file>(env, exports, "createFile");
  export_function<replace_file>(env, exports, "replaceFile");
  export_function<rename_file>(env, exports, "rename");
  export_function<write_descriptor>(env, exports, "write");
  export_function<read_all>(env, exports, "readAll");
  export_function<make_directory>(env, exports, "mkdir");
  export_function<change_mode>(env, exports, "chmod");
  export_function<remove_directory>(env, exports, "rmdir");
  export_function<remove_file>(env, exports, "unlink");
  export_function<remove_tree>(env, exports, "removeTree");
  export_function<list>(env, exports, "list");
  export_function<status>(env, exports, "stat");
  export_function<link_status>(env, exports, "lstat");
  export_function<can_access>(env, exports, "access");
  export_function<real_path>(env, exports, "realPath");
  export_function<read_link>(env, exports, "readLink");
  export_function<cwd>(env, exports, "cwd");
  export_function<fs_type>(env, exports, "fsType");
  export_function<mount_flags>(env, exports, "mountFlags");
  export_function<open_file>(env, exports, "open");
  export_function<open_append>(env, exports, "openAppend");
  export_function<close_descriptor>(env, exports, "close");
  export_function<lock>(env, exports, "lock");
}
