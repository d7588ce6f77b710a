#include "env/unix_socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace tidemark {

Result<UnixSocketName> UnixSocketName::in(const std::string& folder, std::string name) {
  const int fd = ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    return fail(errno == ENOENT || errno == ENOTDIR ? ErrorCode::kNotFound : ErrorCode::kIo,
                fmt::format("cannot open the folder '{}': {}", folder, std::generic_category().message(errno)));
  }
  std::string shown = folder + "/" + name;
  return UnixSocketName{fd, std::move(shown), std::move(name)};
}

UnixSocketName::UnixSocketName(int folder, std::string shown, std::string name)
    : folder_{folder},
      shown_{std::move(shown)},
      name_{std::move(name)},
      address_{fmt::format("/proc/self/fd/{}/{}", folder_, name_)} {}

UnixSocketName::UnixSocketName(UnixSocketName&& other) noexcept
    : folder_{std::exchange(other.folder_, -1)},
      shown_{std::move(other.shown_)},
      name_{std::move(other.name_)},
      address_{std::move(other.address_)},
      bound_{other.bound_} {}

UnixSocketName::~UnixSocketName() {
  if (folder_ >= 0) ::close(folder_);
}

bool UnixSocketName::exists() const {
  struct stat info;
  return ::fstatat(folder_, name_.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(info.st_mode);
}

Result<> UnixSocketName::remove() const {
  struct stat info;
  if (::fstatat(folder_, name_.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT) return {};
  if (!exists()) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("'{}' is in the way of a socket and is none: remove it", shown_));
  }
  if (::unlinkat(folder_, name_.c_str(), 0) == 0 || errno == ENOENT) return {};
  return fail(ErrorCode::kIo, fmt::format("cannot remove the old socket '{}': {}", shown_, std::generic_category().message(errno)));
}

void UnixSocketName::note_bound() {
  struct stat info;
  if (::fstatat(folder_, name_.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) bound_ = info.st_ino;
}

void UnixSocketName::remove_bound() const {
  struct stat info;
  if (bound_ == 0 || ::fstatat(folder_, name_.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return;
  if (info.st_ino == bound_) ::unlinkat(folder_, name_.c_str(), 0);
}

void keep_socket_to_owner(int socket) noexcept {
  // Linux gives the name the mode of the socket.
  if (::fchmod(socket, 0600) != 0) return;
}

}  // namespace tidemark
