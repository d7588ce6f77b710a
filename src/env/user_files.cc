#include "env/user_files.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace tidemark {
namespace {

bool is_of_user(const std::string& path, mode_t type) {
  struct stat info;
  return ::lstat(path.c_str(), &info) == 0 && (info.st_mode & S_IFMT) == type && info.st_uid == ::geteuid();
}

}  // namespace

bool is_user_file(const std::string& path) { return is_of_user(path, S_IFREG); }

bool is_user_folder(const std::string& path) { return is_of_user(path, S_IFDIR); }

bool keep_for_user(const std::string& folder) { return ::chmod(folder.c_str(), 0700) == 0; }

bool is_private_folder(const std::string& path) {
  struct stat info;
  return is_user_folder(path) && ::lstat(path.c_str(), &info) == 0 && (info.st_mode & 0077) == 0;
}

Result<> make_private_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(ErrorCode::kIo, fmt::format("cannot make the folder '{}': {}", path, std::generic_category().message(errno)));
  }
  if (is_user_folder(path)) keep_for_user(path);
  if (is_private_folder(path)) return {};
  return fail(ErrorCode::kPermissionDenied,
              fmt::format("'{}' is no folder of this user's alone: remove it, or name another one", path));
}

Result<> make_runnable(const std::string& file) {
  if (::chmod(file.c_str(), 0500) == 0) return {};
  return fail(ErrorCode::kIo, fmt::format("cannot make '{}' a program: {}", file, std::generic_category().message(errno)));
}

std::uint32_t user_id() { return ::geteuid(); }

}  // namespace tidemark
